#pragma once

#include "settings/load.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

/// Settings of a few lines around the one that a row is about, and the messages that must come of
/// it.
namespace scp::settings_test {

struct Row {
    std::string name;
    std::string yaml;
    std::vector<std::string> expected; ///< every problem as people see it
};

inline const std::string head = "instance: prod\n";
inline const std::string one_forest = "forests: [{name: corp, domain: corp.test}]\n";

inline std::string times(std::string_view text, std::size_t count) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i)
        out += text;
    return out;
}

inline std::string indented(const std::string& body) {
    std::string out = "    ";
    for (const char c : body)
        out += c == '\n' ? std::string("\n    ") : std::string(1, c);
    return out + "\n";
}

/// Good settings, and this.
inline std::string with(const std::string& body) {
    return head + one_forest + body + "\n";
}
/// One forest of this.
inline std::string forest(const std::string& body) {
    return head + "forests:\n  - name: corp\n" + indented(body);
}
/// A good rule from line 4 on, and this in it from line 7 on.
inline std::string rule(const std::string& body, const std::string& keywords = "[K]",
                        const std::string& accounts = "[a@corp.test]") {
    return head + one_forest + "rules:\n  - name: r\n    match: {keywords: " + keywords +
           "}\n    accounts: " + accounts + "\n" + indented(body);
}
inline std::string keywords(const std::string& list) {
    return rule("", list);
}
inline std::string account(const std::string& item) {
    return rule("", "[K]", "[" + item + "]");
}

inline std::vector<std::string> problems_of(const std::string& yaml) {
    std::vector<std::string> lines;
    for (const auto& problem : load_settings_text(yaml, "f").problems)
        lines.push_back(problem.to_string());
    return lines;
}

inline std::string joined(const std::vector<std::string>& lines) {
    std::string out;
    for (const auto& line : lines)
        out += line + "\n";
    return out;
}

inline void check_rows(const std::vector<Row>& rows) {
    for (const auto& row : rows) {
        CAPTURE(row.name);
        CHECK(joined(problems_of(row.yaml)) == joined(row.expected));
    }
}

} // namespace scp::settings_test
