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

Plan guarded_by(Plan plan, const LimitSettings& limits,
                const std::optional<std::string>& approved) {
    GuardInput input{limits, {}, {}, {}, {}};
    if (approved)
        input.approved = {*approved};
    return guard(std::move(plan), input);
}

LimitSettings limit_of(std::size_t changes) {
    LimitSettings limits;
    limits.changes = changes;
    return limits;
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
        const Plan guarded = guarded_by(plan, limit_of(row.limit), approved);
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
    const Plan guarded = guarded_by(plan, limit_of(3), plan_of(5).hash());
    REQUIRE(guarded.held.size() == 4);
    for (std::size_t i = 0; i < 4; ++i)
        CHECK(guarded.held[i].change->id() == plan.changes[i].id());
    CHECK(guarded.held.front().detail == "4 changes, limits.changes is 3");
}

namespace {

struct DeleteRow {
    const char* name;
    std::size_t deletes;
    std::optional<std::size_t> copies; ///< empty: the plan says nothing of the rule's
    std::size_t limit, percent;
    const char* why; ///< empty: passes
};

} // namespace

TEST_CASE("guard: deletes, all of them and by share of a rule's copies") {
    const std::vector<DeleteRow> rows{
        {"one of one", 1, 1, 5, 30, ""},
        {"one, and none counted", 1, 0, 5, 30, ""},
        {"one of a rule that is counted nowhere", 1, {}, 5, 30, ""},
        {"two of a rule that is counted nowhere",
         2,
         {},
         5,
         30,
         "all 2 copies of rule mage would be deleted"},
        {"two of two", 2, 2, 5, 30, "all 2 copies of rule mage would be deleted"},
        {"two of three", 2, 3, 5, 30, ""},
        {"nine of nine", 9, 9, 9, 100, "all 9 copies of rule mage would be deleted"},
        {"eight of nine", 8, 9, 9, 1, ""},
        {"three of ten", 3, 10, 5, 30, ""},
        {"four of ten", 4, 10, 5, 30,
         "4 of 10 copies of rule mage would be deleted, limits.delete_percent is 30"},
        {"ten of ten, all allowed", 10, 10, 10, 100, ""},
        {"none allowed", 1, 100, 0, 30, "1 deletes, limits.deletes is 0"},
        {"five of a hundred", 5, 100, 5, 30, ""},
        {"six of a hundred", 6, 100, 5, 30, "6 deletes, limits.deletes is 5"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        Plan plan = plan_of(row.deletes);
        for (auto& change : plan.changes)
            change.op = Op::remove;
        if (row.copies)
            plan.copies["MAGE"] = *row.copies;
        const LimitSettings limits{100, row.limit, row.percent};
        const Plan guarded = guarded_by(plan, limits, {});
        const std::string why = row.why;
        CHECK(guarded.changes.size() == (why.empty() ? row.deletes : 0));
        CHECK(guarded.held.size() == (why.empty() ? 0 : row.deletes));
        for (const auto& held : guarded.held)
            CHECK(held.detail == why);
        CHECK(guarded_by(plan, limits, plan.hash()).changes.size() == row.deletes);
    }
}

TEST_CASE("guard: rules are judged each by itself, and a delete takes the whole plan with it") {
    Plan plan = plan_of(5);
    plan.changes[0].op = plan.changes[1].op = Op::remove;
    plan.changes[0].rule = "other";
    plan.copies = {{"mage", 2}, {"other", 2}};
    CHECK(guarded_by(plan, LimitSettings{}, {}).changes.size() == 5);
    plan.changes[0].rule = "mage";
    CHECK(guarded_by(plan, LimitSettings{}, {}).changes.empty());
    CHECK(guarded_by(plan, LimitSettings{}, {}).held.size() == 5);
}
