#pragma once

#include "directory/libldap/deadline.hpp"
#include "directory/libldap/dial.hpp"
#include "directory/libldap/netlogon.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace scp {

/// Asks all of them at once over UDP, at the port of their records, who serves `domain`. Answers in
/// the order asked; nullopt where none came by the deadline, or not long after somebody else's.
[[nodiscard]] std::vector<std::optional<NetlogonAnswer>>
ping(std::span<const SrvRecord> servers, const std::string& domain, Deadline deadline);

} // namespace scp
