// What the history comes through: a writer that is killed, files that grow, vanish or cannot be
// read, and undos of undos.
#include "unit/history/records.hpp"

#include "history/lines.hpp"

#include <doctest/doctest.h>

#include <sys/stat.h>
#include <unistd.h>

namespace fs = std::filesystem;
using namespace scp;
using namespace scp::test;

namespace {

/// A record with an ID and a time of its own, `seconds` after the first.
HistoryRecord record_of(const std::string& id, int seconds = 0, const std::string& undoes = {},
                        const std::string& result = {}) {
    HistoryRecord record = an_update();
    record.id = id;
    record.at = *parse_rfc3339("2026-06-01T00:00:00Z") + std::chrono::seconds(seconds);
    record.change.undoes = undoes;
    record.result = result;
    return record;
}

std::string both_lines(const HistoryRecord& record) {
    return record_line(record) + (record.result.empty() ? "" : result_line(record));
}

void put_text(const fs::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
}

} // namespace

TEST_CASE("history: a writer killed at any byte leaves a beginning of what it wrote") {
    const std::string first = both_lines(record_of("one", 0, "", "done"));
    const std::string second = both_lines(record_of("two", 1, "", "failed"));
    const std::string whole = first + second;
    const TemporaryFolder folder;
    const fs::path other = folder.path() / "b.jsonl"; // another writer's, who lives
    put_text(other, both_lines(record_of("other", 2, "", "done")));
    // Any byte of the second write; of the first one, which is no different, some.
    for (std::size_t kept = 0; kept <= whole.size(); kept += kept + 16 < first.size() ? 16U : 1U) {
        CAPTURE(kept);
        put_text(folder.path() / "a.jsonl", whole.substr(0, kept));
        const auto listing = read_history(folder.path()).value();
        CHECK(listing.problems.empty());
        CHECK(listing.unreadable.empty());
        // A record or result counts from its last brace on: only its line break may be missing.
        const std::size_t ends[] = {record_line(record_of("one")).size(), first.size(),
                                    first.size() + record_line(record_of("two")).size(),
                                    whole.size()};
        const auto lines = static_cast<std::size_t>(std::count_if(
            std::begin(ends), std::end(ends), [&](std::size_t end) { return kept + 1 >= end; }));
        REQUIRE(listing.records.size() == 1 + (lines + 1) / 2);
        CHECK(listing.records.back().id == "other");
        CHECK(listing.records.back().result == "done");
        if (lines >= 1)
            CHECK(listing.records[0].result == (lines >= 2 ? "done" : ""));
        if (lines >= 3)
            CHECK(listing.records[1].result == (lines >= 4 ? "failed" : ""));
    }
}

TEST_CASE("history: what grows large is continued in another file, results and all") {
    const TemporaryFolder folder;
    HistoryOptions options;
    options.bytes_a_file = 4000;
    const auto history = History::open(folder.path(), options).value();
    constexpr std::size_t writes = 20;
    for (std::size_t i = 0; i < writes; ++i) {
        std::vector<HistoryRecord> records(1, an_update());
        REQUIRE(history->record(records));
        records.front().result = "done";
        REQUIRE(history->finish(records));
    }
    const auto files = files_in(folder.path());
    CHECK(files.size() > 2);
    for (const auto& file : files) {
        CHECK(fs::file_size(file) < 4000 + 3000);
        CHECK((fs::status(file).permissions() & fs::perms::all) ==
              (fs::perms::owner_read | fs::perms::owner_write));
    }
    const auto listing = read_history(folder.path()).value();
    CHECK(listing.problems.empty());
    CHECK(listing.records.size() == writes);
    for (const HistoryRecord& record : listing.records)
        CHECK(record.result == "done");
}

TEST_CASE("history: a record in one file and its result in another belong together") {
    const TemporaryFolder folder;
    const HistoryRecord record = record_of("one", 0, "", "done");
    put_text(folder.path() / "z.jsonl", record_line(record));
    put_text(folder.path() / "a.jsonl", result_line(record));
    const auto listing = read_history(folder.path()).value();
    REQUIRE(listing.records.size() == 1);
    CHECK(listing.records.front().result == "done");
}

TEST_CASE("history: a file that is taken away is made anew, never written to unseen") {
    const TemporaryFolder folder;
    const struct {
        const char* name;
        void (*take)(const fs::path& file);
    } rows[] = {
        {"deleted", [](const fs::path& file) { fs::remove(file); }},
        {"renamed", [](const fs::path& file) { fs::rename(file, file.string() + ".1"); }},
        {"replaced by another",
         [](const fs::path& file) {
             fs::remove(file);
             put_text(file, "");
         }},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const fs::path dir = folder.path() / row.name;
        const auto history = History::open(dir).value();
        std::vector<HistoryRecord> records(1, an_update());
        REQUIRE(history->record(records));
        for (const fs::path& file : files_in(dir))
            row.take(file);
        records.front().change.rule = "second";
        REQUIRE(history->record(records));
        const auto listing = read_history(dir).value();
        REQUIRE(listing.records.size() == 1);
        CHECK(listing.records.front().change.rule == "second");
    }
}

TEST_CASE("history: without its directory nothing is recorded any more") {
    const TemporaryFolder folder;
    const fs::path dir = folder.path() / "history";
    const auto history = History::open(dir).value();
    fs::remove_all(dir);
    std::vector<HistoryRecord> records(1, an_update());
    const auto recorded = history->record(records);
    REQUIRE_FALSE(recorded);
    CHECK(recorded.error().kind == ErrorKind::io);
    CHECK(recorded.error().message.find(dir.string()) != std::string::npos);
}

TEST_CASE("history: a file that cannot be read is named, and the others are read") {
    const TemporaryFolder folder;
    put_text(folder.path() / "a.jsonl", both_lines(record_of("one")));
    const struct {
        const char* name;
        void (*make)(const fs::path& path);
    } rows[] = {
        {"a directory", [](const fs::path& path) { fs::create_directory(path); }},
        {"a link to nowhere", [](const fs::path& path) { fs::create_symlink("/none", path); }},
    };
    const fs::path bad = folder.path() / "b.jsonl";
    for (const auto& row : rows) {
        CAPTURE(row.name);
        row.make(bad);
        const auto listing = read_history(folder.path()).value();
        CHECK(listing.records.size() == 1);
        REQUIRE(listing.unreadable.size() == 1);
        CHECK(listing.unreadable.front().kind == ErrorKind::io);
        CHECK(listing.unreadable.front().message.find(bad.string()) != std::string::npos);
        fs::remove(bad);
    }
}

TEST_CASE("history: one ID stands for one write") {
    const TemporaryFolder folder;
    HistoryRecord planted = record_of("one", 5);
    planted.change.rule = "planted";
    put_text(folder.path() / "a.jsonl", both_lines(record_of("one")));
    put_text(folder.path() / "b.jsonl", both_lines(planted));
    const auto listing = read_history(folder.path()).value();
    REQUIRE(listing.records.size() == 1);
    CHECK(listing.records.front().change.rule == "mage");
    REQUIRE(listing.problems.size() == 1);
    CHECK(listing.problems.front().find("b.jsonl:1: ") != std::string::npos);
}

TEST_CASE("history: what undid a write, and what undid that") {
    struct Row {
        const char* name;
        std::vector<HistoryRecord> records;
        std::vector<std::string> undone_by; ///< of each
    };
    const auto a = [] { return record_of("a", 0, "", "done"); };
    const std::vector<Row> rows{
        {"nothing", {a()}, {""}},
        {"an undo", {a(), record_of("b", 1, "a", "done")}, {"b", ""}},
        {"an undo that failed", {a(), record_of("b", 1, "a", "failed")}, {"", ""}},
        {"an undo of unknown result", {a(), record_of("b", 1, "a", "")}, {"", ""}},
        {"an undo of an undo",
         {a(), record_of("b", 1, "a", "done"), record_of("c", 2, "b", "done")},
         {"", "c", ""}},
        {"undone twice",
         {a(), record_of("b", 1, "a", "done"), record_of("c", 2, "b", "done"),
          record_of("d", 3, "a", "done")},
         {"d", "c", "", ""}},
        {"an undo of what is not there", {record_of("b", 1, "x", "done")}, {""}},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        const TemporaryFolder folder;
        for (const HistoryRecord& record : row.records) // a writer each
            put_text(folder.path() / (record.id + ".jsonl"), both_lines(record));
        const auto listing = read_history(folder.path()).value();
        REQUIRE(listing.records.size() == row.records.size());
        for (std::size_t i = 0; i < row.undone_by.size(); ++i)
            CHECK(listing.records[i].undone_by == row.undone_by[i]);
    }
}
