#include "unit/history/records.hpp"

#include "history/lines.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <functional>
#include <set>
#include <thread>

namespace fs = std::filesystem;
using namespace scp;
using namespace scp::test;

namespace {

mode_t mode_of(const fs::path& path) {
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    return status.st_mode & 07777;
}

/// In a process of its own; its exit code.
int in_child(const std::function<int()>& work) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0)
        ::_exit(work());
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

} // namespace

TEST_CASE("history: for nobody else's eyes, whatever the umask") {
    const TemporaryFolder folder;
    const fs::path dir = folder.path() / "state" / "history";
    const mode_t old = ::umask(0);
    const auto history = History::open(dir);
    ::umask(old);
    REQUIRE(history);
    CHECK(mode_of(dir) == 0700);
    CHECK(mode_of(dir.parent_path()) == 0700);
    const auto files = files_in(dir);
    REQUIRE(files.size() == 1);
    CHECK(mode_of(files.front()) == 0600);
}

TEST_CASE("history: what root makes belongs to the folder's owner, who must go on to read it") {
    const TemporaryFolder folder;
    const uid_t owner = ::geteuid() == 0 ? 4242 : ::geteuid(); // only root can give away
    const gid_t group = ::geteuid() == 0 ? 4243 : ::getegid();
    REQUIRE(::chown(folder.path().c_str(), owner, group) == 0);
    const fs::path dir = folder.path() / "state" / "history";
    REQUIRE(History::open(dir));
    const auto files = files_in(dir);
    REQUIRE(files.size() == 1);
    for (const fs::path& made : {dir.parent_path(), dir, files.front()}) {
        CAPTURE(made);
        struct stat status {};
        REQUIRE(::stat(made.c_str(), &status) == 0);
        CHECK(status.st_uid == owner);
        CHECK(status.st_gid == group);
    }
}

TEST_CASE("history: where nothing can be written, opening says so") {
    const TemporaryFolder folder;
    const fs::path file = folder.path() / "file";
    std::ofstream(file) << "x";
    const fs::path shared = folder.path() / "shared";
    fs::create_directory(shared);
    fs::permissions(shared, fs::perms::owner_all | fs::perms::group_write);
    const struct {
        std::string name;
        fs::path dir;
        fs::path named; ///< what the message must name
    } cases[] = {
        {"a file has its name", file, file},
        {"a file is above it", file / "history", file / "history"},
        {"a directory that cannot be made", "/proc/scpd/history", "/proc/scpd"},
        {"a device", "/dev/full", "/dev/full"},
        {"others may write to it", shared, shared},
    };
    for (const auto& row : cases) {
        CAPTURE(row.name);
        const auto history = History::open(row.dir);
        REQUIRE_FALSE(history);
        CHECK(history.error().kind == ErrorKind::io);
        CHECK(history.error().message.find(row.named.string()) != std::string::npos);
        CHECK_FALSE(history.error().hint.empty());
    }
}

TEST_CASE("history: a full disk leaves no part of a record, and the next one is whole") {
    const TemporaryFolder folder;
    const int failed_at = in_child([&] {
        ::signal(SIGXFSZ, SIG_IGN);
        const auto history = History::open(folder.path()).value();
        std::vector<HistoryRecord> first(1, an_update());
        if (!history->record(first))
            return 1;
        rlimit limit{};
        ::getrlimit(RLIMIT_FSIZE, &limit);
        const rlimit small{contents(files_in(folder.path()).at(0)).size() + 300, limit.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &small);
        std::vector<HistoryRecord> second(3, an_update());
        const auto full = history->record(second);
        ::setrlimit(RLIMIT_FSIZE, &limit);
        if (full || full.error().kind != ErrorKind::io)
            return 2;
        std::vector<HistoryRecord> third(1, an_update());
        third.front().change.rule = "third";
        return history->record(third) ? 0 : 3;
    });
    REQUIRE(failed_at == 0);
    const auto listing = read_history(folder.path()).value();
    CHECK(listing.problems.empty());
    REQUIRE(listing.records.size() == 2);
    CHECK(listing.records[0].change.rule == "mage");
    CHECK(listing.records[1].change.rule == "third");
}

TEST_CASE("history: several writers in one directory, in threads and in processes") {
    const TemporaryFolder folder;
    constexpr int each = 50;
    const auto write = [&] {
        const auto history = History::open(folder.path()).value();
        for (int i = 0; i < each; ++i) {
            std::vector<HistoryRecord> records(2, an_update());
            if (!history->record(records))
                return 1;
            for (HistoryRecord& record : records)
                record.result = "done";
            if (!history->finish(records))
                return 2;
        }
        return 0;
    };
    const auto in_threads = [&] {
        std::vector<std::jthread> threads;
        std::atomic<int> worst = 0;
        for (int i = 0; i < 3; ++i)
            threads.emplace_back([&] {
                if (const int code = write())
                    worst = code;
            });
        threads.clear();
        return worst.load();
    };
    std::vector<pid_t> children;
    for (int i = 0; i < 2; ++i) {
        const pid_t child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0)
            ::_exit(in_threads());
        children.push_back(child);
    }
    for (const pid_t child : children) {
        int status = 0;
        REQUIRE(::waitpid(child, &status, 0) == child);
        CHECK(status == 0);
    }
    CHECK(files_in(folder.path()).size() == 2);
    const auto listing = read_history(folder.path()).value();
    CHECK(listing.problems.empty());
    CHECK(listing.records.size() == 2 * 3 * each * 2);
    std::set<std::string> ids;
    for (const HistoryRecord& record : listing.records) {
        ids.insert(record.id);
        CHECK(record.result == "done");
    }
    CHECK(ids.size() == listing.records.size());
}

TEST_CASE("history: lines that cannot be read are named and cost no other") {
    HistoryRecord record = an_update();
    record.id = "one";
    const std::string good = record_line(record);
    const auto with = [&](const char* key, const nlohmann::json& value) {
        auto line = nlohmann::json::parse(good);
        line[key] = value;
        return line.dump();
    };
    const std::vector<std::pair<std::string, std::string>> cases{
        {"not JSON", "rubbish"},
        {"random bytes", std::string("\xff\x00\x01{", 4)},
        {"a list", "[1,2]"},
        {"a number", "12"},
        {"an object of something else", R"({"a":1})"},
        {"another version", with("v", 2)},
        {"an unknown op", with("op", "explode")},
        {"an unknown reason", with("reason", "whim")},
        {"a GUID that is none", with("guid", "12")},
        {"a DN that is none", with("dn", "no equals sign")},
        {"a time that is none", with("at", "yesterday")},
        {"a value of another type", with("before", {{"keywords", {1}}})},
        {"attributes of another type", with("after", 7)},
        {"base64 that is none", with("before", {{"keywords", {{{"base64", "!!!!"}}}}})},
        {"base64 cut short", with("before", {{"keywords", {{{"base64", "QQ"}}}}})},
        {"nested 100,000 deep", std::string(100000, '[')},
    };
    for (const auto& [name, bad] : cases) {
        CAPTURE(name);
        const TemporaryFolder folder;
        std::ofstream(folder.path() / "a.jsonl", std::ios::binary) << bad << "\n" << good;
        const auto listing = read_history(folder.path()).value();
        CHECK(listing.records.size() == 1);
        REQUIRE(listing.problems.size() == 1);
        CHECK(listing.problems.front().find("a.jsonl:1: ") != std::string::npos);
        CHECK(listing.problems.front().find('\n') == std::string::npos);
    }
}

TEST_CASE("history: no directory is an empty history; one that cannot be read is an error") {
    const TemporaryFolder folder;
    const auto none = read_history(folder.path() / "none");
    REQUIRE(none);
    CHECK(none->records.empty());

    std::ofstream(folder.path() / "file") << "x";
    const auto no_directory = read_history(folder.path() / "file");
    REQUIRE_FALSE(no_directory);
    CHECK(no_directory.error().kind == ErrorKind::io);
}

TEST_CASE("history: a writer of a given name has its own file and IDs, and its own clock") {
    const TemporaryFolder folder;
    HistoryOptions options;
    options.now = [] { return *parse_rfc3339("2030-01-02T03:04:05Z"); };
    std::vector<std::unique_ptr<History>> writers;
    for (const char* name : {"one", "other"}) {
        options.writer = name;
        writers.push_back(History::open(folder.path(), options).value());
        std::vector<HistoryRecord> records(1, an_update());
        REQUIRE(writers.back()->record(records));
        CHECK(records.front().id == name + std::string("-1"));
    }
    CHECK(std::filesystem::exists(folder / "one.jsonl"));
    CHECK(std::filesystem::exists(folder / "other.jsonl"));
    const auto listing = read_history(folder.path()).value();
    REQUIRE(listing.records.size() == 2);
    CHECK(to_rfc3339(listing.records.front().at) == "2030-01-02T03:04:05Z");
}
