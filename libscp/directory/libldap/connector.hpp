#pragma once

#include "directory/directory.hpp"

namespace scp {

/// The real thing, over libldap. Nothing from ldaprc or LDAP* environment variables has any effect
/// (LDAPNOINIT).
/// ticket_patience: for how long in all, beyond timeouts.connect, a KDC is waited for that is slow
/// or silent. For whoever does not come again: in a daemon the log-in goes on in the background.
[[nodiscard]] std::unique_ptr<Connector>
make_ldap_connector(std::chrono::milliseconds ticket_patience = {});

} // namespace scp
