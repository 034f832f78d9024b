#pragma once

#include "base/time.hpp"

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace scp {

struct Pause {
    std::string rule;   ///< empty: all rules
    std::string reason; ///< as a person gave it; may be empty; not escaped
    std::string who;    ///< the local user
    Timestamp since;
    friend bool operator==(const Pause&, const Pause&) = default;
};

struct Approval {
    std::string hash; ///< of exactly the plan that may go out (Plan::hash)
    std::string who;
    Timestamp at;
    friend bool operator==(const Approval&, const Approval&) = default;
};

/// What persons have said on this host (DESIGN.md "State"). history/state.hpp keeps it in a file;
/// here it is changed and asked. Pure.
struct HostState {
    std::vector<Pause> pauses;       ///< at most one a rule, by rule
    std::vector<Approval> approvals; ///< at most one a hash, by hash
    friend bool operator==(const HostState&, const HostState&) = default;
};

/// An approval that nobody has used for so long is none any more; nor is one from so far in the
/// future.
inline constexpr std::chrono::hours longest_approval{7 * 24};

/// Of that rule (empty: of all rules) by itself; nullptr where there is none. Names are compared
/// without case.
[[nodiscard]] const Pause* find_pause(const HostState& state, std::string_view rule);
/// Those of the approvals that are in force.
[[nodiscard]] std::set<std::string> approved_hashes(const HostState& state, Timestamp now);

// Each says whether anything has changed.

/// A rule that is paused already stays so since when it was; a new reason takes the old one's
/// place.
bool pause(HostState& state, Pause wanted);
bool resume(HostState& state, std::string_view rule);
bool approve(HostState& state, Approval approval);
/// Takes an approval out: its plan is about to go out.
bool use_up(HostState& state, std::string_view hash);
bool drop_old_approvals(HostState& state, Timestamp now);

} // namespace scp
