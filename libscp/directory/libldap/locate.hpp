#pragma once

#include "directory/directory.hpp"
#include "directory/libldap/dial.hpp"
#include "directory/libldap/netlogon.hpp"

#include <optional>
#include <vector>

// Where a domain's servers are: DNS SRV, and a ping of each ([MS-ADTS] 6.3).

namespace scp {

/// A server that DNS has, and what it answered when it was pinged.
struct PingedServer {
    SrvRecord record;
    bool in_site = false; ///< DNS has it for our site
    std::optional<NetlogonAnswer> answer;
};

/// Best first: who answers (where anybody does: UDP may be filtered), can be written to, and is in
/// our site; then as DNS has it. What a server says of another domain is no answer.
[[nodiscard]] std::vector<LocatedServer> rank_servers(std::vector<PingedServer> pinged,
                                                      const LocateRequest& wanted);

/// As Connector::locate.
[[nodiscard]] Result<std::vector<LocatedServer>> locate_servers(const LocateRequest& wanted);

} // namespace scp
