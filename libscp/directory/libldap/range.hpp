#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace scp {

/// "keywords;range=0-1499" as AD names an attribute of which it sends only a part
/// ([MS-ADTS] 3.1.1.3.1.3.3).
struct RangedName {
    std::string attribute; ///< without the range option, other options kept
    std::uint64_t first = 0;
    std::optional<std::uint64_t> last; ///< nullopt: "*", this was the rest

    friend bool operator==(const RangedName&, const RangedName&) = default;
};

/// nullopt where the name has no range option, or one that makes no sense.
[[nodiscard]] std::optional<RangedName> parse_range(std::string_view name);

/// The name that asks for everything from `first` on.
[[nodiscard]] std::string range_from(std::string_view attribute, std::uint64_t first);

} // namespace scp
