#pragma once

#include "forest/sessions.hpp"
#include "observe/observation.hpp"

#include <span>

namespace scp {

/// Looks accounts, groups and filters up (CONTRACT.md, `accounts`), all at once; the answers are in
/// the order asked. An account that is not there, is there more than once, or might lie in a domain
/// that could not be read, is unresolved and says why. So is a group one of whose members is.
[[nodiscard]] std::vector<ResolvedAccount> look_up_accounts(const Topology& topology,
                                                            Sessions& sessions,
                                                            std::span<const AccountQuery> queries);

} // namespace scp
