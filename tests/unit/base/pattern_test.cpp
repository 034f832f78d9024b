#include "base/pattern.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace scp;

using Verdict = Pattern::Verdict;
using Dot = Pattern::Dot;

namespace {

struct PatternRow {
    const char* name;
    std::string pattern;
    std::string value;
    Verdict verdict;        ///< where '.' is no line's end
    Verdict verdict_if_any; ///< where it is
};

} // namespace

TEST_CASE("pattern: the whole value must match, byte by byte") {
    using enum Verdict;
    const std::vector<PatternRow> rows{
        {"equal", "tcp://a", "tcp://a", yes, yes},
        {"a beginning", "tcp://a", "tcp://ab", no, no},
        {"an end", "a", "ba", no, no},
        {"case", "TCP", "tcp", no, no},
        {"without case", "(?i)TCP", "tcp", yes, yes},
        {"empty value", ".*", "", yes, yes},
        {"empty value, one byte asked for", ".+", "", no, no},
        {"an alternative does not end early", "a|ab", "ab", yes, yes},
        {"class", "[a-z]+:\\d{1,5}", "db:1433", yes, yes},
        {"class, too long", "[a-z]+:\\d{1,5}", "db:143311", no, no},
        {"NUL", "a.b", std::string("a\0b", 3), yes, yes},
        {"what follows a NUL counts", "a", std::string("a\0b", 3), no, no},
        {"not UTF-8", "a.b",
         "a\xff"
         "b",
         yes, yes},
        {"line's end", "good.*", "good\nevil", no, yes},
        {"anchors are the value's ends", "^good$", "good\n", no, no},
        {"anchors do not see lines", ".*\n^evil$", "x\nevil", no, no},
        {"look-ahead", "(?!evil).*", "evil.test", no, no},
        {"back reference", "(a+)-\\1", "aa-aa", yes, yes},
        {"nested repeats, a short value", "(a+)+b", std::string(30, 'a'), too_complex, too_complex},
        {"nested repeats, a long one", "(a+)+b", std::string(100'000, 'a'), too_complex,
         too_complex},
        {"a long value, a plain pattern", "[^x]*", std::string(1'000'000, 'a'), yes, yes},
        {"a long value, captures", "(?:(a)|b)*c", std::string(1'000'000, 'a'), too_complex,
         too_complex},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const auto pattern = Pattern::compile(row.pattern);
        REQUIRE(pattern);
        CHECK(pattern->text() == row.pattern);
        CHECK(pattern->match(row.value, Dot::but_newline) == row.verdict);
        CHECK(pattern->match(row.value, Dot::any) == row.verdict_if_any);
    }
}

TEST_CASE("pattern: what is no expression is told with its place") {
    struct Row {
        std::string pattern;
        const char* why;
    };
    const std::vector<Row> rows{
        {"", "it is empty"},
        {"(", "Unmatched marking parenthesis ( or \\( (byte 2)"},
        {"a[b", "Unmatched [ or [^ in character class declaration (byte 4)"},
        {"*a", "The repeat operator \"*\" cannot start a regular expression (byte 1)"},
        {"\\", "Incomplete escape sequence found (byte 2)"},
        {"\\1", "Invalid back reference"},
        {"a(?R)?b", "it calls itself"},
        {"a(b(?1)?)", "it calls itself"},
        {"(?<n>a(?&n)?)", "it calls itself"},
        {"(a(?-1)?)", "it calls itself"},
        {std::string(100'000, '(') + std::string(100'000, ')'), "Exceeded nested brace limit"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.pattern.substr(0, 40));
        const auto pattern = Pattern::compile(row.pattern);
        REQUIRE_FALSE(pattern);
        CHECK(pattern.error().kind == ErrorKind::settings);
        CAPTURE(pattern.error().message);
        CHECK(pattern.error().message.find(row.why) != std::string::npos);
        CHECK(pattern.error().message.size() < 400);
    }
    CHECK(Pattern::compile("(?:a)(?-i)b"));
}
