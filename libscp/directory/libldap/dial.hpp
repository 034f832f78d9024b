#pragma once

#include "base/result.hpp"
#include "directory/endpoint.hpp"
#include "directory/libldap/deadline.hpp"

#include <stop_token>
#include <string>
#include <vector>

namespace scp {

/// A connected, non-blocking, close-on-exec socket with keepalive; the caller closes it. All
/// addresses of the host are tried in turn. ErrorKind::unreachable says which step failed: DNS,
/// refused, no answer; interrupted.
[[nodiscard]] Result<int> dial(const ServerUri& uri, Deadline deadline,
                               const std::stop_token& stop);

struct SrvRecord {
    std::uint16_t priority = 0, weight = 0, port = 0;
    std::string target;
};
/// DNS SRV records of `name`, lowest priority first, within it highest weight first, then by name:
/// the same order on every host, so that several scpd meet at one DC (RFC 2782's weighted choice is
/// random). Empty where the name does not exist.
[[nodiscard]] Result<std::vector<SrvRecord>> srv_lookup(const std::string& name, Deadline deadline,
                                                        const std::stop_token& stop);

/// As srv_lookup sorts.
[[nodiscard]] bool comes_first(const SrvRecord& a, const SrvRecord& b);

} // namespace scp
