#pragma once

#include "plan/decide.hpp"
#include "plan/hold.hpp"
#include "plan/roles.hpp"

#include <map>

namespace scp {

/// What a rule copies of an SCP, worked out once: one source is compared in many cells.
using Contents = std::map<std::pair<const Scp*, const Rule*>, Attributes>;

// clang-format off
// The decision table for one cell: an identity in one target domain T. S: the trusted sources outside
// T; N: the unmarked SCPs in T; ours: our copies in T. The first row that matches decides; "go on"
// says which let the rest follow.
//
//  row | when                                            | decision
//  ----+-------------------------------------------------+----------------------------------------
//   1  | T was not read whole                            | held domain-incomplete, once a rule
//   -  | rules match it that would write differently     | held rules-overlap
//   2  | S empty, no rule matches the copy's source, and | held rule-gone / filter-changed;
//      | its rule is not there or its `sel` is another   | other copies go on
//   3  | a copy is parked                                | held parked; other copies go on
//   4  | T is no target, an account is unresolved        | held account-unresolved
//   5  | T is no target, all accounts are resolved       | retire: not-a-target
//   6  | several copies of ours                          | keep one and go on; retire: duplicate
//   7  | N not empty, none of it trusted                 | held untrusted-native, no create; go on
//   8  | a trusted one of N is equal                     | served; retire ours: duplicate
//   9  | trusted ones in N, none equal                   | held native-differs
//  10  | a foreign copy                                  | equal: served; else held foreign-owner
//   -  | the recorded source carries a marker            | held source-marked
//   -  | it is a conflict object (CNF) now, S empty      | held name-collision
//  11  | S empty                                         | retire source-deleted, -unmatched or
//      |                                                 | -untrusted; unproved: source-not-seen
//  12  | S disagrees                                     | the preferred, or held sources-disagree
//  13  | the recorded source is gone                     | update: source-replaced; unproved: held
//  14  | the source has no bindings, the copy has        | held source-empty
//  15  | the source is older than what was copied        | held source-older
//  16  | the name is taken                               | settle.cpp
//  16a | a marked object of ours lies elsewhere, no copy | no create (pairing.cpp reported it)
//  17  | no copy                                         | create; what it waits for: settle.cpp
//  18  | the RDN differs                                 | rename, with all that differs
//  19  | content, `attrs` or `sel` differ                | update
//   -  | rows 13, 18, 19, for the fourth time in an hour | mark: parked (fight.hpp)
//  20  | equal                                           | nothing; a retire mark is taken off
// clang-format on
class DecisionTable {
  public:
    DecisionTable(const PlanInput& input, const Pairing& pairing, const Cell& cell,
                  Contents& contents, Decisions& out)
        : input_(input), pairing_(pairing), cell_(cell), contents_(contents), out_(out),
          ours_(cell.copies) {}

    void decide();

  private:
    bool target_incomplete();
    bool rules_overlap();
    void rule_gone();
    void parked();
    bool not_a_target();
    void duplicates();
    bool natives();
    bool foreign();
    bool source_marked();
    bool source_gone();
    bool choose_source();
    bool prefer_source();
    bool replaced_unproved();
    bool source_empty();
    bool source_older();
    void create();
    void repair();
    bool park(const Change& repair);

    [[nodiscard]] const Copy* ours() const { return ours_.empty() ? nullptr : &ours_.front(); }
    [[nodiscard]] const Rule& rule() const { return cell_.rule(); }
    [[nodiscard]] const RuleView*
    distrusted_owner(const Copy& copy, bool (*holds)(const Scp&, const RuleView&)) const;
    void hold_untrusted_native(const Scp& native);
    [[nodiscard]] bool catalog_clears(const DomainRef& domain) const;
    [[nodiscard]] const Attributes& content(const Scp& scp) const;
    [[nodiscard]] bool equals_source(const Scp& scp) const;
    [[nodiscard]] bool sources_agree() const;
    [[nodiscard]] Dn expected_dn(const Copy& copy) const;
    [[nodiscard]] bool selector_known(const Marker& marker) const;
    [[nodiscard]] std::optional<Reason> difference(const Copy& copy) const;
    [[nodiscard]] Reason why_gone(const Copy& copy) const;
    [[nodiscard]] std::string what_became(const Copy& copy, Reason why) const;
    [[nodiscard]] Change change(Op op, Reason reason) const;
    [[nodiscard]] Change repair_change() const;
    [[nodiscard]] Marker wanted_marker(const Attributes& after) const;
    [[nodiscard]] std::string marker_for(const Attributes& after) const;
    void hold_cell(Reason reason, const Dn& dn, std::string detail);
    void hold_copy(Reason reason, const Copy& copy, std::string detail);
    void retire(Reason reason, const Copy& copy, std::string detail);
    void retire_confirmed(Change remove, const Copy& copy, std::string detail);
    [[nodiscard]] Change removal(Reason reason, const Copy& copy) const;
    void in_sync();
    [[nodiscard]] std::optional<Timestamp> not_marked_before(const Copy& copy) const;
    void propose(Change change, std::set<DomainRef> waits_for = {});

    const PlanInput& input_;
    const Pairing& pairing_;
    const Cell& cell_;
    Contents& contents_;
    Decisions& out_;
    std::vector<Copy> ours_;      ///< those that no row has dealt with; after row 6 at most one
    bool kept_ = false;           ///< a copy was held by rows 2 or 3: it stands, so none is created
    bool blocked_ = false;        ///< row 7: nothing is created
    const Scp* source_ = nullptr; ///< what row 12 chose of S
};

} // namespace scp
