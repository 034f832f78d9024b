#pragma once

#include "directory/directory.hpp"

namespace scp {

/// The real thing, over libldap. Nothing from ldaprc or LDAP* environment variables has any effect
/// (LDAPNOINIT).
[[nodiscard]] std::unique_ptr<Connector> make_ldap_connector();

} // namespace scp
