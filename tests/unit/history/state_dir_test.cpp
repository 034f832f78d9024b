#include "history/state_dir.hpp"

#include <doctest/doctest.h>

#include <map>
#include <vector>

using namespace scp;

TEST_CASE("where the history lies: one answer for scpd and scpctl") {
    using Variables = std::map<std::string, std::string>;
    constexpr uid_t root = 0;
    constexpr uid_t somebody = 1000;
    struct Row {
        const char* name;
        uid_t user;
        Variables variables;
        const char* history;
    };
    const std::vector<Row> rows{
        {"the superuser, by hand", root, {{"HOME", "/root"}}, "/var/lib/scpd/history"},
        {"an ordinary user", somebody, {{"HOME", "/home/a"}}, "/home/a/.local/state/scpd/history"},
        {"the service",
         somebody,
         {{"STATE_DIRECTORY", "/var/lib/scpd"}, {"HOME", "/"}},
         "/var/lib/scpd/history"},
        {"the first of the service's directories",
         root,
         {{"STATE_DIRECTORY", "/srv/a:/srv/b"}, {"XDG_STATE_HOME", "/x"}},
         "/srv/a/history"},
        {"a named place for a user's state",
         somebody,
         {{"XDG_STATE_HOME", "/x"}, {"HOME", "/home/a"}},
         "/x/scpd/history"},
        {"a named place, for the superuser too",
         root,
         {{"XDG_STATE_HOME", "/x"}, {"HOME", "/root"}},
         "/x/scpd/history"},
        {"a relative place is none", root, {{"XDG_STATE_HOME", "x"}}, "/var/lib/scpd/history"},
        {"a relative place is none, for others neither",
         somebody,
         {{"XDG_STATE_HOME", "x"}, {"STATE_DIRECTORY", "y"}, {"HOME", "/home/a"}},
         "/home/a/.local/state/scpd/history"},
        {"nobody's home", somebody, {}, "/var/lib/scpd/history"},
        {"a relative home", somebody, {{"HOME", "."}}, "/var/lib/scpd/history"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const Environment environment = [&](const char* name) {
            const auto found = row.variables.find(name);
            return found == row.variables.end() ? std::string() : found->second;
        };
        CHECK(default_history_dir(environment, row.user).string() == row.history);
    }
}
