#pragma once

#include "observe/observation.hpp"

#include <string>
#include <vector>

namespace scp {

/// Each rule's accounts that are disabled, a line each for people. Their domains are targets all
/// the same: an account is often disabled for a while, and its copy harms nobody.
[[nodiscard]] std::vector<std::string> disabled_accounts(const Observation& observation);

} // namespace scp
