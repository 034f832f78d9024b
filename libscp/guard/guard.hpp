#pragma once

#include "plan/plan.hpp"

#include <optional>
#include <string>

namespace scp {

/// A plan over any of the limits is held whole (limit-exceeded), unless `approved` is its hash. A
/// guard moves changes to held; it never edits one. Pure.
[[nodiscard]] Plan guard(Plan plan, const LimitSettings& limits,
                         const std::optional<std::string>& approved);

} // namespace scp
