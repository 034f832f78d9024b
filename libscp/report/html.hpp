#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace scp {

/// What is printable already, as text of an HTML page or of an attribute in double quotes: what has
/// a meaning in HTML becomes a reference.
[[nodiscard]] std::string html_escape(std::string_view text);
/// Any value: printable() first.
[[nodiscard]] std::string html_text(std::string_view value);

/// <tag class="…">inner</tag>; `inner` is HTML already.
[[nodiscard]] std::string html_element(std::string_view tag, std::string_view css_class,
                                       std::string_view inner);

/// A table that becomes a card a row on a narrow screen: each cell knows its column's heading.
class HtmlTable {
  public:
    explicit HtmlTable(std::vector<std::string> header);
    void add(const std::vector<std::string>& cells); ///< HTML already
    [[nodiscard]] std::string html() const;

  private:
    std::vector<std::string> header_;
    std::string rows_;
};

/// The page around `body`: one file that loads nothing and runs nothing, which its own policy
/// (Content-Security-Policy) also asks of the browser.
[[nodiscard]] std::string html_page(std::string_view title, std::string_view body);

} // namespace scp
