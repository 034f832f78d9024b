#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace scp {

/// An objectGUID or entryUUID. Text is always 8-4-4-4-12 in lower case.
class Guid {
  public:
    Guid() = default;
    /// 16 bytes as AD stores objectGUID: the first three groups little-endian ([MS-DTYP] 2.3.4.2).
    [[nodiscard]] static std::optional<Guid> from_ad_bytes(std::string_view bytes);
    /// 8-4-4-4-12 in either case, braces allowed.
    [[nodiscard]] static std::optional<Guid> parse(std::string_view text);
    [[nodiscard]] std::string to_string() const;
    /// As objectGUID holds it; the value of an (objectGUID=…) filter.
    [[nodiscard]] std::string ad_bytes() const;
    friend auto operator<=>(const Guid&, const Guid&) = default;

  private:
    std::array<std::uint8_t, 16> bytes_{}; ///< in text order
};

} // namespace scp
