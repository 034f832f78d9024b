#include "report/style.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace scp {

namespace {

std::string painted(bool color, std::string_view code, std::string_view text) {
    return color && !text.empty() ? fmt::format("\x1b[{}m{}\x1b[0m", code, text)
                                  : std::string(text);
}

} // namespace

std::string Style::bold(std::string_view text) const {
    return painted(color, "1", text);
}
std::string Style::dim(std::string_view text) const {
    return painted(color, "2", text);
}
std::string Style::red(std::string_view text) const {
    return painted(color, "31", text);
}
std::string Style::green(std::string_view text) const {
    return painted(color, "32", text);
}
std::string Style::yellow(std::string_view text) const {
    return painted(color, "33", text);
}
std::string Style::cyan(std::string_view text) const {
    return painted(color, "36", text);
}

std::size_t display_width(std::string_view text) {
    std::size_t width = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\x1b') {
            i = std::min(text.find('m', i), text.size());
            continue;
        }
        // Continuation bytes of UTF-8 take no column of their own.
        width += (static_cast<unsigned char>(text[i]) & 0xc0U) != 0x80U ? 1U : 0U;
    }
    return width;
}

TextTable::TextTable(std::vector<std::string> header) : header_(std::move(header)) {}

void TextTable::add(std::vector<std::string> row) {
    rows_.push_back(std::move(row));
}

std::string TextTable::text(const Style& style) const {
    std::vector<std::size_t> widths;
    const auto measure = [&](const std::vector<std::string>& row) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], display_width(row[i]));
    };
    measure(header_);
    std::ranges::for_each(rows_, measure);

    std::string out;
    const auto print = [&](const std::vector<std::string>& row, bool bold) {
        std::string line;
        std::size_t pending = 0; // blanks are written only when something follows them
        for (std::size_t i = 0; i < row.size(); ++i) {
            if (!row[i].empty()) {
                line.append(pending, ' ');
                pending = 0;
                line += bold ? style.bold(row[i]) : row[i];
            }
            pending += widths[i] - display_width(row[i]) + 2;
        }
        out += line + "\n";
    };
    if (!header_.empty())
        print(header_, true);
    for (const auto& row : rows_)
        print(row, false);
    return out;
}

std::string counted(std::size_t n, std::string_view singular, std::string_view plural) {
    if (n == 1)
        return fmt::format("1 {}", singular);
    return plural.empty() ? fmt::format("{} {}s", n, singular) : fmt::format("{} {}", n, plural);
}

} // namespace scp
