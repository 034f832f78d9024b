#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

namespace scp {

/// A security identifier, [MS-DTYP] 2.4.2. Text is S-1-….
class Sid {
  public:
    [[nodiscard]] static std::optional<Sid> from_bytes(std::string_view bytes);
    [[nodiscard]] static std::optional<Sid> parse(std::string_view text);
    [[nodiscard]] std::string to_string() const;
    [[nodiscard]] const std::string& bytes() const { return bytes_; }
    friend auto operator<=>(const Sid&, const Sid&) = default;

  private:
    std::string bytes_;
};

} // namespace scp
