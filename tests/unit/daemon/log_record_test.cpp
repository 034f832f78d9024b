#include "daemon/log_record.hpp"
#include "daemon/repeat_limit.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <regex>

using namespace scp;
using namespace std::chrono_literals;

namespace {

constexpr auto at = std::chrono::sys_seconds{1'795'882'460s} + 7ms; // 2026-11-28T16:14:20.007Z

LogRecord a_record() {
    return to_record({.kind = EventKind::change_held,
                      .message = "held: update CN=x\\x0a \"ü\"",
                      .rule = "mage",
                      .domain = "corp.test",
                      .dn = "CN=x",
                      .op = "update",
                      .reason = "paused",
                      .change_id = "0123456789ab"},
                     spdlog::level::warn, at);
}

LogRecord plain(std::string message, spdlog::level::level_enum level = spdlog::level::info) {
    return {at, level, std::move(message), {}};
}

} // namespace

TEST_CASE("Log record: the journal's fields, without those that are empty") {
    const std::string id = "MESSAGE_ID=" + std::string(doc_of(EventKind::change_held).id);
    CHECK(to_journal(a_record()) ==
          std::vector<std::string>{"MESSAGE=held: update CN=x\\x0a \"ü\"", "PRIORITY=4",
                                   "SYSLOG_IDENTIFIER=scpd", id, "SCPD_RULE=mage",
                                   "SCPD_DOMAIN=corp.test", "SCPD_DN=CN=x", "SCPD_OP=update",
                                   "SCPD_REASON=paused", "SCPD_CHANGE_ID=0123456789ab"});
    CHECK(to_journal(plain("so", spdlog::level::debug)) ==
          std::vector<std::string>{"MESSAGE=so", "PRIORITY=7", "SYSLOG_IDENTIFIER=scpd"});
}

TEST_CASE("Log record: JSON is one line of ASCII with the same fields") {
    LogRecord record = a_record();
    record.message += "\x7f\n\xff\u202e";
    const std::string line = to_json_line(record);
    CHECK(std::ranges::all_of(line, [](char c) { return c >= 0x20 && c < 0x7f; }));
    const auto json = nlohmann::json::parse(line);
    CHECK(json["TIMESTAMP"] == "2026-11-28T16:14:20.007Z");
    CHECK(json["PRIORITY"] == "4");
    CHECK(json["MESSAGE"] == "held: update CN=x\\x0a \"ü\"\x7f\n\ufffd\u202e");
    CHECK(json["MESSAGE_ID"] == doc_of(EventKind::change_held).id);
    CHECK(json["SCPD_CHANGE_ID"] == "0123456789ab");
    CHECK(json.size() == 11);
}

TEST_CASE("Log record: text has a time with milliseconds, an offset and the level") {
    const std::string text = to_text(a_record());
    CAPTURE(text);
    CHECK(std::regex_match(
        text, std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:20\.007[+-]\d\d:\d\d warning held: .*)")));
}

TEST_CASE("Repeats: some pass, the others are counted and told once the time is over") {
    RepeatLimit limit;
    const RepeatLimit::Time start{};
    for (int i = 0; i < RepeatLimit::most; ++i)
        CHECK(limit.admit(plain("again"), start + 1s * i));
    CHECK_FALSE(limit.next());
    for (int i = 0; i < 7; ++i)
        CHECK_FALSE(limit.admit(plain("again"), start + 60s));
    CHECK(limit.admit(plain("another"), start + 61s));
    CHECK(limit.next() == start + RepeatLimit::stretch);
    CHECK(limit.counts(start + 599s).empty());
    const auto told = limit.counts(start + 600s);
    REQUIRE(told.size() == 1);
    CHECK(told.front().message == "again [7 more times in 10 minutes]");
    CHECK(limit.counts(start + 601s).empty());
    CHECK(limit.admit(plain("again"), start + 602s));
}

TEST_CASE("Repeats: what differs in a field or a level is not the same; debug always passes") {
    RepeatLimit limit;
    const RepeatLimit::Time now{};
    for (int i = 0; i < 5 * RepeatLimit::most; ++i) {
        LogRecord record = a_record();
        record.fields.back().second = std::to_string(i);
        CHECK(limit.admit(record, now));
        CHECK(limit.admit(plain("details", spdlog::level::debug), now));
    }
    for (int i = 0; i < RepeatLimit::most; ++i) {
        CHECK(limit.admit(plain("same text", spdlog::level::info), now));
        CHECK(limit.admit(plain("same text", spdlog::level::err), now));
    }
}

TEST_CASE("Repeats: an old stretch without a count begins anew, and memory has a bound") {
    RepeatLimit limit;
    const RepeatLimit::Time start{};
    for (int round = 0; round < 3; ++round)
        for (int i = 0; i < RepeatLimit::most; ++i)
            CHECK(limit.admit(plain("now and then"), start + RepeatLimit::stretch * round));
    for (std::size_t i = 0; i < RepeatLimit::different; ++i)
        CHECK(limit.admit(plain(std::to_string(i)), start + 30min));
    for (int i = 0; i < 3 * RepeatLimit::most; ++i) // not kept in mind: there is no room
        CHECK(limit.admit(plain("one too many"), start + 30min));
    CHECK(limit.admit(plain("later"), start + 41min)); // the old ones are forgotten
    for (int i = 1; i < RepeatLimit::most; ++i)
        CHECK(limit.admit(plain("later"), start + 41min));
    CHECK_FALSE(limit.admit(plain("later"), start + 41min));
}
