#pragma once

#include "report/json.hpp"

namespace scp {

/// The settings as a JSON Schema (draft 2020-12), from the table that the validator works by. It
/// accepts all that the validator accepts; what keys mean together, and what only a check can tell
/// (a filter, a DN), is left to the validator.
[[nodiscard]] Json settings_schema();

} // namespace scp
