#include "daemon/domain_watch.hpp"

#include "directory/memory.hpp"

#include <doctest/doctest.h>

using namespace scp;
using Watch = DaemonSettings::Watch;
using namespace std::chrono_literals;

namespace {

/// One AD domain, and the watch of it: what it told at each step.
struct Watched {
    explicit Watched(Watch how) {
        server = &forest.add_server("corp.test");
        put("old", {});
        put("user", {{"objectClass", {"user"}}});
        DaemonSettings settings;
        settings.watch = how;
        settings.poll = 30s;
        watch.emplace(
            forest,
            [this](const Message& message) {
                changes += std::holds_alternative<DomainChanged>(message) ? 1 : 0;
                if (const auto* state = std::get_if<WatchState>(&message))
                    states.push_back(state->how.empty() ? "lost: " + state->error : state->how);
            },
            WatchTarget{{"corp", DomainName("corp.test")},
                        Dn::of_domain("corp.test"),
                        Endpoint{server->uri, {}, {}, {}}},
            settings, [this] { return now; });
    }
    void put(const std::string& name, Attributes attributes) {
        if (attributes.empty())
            attributes = {{"objectClass", {"serviceConnectionPoint"}}};
        server->default_partition().put(dn(name), std::move(attributes));
    }
    static Dn dn(const std::string& name) {
        return Dn::of_domain("corp.test").child("CN", "System").child("CN", name);
    }
    std::chrono::milliseconds step() {
        changes = 0;
        return watch->step(stop.get_token());
    }

    MemoryForest forest;
    MemoryServer* server = nullptr;
    std::stop_source stop;
    std::chrono::steady_clock::time_point now{};
    int changes = 0; ///< told in the last step
    std::vector<std::string> states;
    std::optional<DomainWatch> watch;
};

} // namespace

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

TEST_CASE("a watch by uSNChanged tells of what happens to SCPs, and of nothing else") {
    struct Row {
        const char* name;
        std::function<void(Watched&)> happens;
        int told;
    };
    const auto& dn = Watched::dn;
    const std::vector<Row> rows{
        {"nothing", [](Watched&) {}, 0},
        {"a new SCP", [](Watched& w) { w.put("new", {}); }, 1},
        {"two new SCPs",
         [](Watched& w) {
             w.put("new", {});
             w.put("newer", {});
         },
         1},
        {"an SCP is changed",
         [&](Watched& w) { w.server->default_partition().set(dn("old"), "keywords", {"other"}); },
         1},
        {"an SCP is deleted", [&](Watched& w) { w.server->default_partition().remove(dn("old")); },
         1},
        {"an SCP is renamed",
         [&](Watched& w) { w.server->default_partition().rename(dn("old"), "CN=renamed"); }, 1},
        {"an SCP is moved",
         [&](Watched& w) {
             w.server->default_partition().relocate(
                 dn("old"), Dn::of_domain("corp.test").child("CN", "elsewhere"));
         },
         1},
        {"a user is changed",
         [&](Watched& w) { w.server->default_partition().set(dn("user"), "title", {"boss"}); }, 0},
        {"the DC is restored: its numbers go back",
         [](Watched& w) { w.server->root_dse["highestCommittedUSN"] = {"1"}; }, 1},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        Watched watched(Watch::automatic);
        CHECK(watched.step() == 30s);
        CHECK(watched.changes == 1); // what came between the cycle's read and the watermark
        row.happens(watched);
        CHECK(watched.step() == 30s);
        CHECK(watched.changes == row.told);
        watched.step();
        CHECK(watched.changes == 0);
        CHECK(watched.states == std::vector<std::string>{"usn"});
    }
}

TEST_CASE("a watch that polls asks for a look each time") {
    Watched watched(Watch::poll);
    for (int i = 0; i < 3; ++i) {
        CHECK(watched.step() == 30s);
        CHECK(watched.changes == 1);
    }
    CHECK(watched.states == std::vector<std::string>{"poll"});
}

TEST_CASE("a watch that is lost says so, waits ever longer, and asks for a look when it is back") {
    Watched watched(Watch::usn);
    watched.step();
    watched.server->unreachable = true;
    watched.put("unseen", {});
    CHECK(watched.step() == 1s);
    CHECK(watched.step() == 2s);
    CHECK(watched.step() == 4s);
    CHECK(watched.changes == 0);
    CHECK(watched.states.size() == 4); // usn, and three times lost
    watched.server->unreachable = false;
    CHECK(watched.step() == 30s);
    CHECK(watched.changes == 1);
    CHECK(watched.states.back() == "usn");

    watched.now += 61s; // it held for a while: not the fourth failure in a row
    watched.server->unreachable = true;
    CHECK(watched.step() == 1s);
    CHECK(watched.changes == 0);
}

TEST_CASE("a watch that the server cannot have says why") {
    Watched watched(Watch::syncrepl);
    CHECK(watched.step() == 1s);
    REQUIRE(watched.states.size() == 1);
    CHECK(watched.states.front().find("RFC 4533") != std::string::npos);
}
