#include "directory/libldap/range.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <charconv>

namespace scp {
namespace {

std::optional<std::uint64_t> number(std::string_view digits) {
    std::uint64_t value = 0;
    auto [at, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (digits.empty() || error != std::errc{} || at != digits.data() + digits.size()) {
        return std::nullopt;
    }
    return value;
}

} // namespace

std::optional<RangedName> parse_range(std::string_view name) {
    constexpr std::string_view option = ";range=";
    const auto at = lower_ascii(name).find(option);
    if (at == std::string::npos || at == 0) {
        return std::nullopt;
    }
    const auto end = std::min(name.find(';', at + 1), name.size());
    const std::string_view range = name.substr(at + option.size(), end - at - option.size());
    const auto dash = range.find('-');
    if (dash == std::string_view::npos) {
        return std::nullopt;
    }
    const auto first = number(range.substr(0, dash));
    const auto last = number(range.substr(dash + 1));
    if (!first || (!last && range.substr(dash + 1) != "*") || (last && *last < *first)) {
        return std::nullopt;
    }
    return RangedName{std::string(name.substr(0, at)) + std::string(name.substr(end)), *first,
                      last};
}

std::string range_from(std::string_view attribute, std::uint64_t first) {
    return fmt::format("{};range={}-*", attribute, first);
}

} // namespace scp
