#pragma once

namespace scp {

/// The rules that keep scpd from doing harm, by name, so that the simulation (tests/sim) can show
/// that each is needed: there, and only there (SCP_SIMULATION), one can be taken out of force. In
/// what is shipped all are, at compile time; there is no switch.
enum class Safeguard {
    proved_end,         ///< nothing is concluded from what is absent in a read without a proved end
    known_objects,      ///< nor where objects that must be there are not seen
    instance,           ///< another instance's copies are not ours
    owner,              ///< what carries our marker is ours only if we own it
    allowed_place,      ///< and lies where a rule may write
    trusted_domain,     ///< a source lies in a domain that is trusted
    trusted_place,      ///< and in a place that is
    trusted_owner,      ///< and has an owner that is
    unmarked_source,    ///< and carries no marker
    conflict_object,    ///< and is no replication conflict object
    selector_hash,      ///< a copy whose rule's filter was changed is kept
    parked,             ///< a parked copy is let alone
    fights,             ///< and what somebody changes back again and again is parked
    account_unresolved, ///< while an account is unresolved no target is given up
    natives,            ///< where somebody else's SCP serves, none of ours is made
    foreign_owner,      ///< nor where another instance's does
    source_not_seen,    ///< a source that was not seen to go is not taken for gone
    source_agreement,   ///< sources that differ are not copied
    source_empty,       ///< a source that lost its bindings does not empty the copy
    version_check,      ///< an older version of the source does not replace a newer one
    all_sources_read,   ///< a copy is made only when all domains that may hold a source were read
    confirmations,      ///< a retire is confirmed by several reads
    grace,              ///< and waits after its mark
    mode,               ///< a rule's mode forbids
    pauses,             ///< a person's pause
    bindings,           ///< bindings.allow and deny
    first_use,          ///< a new source waits for a person, where asked
    limits,             ///< a cycle is small
    pdc_only,           ///< creates and deletes go to one server of a domain
    compare_and_swap,   ///< a write fails where the marker was changed meanwhile
    pre_image_check,    ///< and is not tried where the object was
    history_first,      ///< no write without its record
};
inline constexpr int safeguard_count = static_cast<int>(Safeguard::history_first) + 1;

#ifdef SCP_SIMULATION
namespace simulation {
inline int out_of_force = -1; ///< the one Safeguard that is not; -1: all are
}
[[nodiscard]] inline bool in_force(Safeguard one) {
    return static_cast<int>(one) != simulation::out_of_force;
}
#else
[[nodiscard]] consteval bool in_force(Safeguard) {
    return true;
}
#endif

} // namespace scp
