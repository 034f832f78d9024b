#pragma once

#include "plan/plan.hpp"

#include <optional>
#include <string>

namespace scp {

// What a person's verbs (delete, release, adopt) come to for one object. Pure.

/// Exactly one of the three.
struct HandVerdict {
    std::optional<Change> change; ///< what is to be written, reason by-hand
    std::optional<Held> held;     ///< why it is refused
    std::string already;          ///< why nothing is to be done, for people; escaped
};

/// What a change by hand compares before it writes, and what a person is shown: keywords, the
/// attributes that are copied by default, and those of all rules. Nothing that two DCs keep each in
/// its own way.
[[nodiscard]] Attributes content_by_hand(const Scp& scp, const Settings& settings);

/// A refusal about the object of `change`.
[[nodiscard]] Held refusal(const Change& change, Reason reason, std::string detail,
                           std::string hint);

/// The domain's view must be in `input`, for who we are there; `input.rules` are all of the
/// settings. A copy of ours, or with `force` anything, goes: the marker swapped first where there
/// is one.
[[nodiscard]] HandVerdict deletion(const Scp& scp, const PlanInput& input, bool force);

/// The marker comes off a copy of ours, or with `force` off anything; other values of the attribute
/// stay.
[[nodiscard]] HandVerdict releasing(const Scp& scp, const PlanInput& input, bool force);

/// `parked` comes off the marker of a copy of ours: scpd writes it again.
[[nodiscard]] HandVerdict unparking(const Scp& scp, const PlanInput& input);

struct AdoptWish {
    const Scp* from = nullptr; ///< --from: this is its source; else found by identity
    std::string from_instance; ///< --from-instance: the object carries this one's marker
};
/// Our marker goes on `object`, as a copy of its source, with its content as it is: what differs
/// from the source is for the next cycle to bring into line. Every domain that may hold a source
/// must be in `input`, read whole.
[[nodiscard]] HandVerdict adoption(const Scp& object, const Rule& rule, const AdoptWish& wish,
                                   const PlanInput& input);

/// What the next cycle makes of an adopted object: an update or rename that brings it into line
/// with `source`; nullopt where they are equal.
[[nodiscard]] std::optional<Change> repair_after_adoption(const Scp& object, const Scp& source,
                                                          const Rule& rule);

} // namespace scp
