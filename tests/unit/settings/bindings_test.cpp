#include "rows.hpp"

using namespace scp;
using namespace scp::settings_test;

TEST_CASE("Settings: bindings and first_use") {
    check_rows({
        {"all of it",
         rule(R"(trust: {first_use: approve}
bindings: {allow: ['tcp://[a-z.]+:\d+', "ldaps://.*"], deny: ['(?i).*evil.*']})"),
         {}},
        {"empty lists", rule("bindings: {allow: [], deny: []}"), {}},
        {"first_use",
         rule("trust: {first_use: aprove}"),
         {R"(f:7:24: rules[r].trust.first_use: "aprove" is not one of allow, approve; did you mean "approve"?)"}},
        {"each bad expression, at its place",
         rule(R"(bindings:
  allow: [a, "(b", "*c"]
  deny:
    - "[d")"),
         {R"(f:8:18: rules[r].bindings.allow[#2]: "(b" is no regular expression: Unmatched marking parenthesis ( or \( (byte 3))",
          R"(f:8:24: rules[r].bindings.allow[#3]: "*c" is no regular expression: The repeat operator "*" cannot start a regular expression (byte 1))",
          R"(f:10:11: rules[r].bindings.deny[#1]: "[d" is no regular expression: Unmatched [ or [^ in character class declaration (byte 3))"}},
        {"an empty expression",
         rule("bindings: {allow: ['']}"),
         {R"(f:7:24: rules[r].bindings.allow[#1]: "" is no regular expression: it is empty, which only an empty value would match)"}},
        {"no list",
         rule("bindings: {allow: tcp}"),
         {"f:7:23: rules[r].bindings.allow: a list is expected here, not \"tcp\""}},
    });
}

TEST_CASE("Settings: patterns are compiled as they are loaded, and defaults let everything pass") {
    const auto loaded = load_settings_text(
        rule("trust: {first_use: approve}\nbindings: {allow: ['a+', b], deny: [c]}"), "f");
    REQUIRE(loaded.problems.empty());
    const Rule& read = loaded.settings.rules.front();
    CHECK(read.first_use == FirstUse::approve);
    REQUIRE(read.bindings.allow.size() == 2);
    REQUIRE(read.bindings.deny.size() == 1);
    CHECK(read.bindings.allow[0].match("aaa", Pattern::Dot::any) == Pattern::Verdict::yes);
    CHECK(read.bindings.allow[1].text() == "b");
    CHECK(read.bindings.deny[0].match("cc", Pattern::Dot::any) == Pattern::Verdict::no);

    const auto plain = load_settings_text(rule(""), "f");
    REQUIRE(plain.problems.empty());
    CHECK(plain.settings.rules.front().first_use == FirstUse::allow);
    CHECK(plain.settings.rules.front().bindings.allow.empty());
    CHECK(plain.settings.rules.front().bindings.deny.empty());
}
