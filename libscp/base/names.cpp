#include "base/names.hpp"

namespace scp {

DomainName::DomainName(std::string_view text) {
    while (!text.empty() && text.back() == '.')
        text.remove_suffix(1);
    text_ = lower_ascii(text);
}

} // namespace scp
