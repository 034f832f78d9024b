#pragma once

#include "directory/directory.hpp"

namespace scp {

/// Reads an LDAP URL (RFC 4516) as far as its base DN.
[[nodiscard]] Reference read_reference(const std::string& uri);

} // namespace scp
