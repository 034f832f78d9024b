#include "golden/scenario.hpp"

#include <doctest/doctest.h>

#include <chrono>

using namespace scp;
using namespace scp::test;

namespace {

World main_job() {
    World world;
    world.domain("corp.test");
    world.domain("emea.corp.test");
    Rule rule = a_rule();
    world.account(rule, "corp.test");
    world.add_rule(rule);
    world.add(an_scp().with_keyword("mage").with_binding("sql://db1"));
    return world;
}

} // namespace

TEST_CASE("plan: an agent's domain without the SCP gets a copy with a marker that leads back") {
    World world = main_job();
    const Plan plan = world.plan();
    REQUIRE(plan.changes.size() == 1);
    CHECK(plan.held.empty());
    const Change& create = plan.changes.front();
    CHECK(create.op == Op::create);
    CHECK(create.dn.text() == "CN=svc,CN=scpd,CN=System,DC=corp,DC=test");
    CHECK(create.marker_before.empty());
    const auto marker = parse_marker(create.marker_after);
    REQUIRE(marker);
    CHECK(marker->instance == "prod");
    CHECK(marker->rule == "mage");
    CHECK(marker->source == guid_number(1));
    CHECK(marker->origin.text() == "emea.corp.test");
    CHECK(marker->sel == selector_hash(world.rules.front()));
    CHECK(marker->attrs == attributes_hash(world.rules.front()));
    CHECK(marker->hash == content_hash(create.after));
    CHECK(marker->version.text == "2026-01-01T00:00:00Z");
    CHECK_FALSE(marker->gone);
    CHECK_FALSE(marker->parked);
}

TEST_CASE("plan: the places needed are those of creates and renames, each once") {
    World world = main_job();
    Rule second = a_rule("second");
    world.account(second, "corp.test");
    world.add_rule(second);
    const std::vector<Place> expected{
        {"corp", DomainName("corp.test"), *Dn::parse("CN=svc,CN=scpd,CN=System,DC=corp,DC=test")}};
    CHECK(places_needed(world.input()) == expected);
    world.apply(world.plan());
    CHECK(places_needed(world.input()).empty());
}

TEST_CASE("plan: a place that nobody looked at is held, not assumed to be free") {
    World world = main_job();
    const Plan plan = make_plan(world.input());
    CHECK(plan.changes.empty());
    REQUIRE(plan.held.size() == 1);
    CHECK(plan.held.front().reason == Reason::domain_incomplete);
    CHECK(plan.held.front().detail == "the place was not looked at");
}

TEST_CASE(
    "plan: every held has a hint where something can be done, and names its rule and domain") {
    World world = main_job();
    world.domain("corp.test").incomplete = Error{ErrorKind::unreachable, "no answer", "", 0};
    const Plan plan = world.plan();
    REQUIRE(plan.held.size() == 1);
    CHECK(plan.held.front().hint == remedy(Reason::domain_incomplete));
    CHECK(plan.held.front().nc.text() == "DC=corp,DC=test");
}

TEST_CASE("plan: the past is asked for where it may have a say") {
    struct PastRow {
        const char* name;
        std::optional<Reason> change, held;
        bool asked;
    };
    const std::vector<PastRow> rows{
        {"nothing", {}, {}, false},
        {"a create", Reason::missing, {}, false},
        {"an update that follows the source", Reason::source_changed, {}, false},
        {"what somebody edited", Reason::edited_by_hand, {}, true},
        {"what other settings would write", Reason::settings_changed, {}, true},
        {"another source", Reason::source_replaced, {}, true},
        {"another name", Reason::renamed, {}, true},
        {"what is held for another reason", {}, Reason::edited_by_hand, false},
        {"what is parked", {}, Reason::parked, true},
        {"what is parked, beside a create", Reason::missing, Reason::parked, true},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        Plan plan;
        if (row.change)
            plan.changes.emplace_back().reason = *row.change;
        if (row.held)
            plan.held.emplace_back().reason = *row.held;
        CHECK(asks_for_past(plan) == row.asked);
    }
}

// Hostile names: bytes that are no UTF-8, a NUL, what needs escaping in a DN; two rules with
// nothing in common.
TEST_CASE("plan: names and values of any bytes are copied as they are") {
    World world = main_job();
    auto& scp = world.domain("emea.corp.test").scps.front();
    const std::string name = std::string("a,b+c\"\\<>;=# \xff") + '\0' + "\x1b[31m";
    scp = an_scp()
              .named(name)
              .with_keyword("mage")
              .with_keyword(std::string("k\0*()", 5))
              .with_binding(std::string(1 << 20, 'x'));
    const Plan plan = world.plan();
    REQUIRE(plan.changes.size() == 1);
    CHECK(plan.changes.front().dn.rdn_value() == name);
    CHECK(first_of(plan.changes.front().after, "serviceBindingInformation").size() == 1 << 20);
    world.apply(plan);
    const Plan second = world.plan();
    CHECK_MESSAGE(second.changes.empty(), render(second));
    CHECK(second.in_sync == 1);
}

// The directory is the engine; planning for it must stay small. 120 domains, 50 products, all of
// them wanted everywhere.
TEST_CASE("plan: a forest of 120 domains is planned in seconds") {
    World world;
    Rule rule = a_rule();
    for (int i = 0; i < 120; ++i) {
        const std::string domain = "d" + std::to_string(i) + ".test";
        world.domain(domain);
        world.account(rule, domain);
    }
    world.add_rule(rule);
    for (unsigned i = 0; i < 50; ++i)
        world.add(an_scp()
                      .in("d" + std::to_string(i) + ".test")
                      .number(i + 1)
                      .named("svc" + std::to_string(i))
                      .with_keyword("mage")
                      .with_binding("b" + std::to_string(i)));
    const auto begin = std::chrono::steady_clock::now();
    CHECK(places_needed(world.input()).size() == 50 * 119);
    const auto took = std::chrono::steady_clock::now() - begin;
    MESSAGE("places_needed for 5950 copies: ",
            std::chrono::duration_cast<std::chrono::milliseconds>(took).count(), " ms");
    CHECK(took < std::chrono::seconds(60)); // a debug build under a sanitizer, on a busy machine
}
