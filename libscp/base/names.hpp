#pragma once

#include "base/text.hpp"

#include <compare>
#include <string>

namespace scp {

/// A DNS domain name, lower case, without a trailing dot. Distinct from a forest's name and a
/// NetBIOS name.
class DomainName {
  public:
    DomainName() = default;
    explicit DomainName(std::string_view text);
    [[nodiscard]] const std::string& text() const { return text_; }
    [[nodiscard]] bool empty() const { return text_.empty(); }
    friend auto operator<=>(const DomainName&, const DomainName&) = default;

  private:
    std::string text_;
};

} // namespace scp
