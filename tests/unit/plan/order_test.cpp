#include "plan/order.hpp"

#include "plan/hold.hpp"
#include "support/world.hpp"

#include <doctest/doctest.h>

#include <functional>

using namespace scp;
using namespace scp::test;

namespace {

Change a_change() {
    Change change;
    change.op = Op::update;
    change.rule = "mage";
    change.forest = "corp";
    change.domain = DomainName("corp.test");
    change.nc = Dn::of_domain("corp.test");
    change.dn = *Dn::parse("CN=svc,CN=scpd,CN=System,DC=corp,DC=test");
    change.guid = guid_number(2);
    change.before = {{"keywords", {"a"}}};
    change.after = {{"keywords", {"b"}}};
    change.marker_before = "scpd1;old";
    change.marker_after = "scpd1;new";
    return change;
}

struct Row {
    const char* name;
    std::function<void(Change&)> edit;
    bool same;
};

} // namespace

TEST_CASE(
    "order: a change's id is over op, forest, naming context, DN or GUID, old and new values") {
    const std::vector<Row> rows{
        {"op", [](Change& c) { c.op = Op::mark; }, false},
        {"forest", [](Change& c) { c.forest = "other"; }, false},
        {"naming context", [](Change& c) { c.nc = Dn::of_domain("emea.corp.test"); }, false},
        {"GUID", [](Change& c) { c.guid = guid_number(3); }, false},
        {"old values", [](Change& c) { c.before["keywords"] = {"x"}; }, false},
        {"new values", [](Change& c) { c.after["keywords"] = {"x"}; }, false},
        {"new name", [](Change& c) { c.new_dn = c.dn; }, false},
        {"order of values", [](Change& c) { c.after["KEYWORDS"] = {"b"}; }, true},
        {"DN, where the GUID is known", [](Change& c) { c.dn = c.dn.parent(); }, true},
        {"markers", [](Change& c) { c.marker_before = c.marker_after = ""; }, true},
        {"rule", [](Change& c) { c.rule = "other"; }, true},
        {"reason", [](Change& c) { c.reason = Reason::renamed; }, true},
    };
    const Change change = a_change();
    CHECK(change.id().size() == 12);
    for (const auto& row : rows) {
        CAPTURE(row.name);
        Change other = change;
        row.edit(other);
        CHECK((other.id() == change.id()) == row.same);
    }
    Change create = change;
    create.guid.reset();
    Change elsewhere = create;
    elsewhere.dn = elsewhere.dn.parent();
    CHECK(create.id() != elsewhere.id());
}

TEST_CASE("order: a plan's hash is over its changes and those held for approval, in any order") {
    Plan plan;
    const std::string nothing = plan.hash();
    CHECK(nothing.starts_with("sha256:"));
    CHECK(nothing.size() == 7 + 64);
    Change other = a_change();
    other.guid = guid_number(3);
    plan.changes = {a_change(), other};
    const std::string hash = plan.hash();
    CHECK(hash != nothing);
    std::swap(plan.changes[0], plan.changes[1]);
    CHECK(plan.hash() == hash);

    for (const auto reason : {Reason::limit_exceeded, Reason::awaiting_approval}) {
        Plan held;
        held.changes = {a_change()};
        held.held = {hold(reason, other, "")};
        CHECK(held.hash() == hash);
    }
    Plan forbidden;
    forbidden.held = {hold(Reason::mode_forbids, other, "")};
    CHECK(forbidden.hash() == nothing);
}

TEST_CASE(
    "order: containers first, outer before inner; then by DN; what is held twice is held once") {
    Plan plan;
    const auto at = [](Op op, const char* dn) {
        Change change = a_change();
        change.op = op;
        change.dn = *Dn::parse(dn);
        change.guid.reset();
        return change;
    };
    plan.changes = {
        at(Op::create, "CN=b,CN=in,CN=out,DC=x"), at(Op::create, "CN=a,CN=in,CN=out,DC=x"),
        at(Op::create_container, "CN=in,CN=out,DC=x"), at(Op::create_container, "CN=out,DC=x")};
    const Held held = hold(Reason::mode_forbids, a_change(), "");
    plan.held = {held, hold(Reason::domain_incomplete, "mage", DomainRef{}, {}, {}, ""), held};
    put_in_order(plan);
    std::vector<std::string> dns;
    for (const auto& change : plan.changes)
        dns.push_back(change.dn.text());
    CHECK(dns == std::vector<std::string>{"CN=out,DC=x", "CN=in,CN=out,DC=x",
                                          "CN=a,CN=in,CN=out,DC=x", "CN=b,CN=in,CN=out,DC=x"});
    REQUIRE(plan.held.size() == 2);
    CHECK(plan.held.front().reason == Reason::domain_incomplete);
}

TEST_CASE("order: every op has the contract's name") {
    const std::vector<std::pair<Op, std::string>> rows{{Op::create, "create"},
                                                       {Op::update, "update"},
                                                       {Op::rename, "rename"},
                                                       {Op::remove, "delete"},
                                                       {Op::create_container, "create-container"},
                                                       {Op::mark, "mark"}};
    for (const auto& [op, name] : rows)
        CHECK(to_string(op) == name);
}
