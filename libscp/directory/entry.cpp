#include "directory/entry.hpp"

namespace scp {

std::optional<Guid> guid_of(const Attributes& attributes) {
    if (const Values& values = values_of(attributes, "objectGUID"); !values.empty()) {
        return Guid::from_ad_bytes(values.front());
    }
    if (const Values& values = values_of(attributes, "entryUUID"); !values.empty()) {
        return Guid::parse(values.front());
    }
    return std::nullopt;
}

} // namespace scp
