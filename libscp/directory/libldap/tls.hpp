#pragma once

#include "base/result.hpp"
#include "directory/endpoint.hpp"
#include "directory/libldap/handle.hpp"
#include "directory/libldap/wire.hpp"

#include <stop_token>

namespace scp {

/// Certificate and host name are always verified. ErrorKind::settings where a file cannot be used.
[[nodiscard]] Result<void> set_tls_options(LDAP* ld, const TlsSettings& tls);

/// The handshake over an attached wire. A failure says what is wrong with the server's certificate,
/// and what to do; to find that out it connects once more (libldap keeps it to itself), sends
/// nothing but the handshake, and hangs up.
[[nodiscard]] Result<void> start_tls(LDAP* ld, Wire& wire, const Endpoint& endpoint,
                                     Deadline deadline, const std::stop_token& stop);

/// The CA file that is used: the given one, else the system's bundle; empty where neither is to be
/// found.
[[nodiscard]] std::string ca_file_of(const TlsSettings& tls);

/// Whether the session runs inside TLS.
[[nodiscard]] bool uses_tls(const Endpoint& endpoint);

/// What is wrong with the certificate that the server shows, for people; empty where nothing is
/// found. kind: unreachable.
[[nodiscard]] std::optional<Error> diagnose_tls(const Endpoint& endpoint, Deadline deadline,
                                                const std::stop_token& stop);

} // namespace scp
