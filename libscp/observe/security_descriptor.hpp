#pragma once

#include "base/guid.hpp"
#include "base/sid.hpp"

#include <cstdint>
#include <optional>
#include <span>
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

/// Access rights of directory objects, [MS-ADTS] 5.1.3.2.
constexpr std::uint32_t right_to_write_properties = 0x20;
constexpr std::uint32_t right_to_delete = 0x10000;

/// The rights to all of a new child of class `child` (its schemaIDGUID) that the container's
/// inheritable entries give to `account` (itself and its groups). Entries for single properties
/// count for nothing; a deny entry counts where it comes first, as in every descriptor in canonical
/// order. 0 where there is no DACL to see.
[[nodiscard]] std::uint32_t inherited_rights(std::string_view descriptor,
                                             std::span<const Sid> account, const Guid& child);

} // namespace scp
