#include "history/past.hpp"

#include "base/hash.hpp"
#include "history/lines.hpp"
#include "unit/history/records.hpp"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <functional>
#include <sys/stat.h>

using namespace scp;
using namespace scp::test;

namespace {

const Timestamp past_noon = parse_rfc3339("2026-06-01T12:00:00Z").value();

std::string a_past_marker(bool parked = false) {
    Marker marker;
    marker.instance = "prod";
    marker.rule = "mage";
    marker.source = guid_b;
    marker.origin = DomainName("emea.corp.test");
    marker.sel = marker.attrs = marker.hash = sha256_hex("x");
    if (parked)
        marker.parked = past_noon;
    return to_string(marker);
}

HistoryRecord a_repair(int minute) {
    HistoryRecord record = an_update();
    record.at = past_noon + std::chrono::minutes(minute);
    record.result = "done";
    record.change.reason = Reason::edited_by_hand;
    record.change.marker_before = record.change.marker_after = a_past_marker();
    return record;
}

HistoryRecord a_parking(int minute, Reason reason = Reason::parked) {
    HistoryRecord record = a_repair(minute);
    record.change.op = Op::mark;
    record.change.reason = reason;
    record.change.after = record.change.before;
    record.change.marker_after = a_past_marker(true);
    return record;
}

HistoryRecord a_resume(int minute) {
    HistoryRecord record = a_parking(minute, Reason::by_hand);
    std::swap(record.change.marker_before, record.change.marker_after);
    return record;
}

struct PastRow {
    std::string name;
    std::function<void(HistoryRecord&)> set;
    std::size_t repairs;
};

const std::vector<PastRow> one_record{
    {"edited by hand", [](HistoryRecord&) {}, 1},
    {"settings changed", [](auto& r) { r.change.reason = Reason::settings_changed; }, 1},
    {"source replaced", [](auto& r) { r.change.reason = Reason::source_replaced; }, 1},
    {"renamed", [](auto& r) { r.change.reason = Reason::renamed; }, 1},
    {"its writer died: it may have been done", [](auto& r) { r.result.clear(); }, 1},
    {"failed", [](auto& r) { r.result = "failed"; }, 0},
    {"overtaken by another one's write before it was read back",
     [](auto& r) {
         r.result = "failed";
         r.overtaken = true;
     },
     1},
    {"skipped", [](auto& r) { r.result = "skipped"; }, 0},
    {"the source changed", [](auto& r) { r.change.reason = Reason::source_changed; }, 0},
    {"a person's", [](auto& r) { r.change.reason = Reason::by_hand; }, 0},
    {"of an object that is not known", [](auto& r) { r.change.guid.reset(); }, 0},
    {"a marker of another version", [](auto& r) { r.change.marker_after = "scpd1;x=y"; }, 0},
};

struct PastStory {
    std::string name;
    std::vector<HistoryRecord> records;
    std::vector<int> repairs; ///< minutes
    std::vector<int> parked;
};

const std::vector<PastStory> stories{
    {"nothing", {}, {}, {}},
    {"two repairs", {a_repair(1), a_repair(2)}, {1, 2}, {}},
    {"parked by the guard", {a_repair(1), a_repair(2), a_repair(3), a_parking(4)}, {}, {1, 2, 3}},
    {"parked by the guard: what was over an hour before is not why",
     {a_repair(-59), a_repair(-30), a_repair(0), a_repair(2), a_parking(4)},
     {},
     {-30, 0, 2}},
    {"parked by a person, who took an update back",
     {a_repair(1), a_parking(2, Reason::by_hand)},
     {},
     {}},
    {"resumed", {a_repair(1), a_parking(2), a_resume(3), a_repair(4)}, {4}, {}},
    {"resumed elsewhere, of which this history says nothing",
     {a_repair(1), a_parking(2), a_repair(4)},
     {4},
     {1}},
    {"parked again", {a_repair(1), a_parking(2), a_resume(3), a_repair(4), a_parking(5)}, {}, {4}},
};

std::vector<int> minutes(const std::vector<PastRepair>& repairs) {
    std::vector<int> list;
    for (const auto& repair : repairs)
        list.push_back(static_cast<int>((repair.at - past_noon) / std::chrono::minutes(1)));
    return list;
}

} // namespace

TEST_CASE("past: which records of the history are repairs") {
    for (const auto& row : one_record) {
        CAPTURE(row.name);
        HistoryRecord record = a_repair(1);
        row.set(record);
        const Past past = past_of(std::vector{record});
        CHECK((past.contains(guid_a) ? past.at(guid_a).repairs.size() : 0) == row.repairs);
    }
}

TEST_CASE("past: what parking and resuming make of what was before") {
    for (const auto& story : stories) {
        CAPTURE(story.name);
        Past past = past_of(story.records);
        CHECK(minutes(past[guid_a].repairs) == story.repairs);
        CHECK(minutes(past[guid_a].parked) == story.parked);
    }
}

TEST_CASE("past: what differed, by name, and what was left") {
    HistoryRecord record = a_repair(1);
    record.change.before["description"] = {"gone"};
    record.change.before["vendor"] = {"b", "a"};
    record.change.after["vendor"] = {"a", "b"};
    record.change.after["displayName"] = {"new"};
    PastRepair repair = past_of(std::vector{record}).at(guid_a).repairs.front();
    CHECK(repair.changed ==
          std::vector<std::string>{"description", "displayName", "serviceBindingInformation"});
    CHECK(repair.name == "x");
    CHECK(to_string(repair.left) == a_past_marker());
    record.change.after = record.change.before;
    record.change.new_dn = dn("CN=y,CN=scpd,CN=System,DC=corp,DC=test");
    repair = past_of(std::vector{record}).at(guid_a).repairs.front();
    CHECK(repair.changed == std::vector<std::string>{"name"});
    CHECK(repair.name == "y");
}

TEST_CASE("past: of two copies, each its own") {
    HistoryRecord other = a_repair(2);
    other.change.guid = guid_b;
    const Past past = past_of(std::vector{a_repair(1), other, a_parking(3)});
    CHECK(minutes(past.at(guid_a).parked) == std::vector{1});
    CHECK(minutes(past.at(guid_b).repairs) == std::vector{2});
}

TEST_CASE("past: lines that are of no use to it are told without being parsed") {
    const auto line = [](const HistoryRecord& record) {
        std::string text = record_line(record);
        text.pop_back(); // the line break
        return text;
    };
    const auto result = [](const HistoryRecord& record) {
        std::string text = result_line(record);
        text.pop_back();
        return text;
    };
    HistoryRecord followed = a_repair(1);
    followed.change.reason = Reason::source_changed;
    CHECK(is_beside_the_past(line(followed)));
    CHECK_FALSE(is_beside_the_past(line(a_repair(1))));
    CHECK_FALSE(is_beside_the_past(line(a_parking(1))));
    CHECK_FALSE(is_beside_the_past(line(a_parking(1, Reason::by_hand))));
    CHECK_FALSE(is_beside_the_past(line(a_resume(1))));
    HistoryRecord failed = followed;
    failed.result = "failed";
    CHECK(is_beside_the_past(result(followed)));
    CHECK_FALSE(is_beside_the_past(result(failed)));

    SUBCASE("whatever the values are") {
        HistoryRecord hostile = a_repair(1);
        for (const char* value :
             {R"("reason":"missing")", R"("result":"done")", R"(\"reason":"missing",")"}) {
            hostile.change.before["description"] = hostile.change.after["description"] = {value};
            hostile.change.before["reason"] = hostile.change.after["result"] = {"missing", "done"};
            hostile.host = value;
            CHECK_FALSE(is_beside_the_past(line(hostile)));
        }
    }
    SUBCASE("what is torn, or none, is for the parser to say") {
        for (const std::string& text :
             {std::string(), std::string("{}"), std::string("{\"reason\":\"missing\""),
              std::string("{\"reason\":\"unheard-of\"}"), line(followed).substr(1)})
            CHECK_FALSE(is_beside_the_past(text));
    }
}

TEST_CASE("past: what is read without those lines is what is read with them") {
    const TemporaryFolder folder;
    std::string text;
    int count = 0;
    const auto write = [&](HistoryRecord record, const std::string& result) {
        record.id = std::to_string(count++);
        text += record_line(record);
        record.result = result;
        text += result.empty() ? "" : result_line(record);
    };
    HistoryRecord followed = a_repair(1);
    followed.change.reason = Reason::source_changed;
    for (const char* result : {"done", "failed", "skipped", ""}) {
        write(a_repair(count), result);
        write(followed, result);
    }
    HistoryRecord other = a_repair(1);
    other.change.guid = guid_b;
    for (int minute = 10; minute < 13; ++minute)
        write(a_repair(minute), "done");
    write(a_parking(14), "done");
    write(other, "done");
    folder.write("a.jsonl", text);
    const auto all = read_history(folder.path());
    REQUIRE(all);
    REQUIRE(all->records.size() == static_cast<std::size_t>(count));
    const Past whole = past_of(all->records);
    const Past read = read_past(folder.path(), past_noon).past;
    CHECK(minutes(read.at(guid_a).parked) == minutes(whole.at(guid_a).parked));
    CHECK(minutes(read.at(guid_a).parked) == std::vector{10, 11, 12});
    CHECK(minutes(read.at(guid_b).repairs) == minutes(whole.at(guid_b).repairs));
    CHECK(read.size() == whole.size());
}

TEST_CASE("past: read from the files of a history, as far back as it is of use") {
    const TemporaryFolder folder;
    const auto write = [&](const std::string& name, int minute, const std::string& id) {
        HistoryRecord record = a_repair(minute);
        record.id = id;
        return folder.write(name, record_line(record) + result_line(record));
    };
    write("a.jsonl", 1, "a");
    const auto old = write("b.jsonl", 2, "b");
    const auto long_ago = past_noon - fight_memory - std::chrono::seconds(1);
    const timespec time{long_ago.time_since_epoch().count(), 0};
    const timespec both[]{time, time};
    REQUIRE(::utimensat(AT_FDCWD, old.c_str(), both, 0) == 0);
    const PastRead read = read_past(folder.path(), past_noon);
    CHECK_FALSE(read.error);
    CHECK(minutes(read.past.at(guid_a).repairs) == std::vector{1});

    SUBCASE("a line that is none: what there is, and that there is more") {
        folder.write("c.jsonl", "{}\n");
        const PastRead torn = read_past(folder.path(), past_noon);
        REQUIRE(torn.error);
        CHECK(torn.error->message.find("c.jsonl:1") != std::string::npos);
        CHECK(minutes(torn.past.at(guid_a).repairs) == std::vector{1});
    }
    SUBCASE("a file that cannot be opened") {
        std::filesystem::create_symlink("nowhere", folder / "c.jsonl");
        const PastRead lost = read_past(folder.path(), past_noon);
        REQUIRE(lost.error);
        CHECK(lost.error->message.find("c.jsonl") != std::string::npos);
        CHECK(minutes(lost.past.at(guid_a).repairs) == std::vector{1});
    }
    SUBCASE("no directory at all: nothing was ever written") {
        const PastRead none = read_past(folder / "none", past_noon);
        CHECK_FALSE(none.error);
        CHECK(none.past.empty());
    }
    SUBCASE("a file where the directory should be") {
        folder.write("file", "");
        CHECK(read_past(folder / "file", past_noon).error);
    }
}
