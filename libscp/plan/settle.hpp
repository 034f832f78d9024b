#pragma once

#include "plan/decide.hpp"

namespace scp {

/// Rows 16 and 17 (places, source domains, parents) over all proposals together, then the rules'
/// modes. Pure.
[[nodiscard]] Plan settle(const PlanInput& input, Decisions decisions);

/// The DN that a create or a rename wants; nullopt for all else.
[[nodiscard]] std::optional<Place> wanted_place(const Change& change);

} // namespace scp
