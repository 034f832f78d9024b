#pragma once

#include "forest/sessions.hpp"
#include "observe/observation.hpp"

namespace scp {

/// Looks one account, group or filter up (CONTRACT.md, `accounts`). An account that is not there,
/// is there more than once, or might lie in a domain that could not be read, is unresolved and says
/// why.
[[nodiscard]] ResolvedAccount look_up_account(const Topology& topology, Sessions& sessions,
                                              const AccountQuery& query);

} // namespace scp
