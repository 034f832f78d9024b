#pragma once

#include "base/attributes.hpp"
#include "base/dn.hpp"
#include "base/guid.hpp"

#include <optional>

namespace scp {

struct Entry {
    Dn dn;
    Attributes attributes;
};

/// Names one object. Where `guid` is set and the server takes `<GUID=…>` names, that is the address
/// (a rename or move in between does no harm); otherwise the DN.
struct ObjectRef {
    Dn dn;
    std::optional<Guid> guid;
};

/// objectGUID, or entryUUID on servers without it; nullopt where the entry shows neither.
[[nodiscard]] std::optional<Guid> guid_of(const Attributes& attributes);

} // namespace scp
