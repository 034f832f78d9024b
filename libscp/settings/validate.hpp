#pragma once

#include "settings/problems.hpp"
#include "settings/tree.hpp"

namespace scp {

/// Holds one file's tree against the table: unknown keys, shapes, types, ranges, values, duplicate
/// names. Wrong values become `valid = false`; integers and booleans get their kind; free keys
/// (domains) their canonical spelling. In a drop-in a single value may be null: back to the
/// default.
void validate_file(SettingsTree& root, bool is_drop_in, ProblemList& problems);

/// Holds the merged tree against the table: required keys that no file gives.
void require_keys(const SettingsTree& root, ProblemList& problems);

} // namespace scp
