#include "scpctl/agent_log.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <sys/resource.h>

#include <algorithm>
#include <random>
#include <sstream>
#include <streambuf>
#include <string>

namespace scp {

namespace {

using namespace std::string_literals;

// The published log of a real agent (DESIGN.md, "The problem").
const std::string filter_of_agent =
    "(&(objectClass=serviceConnectionPoint)(keywords=77F6F69F-AD86-437c-B47E-9A2F161E7E61)"
    "(keywords=QmmEx)(keywords=90e49231-3838-4e5e-b2e4-8813fbf59a11)"
    "(CN=90e49231-3838-4e5e-b2e4-8813fbf59a11))";
const std::string real_lines =
    "2015-01-16 23:07:58.0656 Px1700  Tx5 A- C- M- Info Waiting for agent settings: Not found: " +
    filter_of_agent +
    "\r\n"
    "2015-01-16 23:07:58.0656 Px1700  Tx5 A- C- M- Info Agent is not ready to start. Agent going "
    "to sleep at 1 minute.\r\n"
    "2015-01-16 23:08:58.1004 Px1700  Tx5 A- C- M- Info Waiting for agent settings: Not found: " +
    filter_of_agent + "\r\n";

AgentLog read(const std::string& text, const LogLimits& limits = {}) {
    std::istringstream in(text);
    auto log = read_agent_log(in, limits);
    REQUIRE(log);
    return *log;
}

std::string utf16(const std::u16string& text, bool big_endian) {
    std::string out;
    for (const char16_t unit : text) {
        const auto high = static_cast<char>(unit >> 8U);
        const auto low = static_cast<char>(unit & 0xffU);
        out += big_endian ? high : low;
        out += big_endian ? low : high;
    }
    return out;
}

std::u16string widen(const std::string& ascii) {
    return {ascii.begin(), ascii.end()};
}

std::string nested(std::size_t depth) {
    std::string text;
    for (std::size_t i = 1; i < depth; ++i) {
        text += "(&";
    }
    return text + "(cn=x)" + std::string(depth - 1, ')');
}

/// A stream of `block` over and over, made as it is read.
class Repeated : public std::streambuf {
  public:
    Repeated(std::string block, std::size_t bytes) : block_(std::move(block)), left_(bytes) {}

  protected:
    int_type underflow() override {
        if (left_ == 0) {
            return traits_type::eof();
        }
        const std::size_t n = std::min(left_, block_.size());
        left_ -= n;
        setg(block_.data(), block_.data(), block_.data() + n);
        return traits_type::to_int_type(block_[0]);
    }

  private:
    std::string block_;
    std::size_t left_;
};

long peak_kilobytes() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

struct LineRow {
    std::string name;
    std::string line;
    std::size_t found;
    const char* refused; ///< a part of why; nullptr: nothing is refused
};

const LineRow line_rows[] = {
    {"the filter alone", "Not found: (cn=x)", 1, nullptr},
    {"text after it", "Not found: (cn=x). Retrying (2)", 1, nullptr},
    {"lower case", "settings not found:(cn=x)", 1, nullptr},
    {"tabs", "Not found:\t (cn=x)", 1, nullptr},
    {"another thing that was not found", "Not found: c:\\agent.ini (2)", 0, nullptr},
    {"the second one is it", "Not found: agent.ini, Not found: (cn=x)", 1, nullptr},
    {"a word that ends so", "Knot found: (cn=x)", 0, nullptr},
    {"every attribute of an SCP",
     "Not found: (|(name=a)(DISPLAYNAME=b)(serviceDNSName=c*)(appSchemaVersion=*))", 1, nullptr},
    {"presence and substring", "Not found: (|(keywords=*)(cn=a*b*c))", 1, nullptr},
    {"negation", "Not found: (&(cn=x)(!(keywords=y)))", 0, "only and, or"},
    {"greater", "Not found: (versionNumber>=3)", 0, "only and, or"},
    {"extensible", "Not found: (cn:1.2.840.113556.1.4.803:=1)", 0, "only and, or"},
    {"an attribute of an account", "Not found: (&(cn=x)(userPassword=*))", 0, "userPassword"},
    {"an attribute named to trip a terminal", "Not found: (\x1b[31m=x)", 0, "filter, byte 2"},
    {"not balanced", "Not found: (&(cn=x)", 0, "balanced"},
    {"wrong escape", "Not found: (cn=\\zz)", 0, "hexadecimal"},
    {"depth 8", "Not found: " + nested(8), 1, nullptr},
    {"depth 9", "Not found: " + nested(9), 0, "nested deeper than 8"},
    {"depth 1,000", "Not found: " + nested(1000), 0, "nested deeper than 8"},
    {"depth 20,000", "Not found: " + nested(20'000), 0, "nested deeper than 8"},
    {"only opening", "Not found: " + std::string(60'000, '('), 0, "balanced"},
    {"everything", "Not found: (&)", 0, "empty list"},
    {"nothing", "Not found: ()", 0, "attribute's name is missing"},
    {"ESC in a value", "Not found: (cn=a\x1b[2Jb)", 1, nullptr},
    {"NUL in a value", "Not found: (cn=a\0b)"s, 0, "escaped"},
    {"invalid UTF-8 in a value", "Not found: (cn=\xff\xfe)", 1, nullptr},
};

struct TimeRow {
    std::string name;
    std::string line;
    std::string text; ///< empty: none
    std::string utc;  ///< empty: none
    bool zone;
};

const TimeRow time_rows[] = {
    {"the real agent's", "2015-01-16 23:07:58.0656 Px1700", "2015-01-16 23:07:58.0656",
     "2015-01-16T23:07:58Z", false},
    {"no fraction", "2015-01-16 23:07:58 x", "2015-01-16 23:07:58", "2015-01-16T23:07:58Z", false},
    {"comma", "2015-01-16 23:07:58,065 x", "2015-01-16 23:07:58,065", "2015-01-16T23:07:58Z",
     false},
    {"nothing after it", "2015-01-16T23:07:58", "2015-01-16T23:07:58", "2015-01-16T23:07:58Z",
     false},
    {"UTC", "2015-01-16T23:07:58.1Z x", "2015-01-16T23:07:58.1Z", "2015-01-16T23:07:58Z", true},
    {"east", "2015-01-16T23:07:58+03:00 x", "2015-01-16T23:07:58+03:00", "2015-01-16T20:07:58Z",
     true},
    {"west, no colon", "2015-01-16T23:07:58-0530", "2015-01-16T23:07:58-0530",
     "2015-01-17T04:37:58Z", true},
    {"a zone that is none", "2015-01-16T23:07:58-99:99", "2015-01-16T23:07:58",
     "2015-01-16T23:07:58Z", false},
    {"a day that is none", "2015-02-30 23:07:58 x", "2015-02-30 23:07:58", "", false},
    {"not at the beginning", " 2015-01-16 23:07:58", "", "", false},
    {"too short", "2015-01-16 23:07", "", "", false},
    {"letters", "Waiting for agent settings", "", "", false},
    {"empty", "", "", "", false},
};

} // namespace

TEST_CASE("agent's log: the published lines") {
    const AgentLog log = read(real_lines);
    CHECK(log.lines == 3);
    CHECK(log.refused_count == 0);
    REQUIRE(log.filters.size() == 1);
    const AskedFilter& asked = log.filters[0];
    CHECK(to_string(asked.filter) == filter_of_agent);
    CHECK(asked.count == 2);
    REQUIRE(asked.first);
    REQUIRE(asked.last);
    CHECK(asked.first->text == "2015-01-16 23:07:58.0656");
    CHECK(asked.last->text == "2015-01-16 23:08:58.1004");
}

TEST_CASE("agent's log: what is taken from a line and what is refused") {
    for (const auto& row : line_rows) {
        CAPTURE(row.name);
        const AgentLog log = read("before\n" + row.line + "\nafter\n");
        CHECK(log.filters.size() == row.found);
        CHECK(log.lines == 3);
        CHECK(log.refused_count == (row.refused != nullptr ? 1 : 0));
        if (row.refused != nullptr) {
            REQUIRE(log.refused.size() == 1);
            CHECK(log.refused[0].line == 2);
            CHECK_MESSAGE(log.refused[0].why.find(row.refused) != std::string::npos,
                          log.refused[0].why);
            const std::string shown = log.refused[0].excerpt + log.refused[0].why;
            CHECK(std::ranges::none_of(shown, [](char c) { return c >= 0 && c < ' '; }));
            CHECK(shown.size() < 1000);
        }
    }
}

TEST_CASE("agent's log: times") {
    for (const auto& row : time_rows) {
        CAPTURE(row.name);
        const auto time = parse_log_time(row.line);
        CHECK(time.has_value() == !row.text.empty());
        if (time) {
            CHECK(time->text == row.text);
            CHECK((time->utc ? to_rfc3339(*time->utc) : "") == row.utc);
            CHECK(time->zone_known == row.zone);
        }
    }
}

TEST_CASE("agent's log: the same filter in another case is the same, most frequent first") {
    const AgentLog log = read("Not found: (cn=rare)\n"
                              "2015-01-16 23:07:58 Not found: (CN=Mage)\n"
                              "2015-01-16 23:08:58 Not found: (cn=mAGE)\n"
                              "Not found: (cn=mage)\n");
    REQUIRE(log.filters.size() == 2);
    CHECK(to_string(log.filters[0].filter) == "(CN=Mage)");
    CHECK(log.filters[0].count == 3);
    CHECK(log.filters[0].last->text == "2015-01-16 23:08:58");
    CHECK(log.filters[1].count == 1);
    CHECK(!log.filters[1].first);
}

TEST_CASE("agent's log: UTF-8 and UTF-16, with and without a byte order mark") {
    struct Row {
        std::string name;
        std::string bytes;
    };
    const std::u16string text = widen(real_lines) + u"Not found: (cn=J\u00fcrgen \U0001F600)\r\n";
    const std::string in_utf8 = real_lines + "Not found: (cn=J\u00fcrgen \U0001F600)\r\n";
    const Row rows[] = {
        {"UTF-8", in_utf8},
        {"UTF-8 with mark", "\xef\xbb\xbf" + in_utf8},
        {"UTF-16LE with mark", "\xff\xfe" + utf16(text, false)},
        {"UTF-16BE with mark", "\xfe\xff" + utf16(text, true)},
        {"UTF-16LE", utf16(text, false)},
        {"UTF-16BE", utf16(text, true)},
        {"UTF-16LE, an odd byte at the end", utf16(text, false) + "x"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const AgentLog log = read(row.bytes);
        REQUIRE(log.filters.size() == 2);
        CHECK(to_string(log.filters[0].filter) == filter_of_agent);
        CHECK(log.filters[0].count == 2);
        CHECK(log.filters[0].first->text == "2015-01-16 23:07:58.0656");
        CHECK(log.filters[1].filter == equals("cn", "J\u00fcrgen \U0001F600"));
    }
}

TEST_CASE("agent's log: UTF-16 that is cut anywhere, and halves of surrogates") {
    std::u16string text = widen("Not found: (cn=ab)\n");
    text[15] = 0xd800; // a high half, then an ordinary letter
    const AgentLog log = read("\xff\xfe" + utf16(text, false));
    REQUIRE(log.filters.size() == 1);
    CHECK(log.filters[0].filter == equals("cn", "\ufffd"
                                                "b"));
    // Longer than the reader's buffer, so that characters and lines are cut at its end.
    std::u16string many = u"x";
    for (int i = 0; i < 600; ++i) {
        many += widen(real_lines);
    }
    const AgentLog cut = read(utf16(many, true));
    CHECK(cut.filters.at(0).count == 1200);
}

TEST_CASE("agent's log: lines that are too long are passed over and counted") {
    const LogLimits limits{.line = 100};
    const std::string asked = "Not found: (cn=x)";
    struct Row {
        std::string name;
        std::string text;
        std::uint64_t found, lines, long_lines;
    };
    const Row rows[] = {
        {"just short enough", asked + std::string(100 - asked.size(), ' ') + "\n", 1, 1, 0},
        {"a byte too long", asked + std::string(101 - asked.size(), ' ') + "\n", 0, 1, 1},
        {"the next line is read again", fmt::format("{:x>1000000}\n{}\n", "", asked), 1, 2, 1},
        {"no end of line at the end", asked, 1, 1, 0},
        {"too long and no end", std::string(1'000'000, 'x'), 0, 1, 1},
        {"empty", "", 0, 0, 0},
        {"empty lines", "\n\n", 0, 2, 0},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const AgentLog log = read(row.text, limits);
        CHECK(log.filters.size() == row.found);
        CHECK(log.lines == row.lines);
        CHECK(log.long_lines == row.long_lines);
    }
    CHECK(read(asked + std::string(65 * 1024, ' ')).long_lines == 1);
}

TEST_CASE("agent's log: filters without end do not fill the memory") {
    std::string text;
    for (int i = 0; i < 3000; ++i) {
        text += "Not found: (cn=" + std::to_string(i) + ")\nNot found: (cn=(\n";
    }
    const AgentLog log = read(text);
    CHECK(log.filters.size() == 1000);
    CHECK(log.more_filters == 2000);
    CHECK(log.refused_count == 3000);
    CHECK(log.refused.size() == 10);
    CHECK(read(text, {.filter_bytes = 50}).filters.size() == 8);
}

TEST_CASE("agent's log: random bytes") {
    const unsigned seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random(seed);
    for (int i = 0; i < 200; ++i) {
        std::string bytes(random() % 20'000, '\0');
        std::ranges::generate(bytes, [&] { return static_cast<char>(random()); });
        // Some of them around the phrase, so that what follows it is looked at.
        bytes.insert(random() % (bytes.size() + 1), "Not found: (");
        const AgentLog log = read(bytes);
        CHECK(log.filters.size() + log.refused_count + log.long_lines <= 1);
    }
}

TEST_CASE("agent's log: 100 MB in constant memory") {
    std::string block = real_lines;
    while (block.size() < 1'000'000) {
        block +=
            "2015-01-16 23:07:58.0656 Px1700  Tx5 A- C- M- Info Agent is not ready to start.\r\n";
    }
    const std::size_t blocks = 100'000'000 / block.size() + 1;
    Repeated buffer(block, block.size() * blocks);
    std::istream in(&buffer);
    const long before = peak_kilobytes();
    const auto log = read_agent_log(in);
    REQUIRE(log);
    REQUIRE(log->filters.size() == 1);
    CHECK(log->filters[0].count == 2 * blocks);
    CHECK(peak_kilobytes() - before < 16 * 1024);
}

TEST_CASE("agent's log: a stream that breaks is an error, a request to stop ends it") {
    class Broken : public std::streambuf {
        int_type underflow() override { throw 1; }
    } broken;
    std::istream in(&broken);
    const auto log = read_agent_log(in);
    REQUIRE(!log);
    CHECK(log.error().kind == ErrorKind::io);

    std::stop_source stop;
    stop.request_stop();
    std::istringstream text(real_lines);
    const auto stopped = read_agent_log(text, {}, stop.get_token());
    REQUIRE(stopped);
    CHECK(stopped->interrupted);
}

} // namespace scp
