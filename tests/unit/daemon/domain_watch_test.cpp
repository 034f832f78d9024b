#include "daemon/watcher.hpp"

#include <doctest/doctest.h>

using namespace scp;
using Watch = DaemonSettings::Watch;

TEST_CASE("the way of watching is chosen by what the server has") {
    RootDse openldap;
    openldap.supported_controls = {"1.3.6.1.4.1.4203.1.9.1.1"};
    RootDse active_directory;
    active_directory.highest_committed_usn = 8000;
    const RootDse neither;
    struct Row {
        const char* name;
        Watch wanted;
        const RootDse& root;
        std::string chosen; ///< empty: refused
    };
    const std::vector<Row> rows{
        {"auto on OpenLDAP", Watch::automatic, openldap, "syncrepl"},
        {"auto on AD", Watch::automatic, active_directory, "usn"},
        {"auto on a server with neither", Watch::automatic, neither, "poll"},
        {"forced syncrepl on AD", Watch::syncrepl, active_directory, ""},
        {"forced usn on OpenLDAP", Watch::usn, openldap, ""},
        {"forced poll anywhere", Watch::poll, openldap, "poll"},
        {"forced syncrepl", Watch::syncrepl, openldap, "syncrepl"},
        {"forced usn", Watch::usn, active_directory, "usn"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const auto kind = choose_watch(row.wanted, row.root);
        CHECK((kind ? to_string(*kind) : "") == row.chosen);
        if (!kind)
            CHECK(kind.error().hint.find("daemon.watch") != std::string::npos);
    }
}
