#pragma once

#include "base/sid.hpp"

#include <optional>
#include <string_view>
#include <vector>

namespace scp {

/// The owner of a self-relative security descriptor ([MS-DTYP] 2.4.6), as nTSecurityDescriptor
/// holds it.
[[nodiscard]] std::optional<Sid> owner_of(std::string_view descriptor);

/// Who may change or delete the object, by its DACL's allow entries: those with a right to write a
/// property, the DACL or the owner, or to delete. Sorted; empty where there is no DACL to see. Says
/// nothing of deny entries: for people to look at, not to decide by.
[[nodiscard]] std::vector<Sid> writers_of(std::string_view descriptor);

} // namespace scp
