#include "unit/history/records.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <functional>

using namespace scp;
using namespace scp::test;

namespace {

struct Row {
    std::string name;
    std::function<void(HistoryRecord&)> set;
};

const std::vector<Row> rows{
    {"an update", [](HistoryRecord&) {}},
    {"a create: no pre-image, nothing before, no GUID",
     [](HistoryRecord& r) {
         r.change.op = Op::create;
         r.change.reason = Reason::missing;
         r.change.guid.reset();
         r.change.before.clear();
         r.change.marker_before.clear();
         r.pre_image.reset();
     }},
    {"a pre-image without any attribute is not the same as none",
     [](HistoryRecord& r) {
         r.change.before.clear();
         r.pre_image = Attributes{};
     }},
    {"a rename",
     [](HistoryRecord& r) {
         r.change.op = Op::rename;
         r.change.new_dn = dn("CN=y\\,z,CN=scpd,CN=System,DC=corp,DC=test");
     }},
    {"a delete",
     [](HistoryRecord& r) {
         r.change.op = Op::remove;
         r.change.reason = Reason::duplicate;
         r.change.after.clear();
     }},
    {"a container", [](HistoryRecord& r) { r.change.op = Op::create_container; }},
    {"a mark, by a person, without a source",
     [](HistoryRecord& r) {
         r.change.op = Op::mark;
         r.change.reason = Reason::by_hand;
         r.change.source.reset();
     }},
    {"bytes that are not UTF-8",
     [](HistoryRecord& r) {
         r.change.after["description"] = {std::string("\xff\xfe\x00", 3), "\xc3", "\xed\xa0\x80"};
     }},
    {"base64 of each length modulo 3",
     [](HistoryRecord& r) {
         r.change.after["description"] = {"\xff", "\xff\xfe", "\xff\xfe\xfd", "\xff\xfe\xfd\xfc"};
     }},
    {"NUL, line breaks, quotes, ESC, RTL override",
     [](HistoryRecord& r) {
         r.change.after["description"] = {std::string("a\0b", 3), "a\r\nb", "\"\\", "\x1b[31m",
                                          "\u202egnp.exe"};
     }},
    {"a value that looks like our own encoding",
     [](HistoryRecord& r) {
         r.change.after["description"] = {R"({"base64":"QQ=="})", "null", ""};
     }},
    {"a rule, an account and an attribute with odd names",
     [](HistoryRecord& r) {
         r.change.rule = "a\xff\n";
         r.change.after["x\"y\\"] = {"v"};
     }},
    {"a name of two-byte characters",
     [](HistoryRecord& r) { r.change.dn = dn("CN=äöü\\, ß,DC=corp,DC=test"); }},
    {"1,200 bindings",
     [](HistoryRecord& r) {
         Values values;
         for (int i = 0; i < 1200; ++i)
             values.push_back("binding " + std::to_string(i));
         r.change.after["serviceBindingInformation"] = values;
     }},
    {"a binding of 1 MB",
     [](HistoryRecord& r) {
         r.change.after["serviceBindingInformation"] = {std::string(1 << 20, 'x')};
     }},
    {"an undo, and a marker elsewhere",
     [](HistoryRecord& r) {
         r.change.undoes = "20260101T000000Z-1-00000000-1";
         r.marker_attribute = "description";
     }},
    {"an attribute that had no values", [](HistoryRecord& r) { r.change.after["keywords"] = {}; }},
    {"overtaken", [](HistoryRecord& r) { r.overtaken = true; }},
};

void check_same(const HistoryRecord& a, const HistoryRecord& b) {
    CHECK(a.id == b.id);
    CHECK(a.at == b.at);
    CHECK(a.who == b.who);
    CHECK(a.host == b.host);
    CHECK(a.result == b.result);
    CHECK(a.overtaken == b.overtaken);
    CHECK(a.error == b.error);
    CHECK((a.pre_image == b.pre_image));
    CHECK(a.change.op == b.change.op);
    CHECK(a.change.rule == b.change.rule);
    CHECK(a.change.forest == b.change.forest);
    CHECK((a.change.domain == b.change.domain));
    CHECK(a.change.nc.text() == b.change.nc.text());
    CHECK(a.change.dn.text() == b.change.dn.text());
    CHECK((a.change.guid == b.change.guid));
    CHECK(a.change.reason == b.change.reason);
    CHECK((a.change.source == b.change.source));
    CHECK((a.change.before == b.change.before));
    CHECK((a.change.after == b.change.after));
    CHECK((a.change.new_dn == b.change.new_dn));
    CHECK(a.change.marker_before == b.change.marker_before);
    CHECK(a.change.marker_after == b.change.marker_after);
    CHECK(a.change.id() == b.change.id());
    CHECK(a.change.undoes == b.change.undoes);
    CHECK(a.marker_attribute == b.marker_attribute);
}

} // namespace

TEST_CASE("history: what was recorded is what is read") {
    for (const Row& row : rows) {
        CAPTURE(row.name);
        const TemporaryFolder folder;
        std::vector<HistoryRecord> records(1, an_update());
        row.set(records.front());
        {
            const auto history = History::open(folder.path()).value();
            REQUIRE(history->record(records));
            records.front().result = "failed";
            records.front().error = std::string("said \xff\n\"no\"");
            REQUIRE(history->finish(records));
        }
        const auto listing = read_history(folder.path());
        REQUIRE(listing);
        CHECK(listing->problems.empty());
        REQUIRE(listing->records.size() == 1);
        check_same(listing->records.front(), records.front());
        CHECK_FALSE(listing->records.front().who.empty());
        CHECK_FALSE(listing->records.front().host.empty());
    }
}

TEST_CASE("history: a write has two lines, each one JSON object with the contract's keys") {
    const TemporaryFolder folder;
    const auto history = History::open(folder.path()).value();
    std::vector<HistoryRecord> records(1, an_update());
    records.front().change.after["description"] = {"a\nb", "\xff"};
    REQUIRE(history->record(records));
    records.front().result = "done";
    REQUIRE(history->finish(records));

    const auto files = files_in(folder.path());
    REQUIRE(files.size() == 1);
    std::istringstream lines(contents(files.front()));
    std::string line;
    REQUIRE(std::getline(lines, line));
    const auto first = nlohmann::json::parse(line);
    for (const char* key : {"id", "at", "who", "host", "op", "rule", "reason", "domain", "dn",
                            "guid", "before", "after"})
        CHECK_MESSAGE(first.contains(key), key);
    CHECK(first["op"] == "update");
    CHECK(first["before"]["serviceBindingInformation"] == nlohmann::json{"old"});
    CHECK(first["after"]["description"][1]["base64"] == "/w==");
    REQUIRE(std::getline(lines, line));
    const auto second = nlohmann::json::parse(line);
    CHECK(second["id"] == first["id"]);
    CHECK(second["result"] == "done");
    CHECK_FALSE(std::getline(lines, line));
}

TEST_CASE("history: the pre-image is what was read, also where the plan had it otherwise") {
    const TemporaryFolder folder;
    std::vector<HistoryRecord> records(1, an_update());
    (*records.front().pre_image)["keywords"] = {"K"};
    REQUIRE(History::open(folder.path()).value()->record(records));
    const auto listing = read_history(folder.path()).value();
    REQUIRE(listing.records.size() == 1);
    CHECK((listing.records.front().pre_image == records.front().pre_image));
}

TEST_CASE("history: the new object's GUID comes with the result of a create") {
    const TemporaryFolder folder;
    const auto history = History::open(folder.path()).value();
    std::vector<HistoryRecord> records(1, an_update());
    records.front().change.guid.reset();
    REQUIRE(history->record(records));
    records.front().change.guid = guid_b;
    records.front().result = "done";
    REQUIRE(history->finish(records));
    CHECK((read_history(folder.path()).value().records.at(0).change.guid == guid_b));
}
