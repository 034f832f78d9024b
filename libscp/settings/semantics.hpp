#pragma once

#include "settings/problems.hpp"
#include "settings/settings.hpp"
#include "settings/tree.hpp"

namespace scp {

/// What no single value shows: keys that do not go together, names that lead nowhere, a log-in that
/// would go out in clear. `root` is the merged and completed tree that `settings` were made from.
void check_semantics(const SettingsTree& root, const Settings& settings, ProblemList& problems);

/// What is allowed, and yet must be known. Of settings without problems.
[[nodiscard]] std::vector<Problem> warnings_of(const SettingsTree& root, const Settings& settings);

} // namespace scp
