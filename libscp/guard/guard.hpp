#pragma once

#include "guard/host_state.hpp"
#include "plan/plan.hpp"

#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace scp {

/// What the guard goes by besides the plan.
struct GuardInput {
    const LimitSettings& limits;
    /// All that a change may name: those of the settings, and those selected.
    std::vector<const Rule*> rules;
    HostState state; ///< its pauses
    /// The pauses could not be read: whatever there is may be paused, so everything is held.
    std::optional<Error> state_error;
    std::set<std::string> approved; ///< hashes of plans that a person has approved
};

/// What a plan wants and persons, trust or limits do not let pass is held, in this order: pauses
/// (paused), values that the rule does not let through (binding-not-allowed), sources that are new
/// (awaiting-approval), limits (limit-exceeded, the whole rest). The last two let pass what is
/// approved: exactly the plan with that hash, as it is after the first two. A guard moves changes
/// to held; it never edits one. A container goes with what is to be created in it. Pure.
[[nodiscard]] Plan guard(Plan plan, const GuardInput& input);

} // namespace scp
