#include "base/names.hpp"

namespace scp {
namespace {

constexpr std::string_view configuration_prefix = "configuration:"; // no DNS name has a colon

} // namespace

DomainName::DomainName(std::string_view text) {
    while (!text.empty() && text.back() == '.')
        text.remove_suffix(1);
    text_ = lower_ascii(text);
}

DomainName DomainName::configuration_of(const DomainName& root) {
    return DomainName(std::string(configuration_prefix) + root.text());
}

bool DomainName::is_configuration() const {
    return text_.starts_with(configuration_prefix);
}

DomainName DomainName::dns() const {
    return is_configuration()
               ? DomainName(std::string_view(text_).substr(configuration_prefix.size()))
               : *this;
}

} // namespace scp
