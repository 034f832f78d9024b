#pragma once

#include "base/text.hpp"

#include <compare>
#include <string>

namespace scp {

/// A DNS domain name, lower case, without a trailing dot. Distinct from a forest's name and a
/// NetBIOS name. A forest's Configuration NC is read, watched and written as a domain of its own;
/// `configuration:` and the forest root's DNS name stand for it.
class DomainName {
  public:
    DomainName() = default;
    explicit DomainName(std::string_view text);
    [[nodiscard]] static DomainName configuration_of(const DomainName& root);

    [[nodiscard]] const std::string& text() const { return text_; }
    [[nodiscard]] bool empty() const { return text_.empty(); }
    [[nodiscard]] bool is_configuration() const;
    /// The domain that it is; of a Configuration NC the forest's root, whose servers are asked.
    [[nodiscard]] DomainName dns() const;
    friend auto operator<=>(const DomainName&, const DomainName&) = default;

  private:
    std::string text_;
};

} // namespace scp
