#pragma once

#include "base/attributes.hpp"
#include "base/guid.hpp"
#include "base/marker.hpp"
#include "base/time.hpp"
#include "plan/reason.hpp"

#include <map>
#include <string>
#include <vector>

namespace scp {

struct Plan;

// The flap guard: a copy that somebody changes back again and again is parked, not fought over.
// Somebody may be a person, a script, or another scpd of this instance with other settings. What
// this host has repaired is known from its history, so it outlives a restart and is there for
// `scpctl sync` too.

/// A copy that somebody has changed back so many times within that time is parked: issue 3, "three
/// times in an hour".
inline constexpr std::size_t fight_limit = 3;
inline constexpr std::chrono::hours fight_window{1};
/// Why a copy was parked is told for so long; the history is not read further back.
inline constexpr std::chrono::hours fight_memory{7 * 24};

/// A write of this host that put a copy right, as its history has it.
struct PastRepair {
    Timestamp at;
    Marker left;                      ///< the marker as it was left
    std::string name;                 ///< the RDN value as it was left
    std::vector<std::string> changed; ///< what differed: attributes, "name"; sorted, may be empty
};

/// What this host has done to one copy. Both lists: oldest first.
struct CopyPast {
    std::vector<PastRepair> repairs; ///< since it was last parked or resumed, if ever
    std::vector<PastRepair> parked;  ///< those that made the flap guard park it; empty: it did not
};
using Past = std::map<Guid, CopyPast>; ///< by copy

/// A repair for such a reason may be one side of a fight; one that follows the source is none.
[[nodiscard]] bool may_be_contested(Reason reason);
/// The plan has something in it that the past would have a say in.
[[nodiscard]] bool asks_for_past(const Plan& plan);

/// The newest fight_limit of the repairs that left the copy as `wanted` and `name` would again, in
/// the hour before `now` (or, where a clock was set back, after it); fewer where there were fewer.
[[nodiscard]] std::vector<PastRepair> undone_repairs(const std::vector<PastRepair>& repairs,
                                                     const Marker& wanted, const std::string& name,
                                                     Timestamp now);

/// The story, for people: when it was put right, and what had differed. Escaped.
[[nodiscard]] std::string story_of(const std::vector<PastRepair>& repairs);

} // namespace scp
