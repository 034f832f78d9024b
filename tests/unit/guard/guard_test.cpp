#include "guard/guard.hpp"

#include "support/world.hpp"

#include <doctest/doctest.h>

using namespace scp;
using namespace scp::test;

namespace {

Plan plan_of(std::size_t changes) {
    Plan plan;
    for (std::size_t i = 0; i < changes; ++i) {
        Change change;
        change.rule = "mage";
        change.forest = "corp";
        change.domain = DomainName("corp.test");
        change.dn = Dn::of_domain("corp.test").child("CN", std::to_string(i));
        change.after = {{"keywords", {"mage"}}};
        plan.changes.push_back(change);
    }
    plan.in_sync = 7;
    return plan;
}

struct Row {
    const char* name;
    std::size_t changes, limit;
    bool approved;
    bool passes;
};

} // namespace

TEST_CASE("guard: a plan of more than limits.changes is held whole, unless its hash is approved") {
    const std::vector<Row> rows{
        {"nothing", 0, 0, false, true},      {"one, none allowed", 1, 0, false, false},
        {"at the limit", 3, 3, false, true}, {"over the limit", 4, 3, false, false},
        {"approved", 4, 3, true, true},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const Plan plan = plan_of(row.changes);
        const auto approved = row.approved ? std::optional(plan.hash()) : std::nullopt;
        const Plan guarded = guard(plan, LimitSettings{row.limit}, approved);
        CHECK(guarded.hash() == plan.hash());
        CHECK(guarded.in_sync == 7);
        CHECK(guarded.changes.size() == (row.passes ? row.changes : 0));
        CHECK(guarded.held.size() == (row.passes ? 0 : row.changes));
        for (const auto& held : guarded.held) {
            CHECK(held.reason == Reason::limit_exceeded);
            CHECK(held.change);
            CHECK(held.hint == remedy(Reason::limit_exceeded));
        }
    }
}

TEST_CASE("guard: another plan's approval is none, and changes are moved, not edited") {
    const Plan plan = plan_of(4);
    const Plan guarded = guard(plan, LimitSettings{3}, plan_of(5).hash());
    REQUIRE(guarded.held.size() == 4);
    for (std::size_t i = 0; i < 4; ++i)
        CHECK(guarded.held[i].change->id() == plan.changes[i].id());
    CHECK(guarded.held.front().detail == "4 changes, limits.changes is 3");
}
