#include "report/html.hpp"

#include <doctest/doctest.h>

using namespace scp;

TEST_CASE("values as HTML text") {
    struct Row {
        const char* name;
        std::string_view value;
        const char* html;
    };
    const Row rows[] = {
        {"plain", "CN=x,DC=corp", "CN=x,DC=corp"},
        {"letters beyond ASCII", "Zürich", "Zürich"},
        {"an element", "<b>", "&lt;b&gt;"},
        {"a reference", "&amp;", "&amp;amp;"},
        {"quotes", "\"'", "&quot;&#39;"},
        {"controls", "a\x1b\n\x7f", "a\\x1b\\x0a\\x7f"},
        {"a turned direction", "\xe2\x80\xae", "\\u{202e}"},
        {"not UTF-8", "\xff<", "\\xff&lt;"},
        {"NUL", std::string_view("\0<", 2), "\\x00&lt;"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        CHECK(html_text(row.value) == row.html);
    }
    CHECK(html_text(std::string(9000, '<')).size() < 4 * 4200);
    CHECK(html_escape("CORP\\svc <b>") == "CORP\\svc &lt;b&gt;");
}

TEST_CASE("an HTML table tells each cell its heading, and takes no more cells than it has") {
    HtmlTable table({"A \"b\"", "C"});
    table.add({"1", "<b>2</b>", "lost"});
    CHECK(table.html() ==
          "<table>\n<thead><tr><th>A &quot;b&quot;</th><th>C</th></tr></thead>\n<tbody>\n"
          "<tr><td data-label=\"A &quot;b&quot;\">1</td><td data-label=\"C\"><b>2</b></td></tr>\n"
          "</tbody>\n</table>\n");
}

TEST_CASE("an HTML page escapes its title and allows nothing to be loaded") {
    const std::string page = html_page("<x>", "<main>hello</main>\n");
    CHECK(page.starts_with("<!DOCTYPE html>\n"));
    CHECK(page.find("<title>&lt;x&gt;</title>") != std::string::npos);
    CHECK(page.find("default-src 'none'") != std::string::npos);
    CHECK(page.find("<main>hello</main>") != std::string::npos);
}
