#include "plan/decide.hpp"
#include "support/world.hpp"

#include <doctest/doctest.h>

using namespace scp;
using namespace scp::test;

// What this host remembers of its retires, from one cycle to the next: another host of the instance
// may take them back.

namespace {

const auto now = *parse_rfc3339("2026-06-01T00:00:00Z");
const std::tuple<std::string, DomainName, Guid> key{"corp", DomainName("corp.test"),
                                                    guid_number(1)};

Marker a_marker() {
    Marker marker;
    marker.instance = "prod";
    marker.rule = "mage";
    marker.source = guid_number(1);
    marker.origin = DomainName("emea.corp.test");
    marker.sel = marker.attrs = marker.hash = std::string(64, 'a');
    return marker;
}

Change a_change(Op op, bool gone_before, bool gone_after) {
    Change change;
    change.op = op;
    change.forest = "corp";
    change.domain = DomainName("corp.test");
    Marker before = a_marker();
    Marker after = before;
    if (gone_before)
        before.gone = now;
    if (gone_after)
        after.gone = now;
    change.marker_before = to_string(before);
    change.marker_after = to_string(after);
    return change;
}

} // namespace

TEST_CASE("retired: only a mark that was set counts") {
    struct Row {
        const char* name;
        Change change;
        int times;
    };
    const std::vector<Row> rows{
        {"a mark set", a_change(Op::mark, false, true), 3},
        {"a mark taken off", a_change(Op::mark, true, false), 2},
        {"parked, say", a_change(Op::mark, false, false), 2},
        {"a delete of what is marked", a_change(Op::remove, true, true), 2},
        {"an update", a_change(Op::update, false, true), 2},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        RetiredBefore retired{{key, {2, now - std::chrono::hours(1)}}};
        note_retired(retired, row.change, now);
        CHECK(retired.at(key).times == row.times);
        CHECK((retired.at(key).at == now) == (row.times == 3));
    }
}

TEST_CASE("retired: forgotten as soon as this host sees the source itself, and after a day") {
    World world;
    world.domain("corp.test");
    world.domain("emea.corp.test");
    Rule rule = a_rule();
    world.account(rule, "corp.test");
    world.add_rule(rule);
    world.retired[key] = {2, world.now - std::chrono::hours(1)};
    CHECK(world.plan().retired == world.retired);
    world.now += std::chrono::hours(24);
    CHECK(world.plan().retired.empty());
    world.now -= std::chrono::hours(48); // the clock was set back
    CHECK(world.plan().retired.empty());
    world.now += std::chrono::hours(24);
    world.add(an_scp().with_keyword("mage").with_binding("sql://db1"));
    CHECK(world.plan().retired.empty());
}

TEST_CASE("retired: of very many, those of the last time are remembered") {
    RetiredBefore retired;
    for (unsigned n = 1; n <= 3000; ++n)
        retired[{"corp", DomainName("corp.test"), guid_number(n)}] = {
            1, now - std::chrono::seconds(n)};
    const auto left = still_remembered(retired, now);
    CHECK(left.size() == 500);
    for (unsigned n : {1U, 500U})
        CHECK(left.contains({"corp", DomainName("corp.test"), guid_number(n)}));
    for (auto& [key, one] : retired)
        one.at = now;
    CHECK(still_remembered(retired, now).size() == 3000); // of one second: none is older
}
