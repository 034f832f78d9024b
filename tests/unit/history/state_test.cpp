#include "history/state.hpp"

#include "support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <functional>
#include <sstream>
#include <thread>
#include <vector>

using namespace scp;
using namespace scp::test;

namespace {

namespace fs = std::filesystem;

const Timestamp noon = *parse_rfc3339("2026-01-01T12:00:00Z");

Timestamp now() {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

std::string hash_of(char digit) {
    return "sha256:" + std::string(64, digit);
}

HostState some_state() {
    HostState state;
    pause(state, {"", "all\nof \xc3\xa9 \"it\"", "root", noon});
    pause(state, {"mage", "", "ann", noon});
    approve(state, {hash_of('a'), "root", now()});
    return state;
}

void put(const fs::path& file, const std::string& text, mode_t mode = 0600) {
    std::ofstream(file, std::ios::binary) << text;
    ::chmod(file.c_str(), mode);
}

std::string text_in(const fs::path& file) {
    std::stringstream text;
    text << std::ifstream(file, std::ios::binary).rdbuf();
    return text.str();
}

std::string document(const std::string& pauses, const std::string& approvals = "[]") {
    return R"({"schema":"scpd.state/1","pauses":)" + pauses + R"(,"approvals":)" + approvals + "}";
}

std::string pause_json(const std::string& rule) {
    return R"({"rule":)" + rule + R"(,"reason":"","who":"root","since":"2026-01-01T12:00:00Z"})";
}

std::string approval_json(const std::string& hash, const std::string& at = "2026-01-01T12:00:00Z") {
    return R"({"hash":")" + hash + R"(","who":"root","at":")" + at + R"("})";
}

std::string times(const std::string& text, std::size_t count) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i)
        out += text;
    return out;
}

} // namespace

TEST_CASE("state file: what is written is read again") {
    const HostState state = some_state();
    const auto read = parse_state(state_text(state));
    REQUIRE(read);
    CHECK(*read == state);
    CHECK(parse_state(state_text({})) == HostState{});
    // Bytes that are no UTF-8 do not make a file that nobody can read.
    HostState odd;
    pause(odd, {"mage", "\xff\x1b", "root", noon});
    REQUIRE(parse_state(state_text(odd)));
    CHECK(parse_state(state_text(odd))->pauses.front().rule == "mage");
}

TEST_CASE("state file: what is not exactly a state is refused whole") {
    struct Row {
        const char* name;
        std::string text;
        const char* why;
    };
    const std::string good = document("[" + pause_json("\"mage\"") + "]");
    REQUIRE(parse_state(good));
    const std::vector<Row> rows{
        {"empty", "", "unexpected end of input"},
        {"blanks", "  \n", "unexpected end of input"},
        {"torn", good.substr(0, good.size() / 2), "unexpected end of input"},
        {"something after it", good + "x", "expected end of input"},
        {"twice", good + good, "expected end of input"},
        {"NUL", good + std::string(1, '\0'), "a NUL"},
        {"not UTF-8", "{\"\xff\":1}", "ill-formed UTF-8"},
        {"escapes", "\x1b[31m", "parse error"},
        {"a list", "[]", "the file is no object"},
        {"null", "null", "the file is no object"},
        {"a number", "1e999", ""},
        {"nothing in it", "{}", "the file has no \"schema\""},
        {"no pauses", R"({"schema":"scpd.state/1","approvals":[]})", "the file has no \"pauses\""},
        {"another schema", R"({"schema":"scpd.state/2","pauses":[],"approvals":[]})",
         "its schema is \"scpd.state/2\""},
        {"more in it", R"({"schema":"scpd.state/1","pauses":[],"approvals":[],"freeze":true})",
         "the file has a \"freeze\", which this version does not know"},
        {"a member twice",
         R"({"schema":"scpd.state/1","pauses":[)" + pause_json("null") +
             R"(],"pauses":[],"approvals":[]})",
         "\"pauses\" stands there twice"},
        {"a member of a pause twice",
         document(
             R"([{"rule":"a","rule":"b","reason":"","who":"","since":"2026-01-01T12:00:00Z"}])"),
         "\"rule\" stands there twice"},
        {"pauses no list", document("{}"), "\"pauses\" is no list"},
        {"a pause no object", document("[1]"), "a pause is no object"},
        {"a pause without since", document(R"([{"rule":"a","reason":"","who":""}])"),
         "a pause has no \"since\""},
        {"no rule's name", document("[" + pause_json("\"mage \"") + "]"),
         "\"mage \" is no rule's name"},
        {"an empty rule", document("[" + pause_json("\"\"") + "]"), "is no rule's name"},
        {"a rule that is a number", document("[" + pause_json("7") + "]"), "\"rule\" is no text"},
        {"a rule too long", document("[" + pause_json("\"" + times("a", 65) + "\"") + "]"),
         "is no rule's name"},
        {"a rule twice",
         document("[" + pause_json("\"mage\"") + "," + pause_json("\"MAGE\"") + "]"),
         "rule MAGE is paused twice"},
        {"no time", document(R"([{"rule":"a","reason":"","who":"","since":"yesterday"}])"),
         "\"since\" is no time"},
        {"no hash", document("[]", "[" + approval_json("sha256:1") + "]"), "is no plan's hash"},
        {"a hash in capitals", document("[]", "[" + approval_json(hash_of('A')) + "]"),
         "is no plan's hash"},
        {"approved twice",
         document("[]", "[" + approval_json(hash_of('a')) + "," +
                            approval_json(hash_of('a'), "2026-01-01T12:00:01Z") + "]"),
         "is approved twice"},
        {"deep", times("[", 500'000), "nested too deeply"},
        {"deep and whole", times("[", 200'000) + times("]", 200'000), "nested too deeply"},
        {"deep objects", times("{\"a\":", 100'000), "nested too deeply"},
        {"deep in a pause", document(times("[", 100) + times("]", 100)), "nested too deeply"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const auto read = parse_state(row.text);
        REQUIRE_FALSE(read);
        CHECK(read.error().kind == ErrorKind::io);
        CAPTURE(read.error().message);
        CHECK(read.error().message.find(row.why) != std::string::npos);
        CHECK(read.error().message.find('\x1b') == std::string::npos);
    }
}

TEST_CASE("state file: cut at any byte it is refused, or whole") {
    const std::string text = state_text(some_state());
    for (std::size_t at = 0; at + 2 < text.size(); ++at) {
        CAPTURE(at);
        CHECK_FALSE(parse_state(text.substr(0, at)));
    }
}

TEST_CASE(
    "state file: not there, it says that nothing is paused; else what it cannot say is an error") {
    struct Row {
        const char* name;
        std::function<void(const fs::path&)> arrange;
        const char* why; ///< empty: nothing is paused
    };
    const std::vector<Row> rows{
        {"no file", [](const fs::path&) {}, ""},
        {"no folder", [](const fs::path& file) { fs::remove_all(file.parent_path()); }, ""},
        {"malformed", [](const fs::path& file) { put(file, "{"); }, "unexpected end of input"},
        {"empty", [](const fs::path& file) { put(file, ""); }, "unexpected end of input"},
        {"a folder of that name", [](const fs::path& file) { fs::create_directory(file); },
         "no regular file"},
        {"a FIFO of that name",
         [](const fs::path& file) { REQUIRE(::mkfifo(file.c_str(), 0600) == 0); },
         "no regular file"},
        {"a link",
         [](const fs::path& file) {
             put(file.string() + ".else", state_text({}));
             fs::create_symlink(file.string() + ".else", file);
         },
         "symbolic links"},
        {"a link to nowhere", [](const fs::path& file) { fs::create_symlink("/nowhere", file); },
         "symbolic links"},
        {"others may write it", [](const fs::path& file) { put(file, state_text({}), 0602); },
         "written by others"},
        {"a group may write it", [](const fs::path& file) { put(file, state_text({}), 0660); },
         "written by others"},
        {"others may write its folder",
         [](const fs::path& file) { ::chmod(file.parent_path().c_str(), 0777); },
         "of its folder: it may be written by others"},
        {"its folder is a file",
         [](const fs::path& file) {
             fs::remove_all(file.parent_path());
             put(file.parent_path(), "");
         },
         "its folder cannot be opened"},
        {"huge", [](const fs::path& file) { put(file, times(" ", (1U << 20U) + 1)); },
         "it is larger than"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const TemporaryFolder folder;
        fs::create_directory(folder / "scpd");
        const StateFile file(folder / "scpd" / "state.json");
        row.arrange(file.path());
        const auto read = file.read();
        const auto updated = file.update([](HostState& state) {
            return pause(state, {"mage", "", "root", noon});
        });
        if (std::string_view(row.why).empty()) {
            REQUIRE(read);
            CHECK(*read == HostState{});
            CHECK(updated == true);
            CHECK(find_pause(*file.read(), "mage") != nullptr);
            continue;
        }
        for (const auto& error :
             {read ? Error{} : read.error(), updated ? Error{} : updated.error()}) {
            CHECK(error.kind == ErrorKind::io);
            CAPTURE(error.message);
            CHECK((error.message.find(row.why) != std::string::npos ||
                   std::string_view(row.why).find("folder cannot") != std::string_view::npos));
            CHECK(error.message.find(file.path().string()) != std::string::npos);
            CHECK_FALSE(error.hint.empty());
        }
        CHECK_FALSE(file.read()); // what could not be read was not written over
    }
}

TEST_CASE("state file: an update is all or nothing, and leaves nothing behind") {
    const TemporaryFolder folder;
    const StateFile file(folder / "a" / "b" / "state.json");
    CHECK(file.update([](HostState&) { return false; }) == false);
    CHECK_FALSE(fs::exists(file.path()));
    CHECK(file.update([](HostState& state) {
        state = some_state();
        return true;
    }) == true);
    CHECK(*file.read() == some_state());
    struct stat status {};
    REQUIRE(::stat(file.path().c_str(), &status) == 0);
    CHECK((status.st_mode & 07777U) == 0600);
    REQUIRE(::stat((folder / "a" / "b").c_str(), &status) == 0);
    CHECK((status.st_mode & 07777U) == 0700);

    // One who was killed before the rename left this.
    put(file.path().string() + ".new", "{");
    const std::string before = text_in(file.path());
    CHECK(file.update([](HostState&) { return false; }) == false);
    CHECK(text_in(file.path()) == before);
    CHECK(file.update([](HostState& state) { return resume(state, "mage"); }) == true);
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder / "a" / "b"))
        names.push_back(entry.path().filename().string());
    std::ranges::sort(names);
    CHECK(names == std::vector<std::string>{"state.json", "state.lock"});

    // Old approvals go, whatever the update was about.
    HostState old;
    approve(old, {hash_of('b'), "root", noon - std::chrono::hours{24 * 365}});
    put(file.path(), state_text(old));
    CHECK(file.update([](HostState&) { return false; }) == false);
    CHECK(file.read()->approvals.empty());

    // What would not be read again is not written.
    CHECK_FALSE(file.update([](HostState& state) {
        return pause(state, {"big", times("x", 1U << 20U), "root", noon});
    }));
    CHECK(file.read()->pauses.empty());
}

TEST_CASE("state file: of many writers at once none is lost, and readers see whole states") {
    const TemporaryFolder folder;
    const StateFile file(folder / "state.json");
    constexpr int writers = 8;
    constexpr int rounds = 10;
    std::atomic<int> done{0};
    std::atomic<int> bad{0};
    {
        std::vector<std::jthread> threads;
        for (int writer = 0; writer < writers; ++writer)
            threads.emplace_back([&, writer] {
                for (int round = 0; round < rounds; ++round)
                    if (!file.update([&](HostState& state) {
                            return pause(
                                state, {"r" + std::to_string(writer) + "-" + std::to_string(round),
                                        "", "root", noon});
                        }))
                        ++bad;
                ++done;
            });
        threads.emplace_back([&] {
            while (done < writers)
                if (!file.read())
                    ++bad;
        });
    }
    CHECK(bad == 0);
    CHECK(file.read()->pauses.size() == writers * rounds);
}
