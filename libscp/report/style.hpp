#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace scp {

/// Colour or none. Every function returns its text unchanged without colour. They escape nothing: a
/// value from a directory goes through printable() first.
struct Style {
    bool color = false;

    [[nodiscard]] std::string bold(std::string_view text) const;
    [[nodiscard]] std::string dim(std::string_view text) const;
    [[nodiscard]] std::string red(std::string_view text) const;
    [[nodiscard]] std::string green(std::string_view text) const;
    [[nodiscard]] std::string yellow(std::string_view text) const;
    [[nodiscard]] std::string cyan(std::string_view text) const;
};

/// Columns on a terminal that `text` takes: code points, without escape sequences of Style.
[[nodiscard]] std::size_t display_width(std::string_view text);

/// Aligned columns, two blanks between them, no blanks at the end of a line.
class TextTable {
  public:
    explicit TextTable(std::vector<std::string> header);
    void add(std::vector<std::string> row);
    [[nodiscard]] bool empty() const { return rows_.empty(); }
    /// The header in bold, unless it is empty.
    [[nodiscard]] std::string text(const Style& style) const;

  private:
    std::vector<std::string> header_;
    std::vector<std::vector<std::string>> rows_;
};

/// "1 domain", "3 domains".
[[nodiscard]] std::string counted(std::size_t n, std::string_view singular,
                                  std::string_view plural = {});

} // namespace scp
