#include "report/html.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

namespace scp {

namespace {

constexpr std::size_t longest_value = 4096; ///< bytes of one value

constexpr std::string_view style_sheet = R"css(
:root { color-scheme: light dark; --ink: #1c2330; --soft: #5b6472; --line: #d9dee6; --paper: #fff; --card: #f6f8fa;
  --good: #1a7f37; --wait: #8a5a00; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --soft: #9aa4b2; --line: #353c47; --paper: #14171c;
  --card: #1c2128; --good: #56d07a; --wait: #e3b341; --bad: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem; max-width: 76rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
p { margin: .3rem 0; }
.soft { color: var(--soft); font-size: .9em; }
.good { color: var(--good); } .wait { color: var(--wait); } .bad { color: var(--bad); }
.good, .wait, .bad { font-weight: 600; }
.verdict { margin: 1rem 0 0; padding: .8rem 1rem; background: var(--card); border-left: .3rem solid currentColor; }
code { font: .88em/1.45 ui-monospace, monospace; overflow-wrap: anywhere; }
ul { margin: 0; padding: 0; list-style: none; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: .45rem .7rem .45rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line);
  min-width: 7.5rem; overflow-wrap: anywhere; }
th { color: var(--soft); font-size: .85em; font-weight: 600; overflow-wrap: normal; }
@media screen and (max-width: 58rem) {
  body { padding: 1rem; }
  thead { display: none; }
  tr { display: block; margin: 0 0 .8rem; padding: .5rem .8rem; background: var(--card); border-radius: .4rem; }
  td { display: block; padding: .2rem 0; border: 0; }
  td::before { content: attr(data-label); display: block; color: var(--soft); font-size: .8em; }
}
@media print {
  :root { color-scheme: light; --ink: #000; --soft: #444; --line: #bbb; --paper: #fff; --card: #fff; --good: #000;
    --wait: #000; --bad: #000; }
  body { padding: 0; max-width: none; font-size: 10pt; }
  tr, .verdict { break-inside: avoid; }
  h2 { break-after: avoid; }
}
)css";

} // namespace

std::string html_escape(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
        case '&':
            out += "&amp;";
            break;
        case '<':
            out += "&lt;";
            break;
        case '>':
            out += "&gt;";
            break;
        case '"':
            out += "&quot;";
            break;
        case '\'':
            out += "&#39;";
            break;
        default:
            out += c;
        }
    }
    return out;
}

std::string html_text(std::string_view value) {
    return html_escape(printable(value, longest_value));
}

std::string html_element(std::string_view tag, std::string_view css_class, std::string_view inner) {
    if (css_class.empty())
        return fmt::format("<{0}>{1}</{0}>", tag, inner);
    return fmt::format("<{0} class=\"{1}\">{2}</{0}>", tag, css_class, inner);
}

HtmlTable::HtmlTable(std::vector<std::string> header) : header_(std::move(header)) {}

void HtmlTable::add(const std::vector<std::string>& cells) {
    rows_ += "<tr>";
    for (std::size_t i = 0; i < cells.size() && i < header_.size(); ++i)
        rows_ += fmt::format("<td data-label=\"{}\">{}</td>", html_text(header_[i]), cells[i]);
    rows_ += "</tr>\n";
}

std::string HtmlTable::html() const {
    std::string head;
    for (const std::string& name : header_)
        head += html_element("th", "", html_text(name));
    return fmt::format("<table>\n<thead><tr>{}</tr></thead>\n<tbody>\n{}</tbody>\n</table>\n", head,
                       rows_);
}

std::string html_page(std::string_view title, std::string_view body) {
    return fmt::format(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" "
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta name=\"referrer\" content=\"no-referrer\">\n"
        "<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n{}</body>\n</html>\n",
        html_text(title), style_sheet, body);
}

} // namespace scp
