#include "support/world.hpp"

#include <doctest/doctest.h>

using namespace scp;
using namespace scp::test;

TEST_CASE("plan: an agent's domain without the SCP gets a copy, and a second plan is empty") {
    World world;
    world.domain("corp.test");
    world.domain("emea.corp.test");
    Rule rule = a_rule();
    world.account(rule, "corp.test");
    world.add_rule(rule);
    world.add(an_scp().with_keyword("mage").with_binding("sql://db1"));

    const Plan plan = world.plan();
    REQUIRE(plan.changes.size() == 1);
    CHECK(plan.held.empty());
    const Change& create = plan.changes.front();
    CHECK(create.op == Op::create);
    CHECK(create.reason == Reason::missing);
    CHECK(create.dn.text() == "CN=svc,CN=scpd,CN=System,DC=corp,DC=test");
    CHECK(values_of(create.after, "serviceBindingInformation") == Values{"sql://db1"});
    REQUIRE(parse_marker(create.marker_after));
    CHECK(parse_marker(create.marker_after)->source == guid_number(1));

    world.apply(plan);
    const Plan second = world.plan();
    CHECK(second.changes.empty());
    CHECK(second.held.empty());
    CHECK(second.in_sync == 1);
}
