#pragma once

#include "plan/identity.hpp"
#include "plan/rule_view.hpp"

#include <map>
#include <set>

namespace scp {

/// What is known of the source that a copy's marker names.
struct RecordedSource {
    enum class State {
        seen,    ///< `scp` is it
        deleted, ///< its tombstone was seen
        absent,  ///< proved not to be there
        unknown, ///< its domain, or its surroundings, could not be read
    };
    State state = State::unknown;
    const Scp* scp = nullptr;
    std::vector<DomainRef>
        origin; ///< the domain it lies or lay in; empty: no forest that was read has it
    bool origin_complete = false;
    std::string detail; ///< for people
};

struct Copy {
    const Scp* scp = nullptr;
    RecordedSource source;
    bool matched = false; ///< a rule matches the recorded source as it is now

    [[nodiscard]] const Marker& marker() const { return *scp->marker; }
};

/// All that the decision table looks at for one identity in one target domain.
struct Cell {
    Identity identity;
    DomainRef target;
    const DomainView* view = nullptr; ///< of the target; nullptr where it is not known
    std::vector<const RuleView*>
        rules; ///< selected rules that match the identity, by name; never empty
    std::vector<const RuleView*> also; ///< rules not selected that match it too
    bool is_target = false;            ///< of one of `rules`
    std::vector<const Scp*> sources;   ///< S, by GUID
    std::vector<const Scp*> natives;   ///< N, by DN
    std::vector<const Scp*> foreign;   ///< by DN
    std::vector<Copy> copies;          ///< ours, by GUID
    bool moved = false; ///< a marked object of ours lies where we may not write (row 16a)

    [[nodiscard]] const Rule& rule() const { return *rules.front()->rule; } ///< the first by name
};

/// Owns what cells point to.
struct Pairing {
    std::vector<RuleView> rules;
    std::vector<Cell> cells;
    std::set<Guid> copied;  ///< sources that copies of ours have come from, of whatever rule
    std::vector<Held> held; ///< what needs no table: suspect, untrusted, marked by nobody's rule,
                            ///< conflict objects
    /// The names of SCPs that a global catalog shows of domains that were not read whole. Only
    /// where it was read to a proved end.
    std::map<DomainRef, std::set<std::string>> catalogs;
};

/// Gathers sources, natives, foreign and our own copies by identity and target. Pure.
[[nodiscard]] Pairing pair_up(const PlanInput& input);

} // namespace scp
