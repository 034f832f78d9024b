#include "guard/host_state.hpp"

#include <doctest/doctest.h>

using namespace scp;

namespace {

const Timestamp noon = *parse_rfc3339("2026-01-01T12:00:00Z");

Approval approval(const char* hash, Timestamp at) {
    return {hash, "root", at};
}

} // namespace

TEST_CASE("host state: a rule is paused once, and resumed by its name without case") {
    HostState state;
    CHECK(pause(state, {"mage", "why", "ann", noon}));
    CHECK(pause(state, {"", "", "root", noon}));
    CHECK(pause(state, {"Alpha", "", "root", noon}));
    REQUIRE(state.pauses.size() == 3);
    CHECK(state.pauses[0].rule.empty());
    CHECK(state.pauses[1].rule == "Alpha");
    REQUIRE(find_pause(state, "MAGE") != nullptr);
    CHECK(find_pause(state, "MAGE")->reason == "why");
    CHECK(find_pause(state, "mag") == nullptr);

    CHECK_FALSE(pause(state, {"MAGE", "", "bob", noon + std::chrono::hours{1}}));
    CHECK_FALSE(pause(state, {"MAGE", "why", "bob", noon + std::chrono::hours{1}}));
    CHECK(find_pause(state, "mage")->who == "ann");
    CHECK(pause(state, {"MAGE", "another", "bob", noon + std::chrono::hours{1}}));
    CHECK(*find_pause(state, "mage") == Pause{"mage", "another", "bob", noon});

    CHECK(resume(state, ""));
    CHECK_FALSE(resume(state, ""));
    CHECK(find_pause(state, "mage") != nullptr);
    CHECK(resume(state, "Mage"));
    CHECK(state.pauses.size() == 1);
}

TEST_CASE("host state: an approval holds for a week, for one use") {
    using std::chrono::hours;
    using std::chrono::seconds;
    struct Row {
        const char* name;
        Timestamp at;
        bool holds;
    };
    for (const Row& row : {
             Row{"now", noon, true},
             Row{"a week ago", noon - hours{7 * 24}, true},
             Row{"longer ago", noon - hours{7 * 24} - seconds{1}, false},
             Row{"the clock was wrong a little", noon + hours{1}, true},
             Row{"or much", noon + hours{7 * 24} + seconds{1}, false},
         }) {
        CAPTURE(row.name);
        HostState state;
        CHECK(approve(state, approval("a", row.at)));
        CHECK(approved_hashes(state, noon).contains("a") == row.holds);
        CHECK(drop_old_approvals(state, noon) == !row.holds);
        CHECK(state.approvals.empty() == !row.holds);
    }
    HostState state;
    CHECK(approve(state, approval("b", noon)));
    CHECK(approve(state, approval("a", noon)));
    CHECK_FALSE(approve(state, approval("a", noon)));
    CHECK(approve(state, approval("a", noon + hours{1})));
    REQUIRE(state.approvals.size() == 2);
    CHECK(state.approvals[0] == approval("a", noon + hours{1}));
    CHECK(use_up(state, "a"));
    CHECK_FALSE(use_up(state, "a"));
    CHECK(approved_hashes(state, noon) == std::set<std::string>{"b"});
}
