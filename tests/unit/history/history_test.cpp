#include "history/history.hpp"

#include "history/lines.hpp"
#include "support/temporary_folder.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>
#include <thread>

namespace fs = std::filesystem;
using namespace scp;
using scp::test::TemporaryFolder;

namespace {

Dn dn(const std::string& text) {
    return Dn::parse(text).value();
}

const Guid guid_a = Guid::parse("90e49231-3838-4e5e-b2e4-8813fbf59a11").value();
const Guid guid_b = Guid::parse("77f6f69f-ad86-437c-b47e-9a2f161e7e61").value();

HistoryRecord an_update() {
    HistoryRecord record;
    Change& change = record.change;
    change.op = Op::update;
    change.rule = "mage";
    change.forest = "corp";
    change.domain = DomainName("corp.test");
    change.nc = dn("DC=corp,DC=test");
    change.dn = dn("CN=x,CN=scpd,CN=System,DC=corp,DC=test");
    change.guid = guid_a;
    change.reason = Reason::source_changed;
    change.source = SourceRef{dn("CN=x,CN=System,DC=emea,DC=corp,DC=test"),
                              DomainName("emea.corp.test"), guid_b};
    change.before = {{"keywords", {"k"}}, {"serviceBindingInformation", {"old"}}};
    change.after = {{"keywords", {"k"}}, {"serviceBindingInformation", {"new"}}};
    change.marker_before = "scpd1;i=prod;old";
    change.marker_after = "scpd1;i=prod;new";
    record.pre_image = change.before;
    (*record.pre_image)["description"] = {"by hand"};
    (*record.pre_image)["msDS-Settings"] = {change.marker_before, "somebody's"};
    return record;
}

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
    {"an attribute that had no values", [](HistoryRecord& r) { r.change.after["keywords"] = {}; }},
};

void check_same(const HistoryRecord& a, const HistoryRecord& b) {
    CHECK(a.id == b.id);
    CHECK(a.at == b.at);
    CHECK(a.who == b.who);
    CHECK(a.host == b.host);
    CHECK(a.result == b.result);
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
}

std::vector<fs::path> files_in(const fs::path& dir) {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(dir))
        files.push_back(entry.path());
    return files;
}

std::string contents(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
}

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

TEST_CASE("history: a line torn at any byte costs that line only") {
    HistoryRecord record = an_update();
    record.id = "one";
    const std::string first = record_line(record);
    record.id = "two";
    const std::string second = record_line(record);
    for (std::size_t kept = 0; kept < second.size(); ++kept) {
        CAPTURE(kept);
        const TemporaryFolder folder;
        std::ofstream(folder.path() / "a.jsonl", std::ios::binary)
            << first << second.substr(0, kept);
        const auto listing = read_history(folder.path()).value();
        CHECK(listing.problems.empty());
        // Only its line break may be missing from a record that is taken.
        CHECK(listing.records.size() == (kept + 1 == second.size() ? 2 : 1));
        CHECK(listing.records.at(0).id == "one");
    }
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
