#pragma once

#include "base/sid.hpp"

#include <optional>
#include <string_view>

namespace scp {

/// The owner of a self-relative security descriptor ([MS-DTYP] 2.4.6), as nTSecurityDescriptor
/// holds it.
[[nodiscard]] std::optional<Sid> owner_of(std::string_view descriptor);

} // namespace scp
