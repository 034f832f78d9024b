#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// The LDAP ping, [MS-ADTS] 6.3.3: one search without a log-in, over UDP, which a DC answers from
// memory. It says where the DC stands, where we stand, and whether it can be written to.

namespace scp {

/// What NETLOGON_SAM_LOGON_RESPONSE_EX tells ([MS-ADTS] 6.3.1.9). Nobody signed it: good for
/// choosing whom to ask first, for nothing else.
struct NetlogonAnswer {
    bool writable = false; ///< DS_WRITABLE_FLAG; false: a read-only DC
    std::string dns_domain;
    std::string dns_host;
    std::string dc_site;
    std::string client_site; ///< empty: no site has a subnet that we are in
};

/// The datagram to send: who serves `domain`?
[[nodiscard]] std::string netlogon_request(std::string_view domain);
/// nullopt where the bytes are no such answer.
[[nodiscard]] std::optional<NetlogonAnswer> read_netlogon_answer(std::string_view datagram);

} // namespace scp
