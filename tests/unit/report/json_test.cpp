#include "report/json.hpp"

#include <doctest/doctest.h>

using namespace scp;

TEST_CASE("a directory value in JSON") {
    struct Row {
        const char* name;
        std::string value;
        const char* expected; ///< as JSON text
    };
    const Row rows[] = {
        {"plain", "tcp://h:1", R"("tcp://h:1")"},
        {"empty", "", R"("")"},
        {"quotes and backslash", "a\"b\\c", R"("a\"b\\c")"},
        {"escape sequence", "\x1b[31m", R"("\u001b[31m")"},
        {"line end", "a\r\nb", R"("a\r\nb")"},
        {"umlaut stays legible", "Z\xc3\xbcrich", "\"Z\xc3\xbcrich\""},
        {"bidirectional override",
         "a\xe2\x80\xae"
         "b",
         R"("a\u202eb")"},
        {"line separator",
         "a\xe2\x80\xa8"
         "b",
         R"("a\u2028b")"},
        {"C1 control",
         "a\xc2\x9b"
         "31m",
         R"("a\u009b31m")"},
        {"DEL",
         "a\x7f"
         "b",
         R"("a\u007fb")"},
        {"not UTF-8", "\xff\xfe", R"({"base64":"//4="})"},
        {"NUL", std::string("a\0b", 3), R"({"base64":"YQBi"})"},
        {"emoji", "\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\""},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        const Json value = json_value(row.value);
        const std::string text = to_json_text(value);
        CHECK(Json::parse(text) == value); // escaping changes no value
        std::string flat;
        for (const char c : text)
            if (c != '\n' && c != ' ')
                flat += c;
        CHECK(flat == row.expected);
    }
}

TEST_CASE("values are sorted by bytes") {
    CHECK(json_values({"b", "a", "B"}) == Json({"B", "a", "b"}));
}

TEST_CASE("keys keep their order, so that schema comes first") {
    CHECK(to_json_text({{"schema", "x/1"}, {"a", 1}}) ==
          "{\n  \"schema\": \"x/1\",\n  \"a\": 1\n}\n");
}

TEST_CASE("YAML says the same as JSON") {
    struct Row {
        const char* name;
        Json document;
        const char* expected;
    };
    const Row rows[] = {
        {"scalars",
         {{"s", "x"}, {"i", 3}, {"b", true}, {"z", nullptr}},
         "s: \"x\"\ni: 3\nb: true\nz: null\n"},
        {"what YAML would misread is quoted",
         {{"v", "no"}, {"yes", "1"}},
         "v: \"no\"\n\"yes\": \"1\"\n"},
        {"empty list and map", {{"l", Json::array()}, {"m", Json::object()}}, "l: []\nm: {}\n"},
        {"list of scalars", {{"l", Json({"a", "b"})}}, "l:\n  - \"a\"\n  - \"b\"\n"},
        {"list of maps",
         {{"l", Json::array({Json{{"a", 1}, {"b", Json({"x"})}}, Json{{"a", 2}}})}},
         "l:\n  - a: 1\n    b:\n      - \"x\"\n  - a: 2\n"},
        {"escape sequences", {{"v", "\x1b[2J\xe2\x80\xae"}}, "v: \"\\u001b[2J\\u202e\"\n"},
        {"odd key", {{"a: b", 1}}, "\"a: b\": 1\n"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        CHECK(to_yaml_text(row.document) == row.expected);
    }
}
