#include "report/events.hpp"
#include "report/status.hpp"
#include "support/build_scp.hpp"

#include <doctest/doctest.h>

using namespace scp;
using namespace scp::test;

namespace {

const Timestamp noon = *parse_rfc3339("2026-06-01T12:00:00Z");
const Error no_answer{ErrorKind::unreachable, "no answer in 5s", "is it up?", 0};

CycleReport a_cycle(std::optional<Error> corp_error = std::nullopt) {
    CycleReport report;
    Forest forest;
    forest.name = "corp";
    forest.root = DomainName("corp.test");
    report.topology.forests = {forest};
    DomainView view;
    view.forest = "corp";
    view.domain = DomainName("corp.test");
    view.incomplete = std::move(corp_error);
    report.observation.domains = {view};
    return report;
}

Change a_copys_change(Op op = Op::create) {
    Change change;
    change.op = op;
    change.rule = "mage";
    change.forest = "corp";
    change.domain = DomainName("corp.test");
    change.dn = *Dn::parse("CN=x,CN=scpd,CN=System,DC=corp,DC=test");
    return change;
}

Held a_held() {
    Held held;
    held.reason = Reason::parked;
    held.rule = "mage";
    held.domain = DomainName("corp.test");
    held.detail = "it is parked";
    return held;
}

std::vector<std::string> kinds(const std::vector<Event>& events) {
    std::vector<std::string> out;
    for (const Event& event : events)
        out.push_back(event.kind);
    return out;
}

using Kinds = std::vector<std::string>;

} // namespace

TEST_CASE("what is wrong after a cycle") {
    CHECK(problems_of(a_cycle()).empty());
    struct Row {
        const char* name;
        std::function<void(CycleReport&)> change;
        const char* said;
    };
    const std::vector<Row> rows{
        {"a domain was not read whole",
         [](CycleReport& r) { r.observation.domains[0].incomplete = no_answer; },
         "domain corp.test was not read whole: no answer in 5s"},
        {"a forest is lost", [](CycleReport& r) { r.topology.forests[0].error = no_answer; },
         "forest corp: no answer in 5s"},
        {"a write failed",
         [](CycleReport& r) {
             r.plan.changes = {a_copys_change()};
             r.results[r.plan.changes[0].id()].state = ChangeResult::State::failed;
         },
         "1 write failed or could not be tried"},
        {"the state file", [](CycleReport& r) { r.state_error = no_answer; },
         "all is held: no answer in 5s"},
        {"the history", [](CycleReport& r) { r.error = no_answer; },
         "nothing was written: no answer in 5s"},
    };
    for (const Row& row : rows) {
        INFO(row.name);
        CycleReport report = a_cycle();
        row.change(report);
        const auto problems = problems_of(report);
        REQUIRE(problems.size() == 1);
        CHECK(problems[0].starts_with(row.said));
    }
}

TEST_CASE("a write that the server made held is no failure") {
    CycleReport report = a_cycle();
    report.plan.changes = {a_copys_change()};
    auto& result = report.results[report.plan.changes[0].id()];
    result.state = ChangeResult::State::failed;
    result.held = Reason::no_rights;
    const LastCycle cycle = last_cycle_of(report);
    CHECK(cycle.failed == 0);
    CHECK(cycle.held == 1);
    CHECK(problems_of(report).empty());
}

TEST_CASE("events: a write each time, what is held or lost when it begins and ends") {
    EventFeed feed;
    CHECK(feed.tell(a_cycle(), noon).empty());

    CycleReport report = a_cycle();
    report.plan.changes = {a_copys_change()};
    report.results[report.plan.changes[0].id()].state = ChangeResult::State::done;
    report.plan.held = {a_held()};
    auto events = feed.tell(report, noon);
    CHECK(kinds(events) == Kinds{"create", "held"});
    CHECK(events[0].dn == "CN=x,CN=scpd,CN=System,DC=corp,DC=test");
    CHECK(events[0].reason == "missing");
    CHECK(events[1].reason == "parked");

    report = a_cycle(no_answer);
    report.plan.held = {a_held()};
    events = feed.tell(report, noon);
    CHECK(kinds(events) == Kinds{"incomplete"});
    CHECK(events[0].domain == "corp.test");
    CHECK(feed.tell(report, noon).empty());

    const Timestamp later = noon + std::chrono::hours{1};
    events = feed.tell(a_cycle(), later);
    CHECK(kinds(events) == Kinds{"no-longer-held", "complete"});
    CHECK(events[0].at == later);

    report.topology.forests[0].error = no_answer;
    report.plan.changes = {a_copys_change()};
    CHECK(kinds(feed.tell(report, later)) == Kinds{"failed", "held", "incomplete", "incomplete"});
}

TEST_CASE("what people read of a status has no value that steers a terminal, whoever sent it") {
    const Json hostile = Json::parse(
        R"({"schema":"scpd.status/1","state":"ok\u001b[2J","version":1,"instance":null,)"
        R"("problems":["a\u202e",7],"last_cycle":[],"domains":[{"domain":"\u009b"},3],)"
        R"("rules":"none","pauses":[{"rule":"r\u0007"}],"kind":"\u001b]","detail":"\u202e"})");
    const std::string text = status_text(hostile, {});
    CHECK(text.find('\x1b') == std::string::npos);
    CHECK(text.find("\xc2\x9b") == std::string::npos);
    CHECK(text.find("\xe2\x80\xae") == std::string::npos);
    const std::string line = event_text(hostile, {});
    CHECK(line.find('\x1b') == std::string::npos);
    CHECK(event_text(Json::array(), {}).ends_with("\n"));
}

TEST_CASE("a status as people read it") {
    ServiceStatus status;
    status.state = ServiceStatus::State::degraded;
    status.version = "1.2";
    status.instance = "prod";
    status.since = noon;
    status.problems = {"forest corp: no answer"};
    status.last_cycle = LastCycle{noon, std::chrono::milliseconds{12}, "change", 1, 2, 3};
    status.domains = {{"corp", "corp.test", "ldaps://dc1", "notify", noon, ""}};
    status.rules = {{"mage", Mode::upsert, 1, 2, 3, 4}};
    status.host.pauses = {{"mage", "why", "me", noon}};
    CHECK(status_text(status_document(status), {}) ==
          "degraded scpd 1.2, instance prod, since 2026-06-01T12:00:00Z\n"
          "  last cycle 2026-06-01T12:00:00Z (change, 12 ms): 1 written, 2 held, 3 failed\n"
          "  problem: forest corp: no answer\n"
          "  paused: rule mage since 2026-06-01T12:00:00Z by me: why\n\n"
          "DOMAIN     STATE     WATCHED BY  SERVER       LAST READ WHOLE\n"
          "corp.test  complete  notify      ldaps://dc1  2026-06-01T12:00:00Z\n\n"
          "RULE  MODE    SOURCES  TARGETS  IN SYNC  HELD\n"
          "mage  upsert  1        2        3        4\n");
}
