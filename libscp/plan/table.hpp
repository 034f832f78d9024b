#pragma once

#include "plan/decide.hpp"
#include "plan/hold.hpp"
#include "plan/roles.hpp"

namespace scp {

// The decision table for one cell: an identity in one target domain T. S: the trusted sources outside T; N: the unmarked
// SCPs in T; ours: our copies in T. The first row that matches decides; "goes on" marks those that let the rest follow.
//
//  row | when                                                | decision
//  ----+-----------------------------------------------------+-----------------------------------------------------
//   1  | T was not read whole                                | held domain-incomplete, once a rule and domain
//   -  | rules match it that differ in what they would write | held rules-overlap
//   2  | no rule matches the copy's source, its rule is not  | held rule-gone / filter-changed; others go on
//      | there or its `sel` is another, and S is empty       |
//   3  | a copy is parked                                    | held parked; others go on
//   4  | T is no target, an account is unresolved            | held account-unresolved
//   5  | T is no target, all accounts are resolved           | retire: not-a-target
//   6  | several copies of ours                              | keep one, go on with it; retire the others: duplicate
//   7  | N not empty, none of it trusted                     | held untrusted-native; no create; goes on
//   8  | a trusted one of N is equal                         | served; retire ours: duplicate
//   9  | trusted ones in N, none equal                       | held native-differs
//  10  | a foreign copy                                      | equal: served; else held foreign-owner
//   -  | the recorded source carries a marker                | held source-marked
//   -  | it became a conflict object (CNF), and S is empty   | held name-collision
//  11  | S empty                                             | retire source-deleted, -unmatched, -untrusted;
//      |                                                     | not proved: held source-not-seen
//  12  | S disagrees                                         | the preferred one, or held sources-disagree
//  13  | the recorded source is gone                         | update: source-replaced (its going not proved: held)
//  14  | the source has no bindings, the copy has            | held source-empty
//  15  | the source is older than what was copied            | held source-older
//  16  | the name is taken                                   | settle.cpp
//  16a | a marked object of ours lies elsewhere, no copy     | no create (pairing.cpp has reported it)
//  17  | no copy                                             | create, once all source domains were read (settle.cpp)
//  18  | the RDN differs                                     | rename
//  19  | content, `attrs` or `sel` differ                    | update
//  20  | equal                                               | nothing; a retire mark is taken off
class Table {
  public:
    Table(const PlanInput& input, const Pairing& pairing, const Cell& cell, Decisions& out)
        : input_(input), all_rules_(pairing.rules), cell_(cell), out_(out), ours_(cell.copies) {}

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

    [[nodiscard]] const Copy* ours() const { return ours_.empty() ? nullptr : &ours_.front(); }
    [[nodiscard]] const Rule& rule() const { return cell_.rule(); }
    [[nodiscard]] Attributes content(const Scp& scp) const { return copied_content(scp, rule()); }
    [[nodiscard]] bool equals_source(const Scp& scp) const;
    [[nodiscard]] bool sources_agree() const;
    [[nodiscard]] Dn expected_dn(const Copy& copy) const;
    [[nodiscard]] bool selector_known(const Marker& marker) const;
    [[nodiscard]] std::optional<Reason> difference(const Copy& copy) const;
    [[nodiscard]] Reason why_gone(const Copy& copy) const;
    [[nodiscard]] Change change(Op op, Reason reason) const;
    [[nodiscard]] Change repair_change() const;
    [[nodiscard]] std::string marker_for(const Attributes& after) const;
    void hold_cell(Reason reason, const Dn& dn, std::string detail);
    void hold_copy(Reason reason, const Copy& copy, std::string detail);
    void retire(Reason reason, const Copy& copy, std::string detail);
    void propose(Change change, std::set<DomainRef> waits_for = {});

    const PlanInput& input_;
    const std::vector<RuleView>& all_rules_;
    const Cell& cell_;
    Decisions& out_;
    std::vector<Copy> ours_; ///< those that no row has dealt with; after row 6 at most one
    bool kept_ = false;      ///< a copy was held by rows 2 or 3: it stands, so none is created
    bool blocked_ = false;   ///< row 7: nothing is created
    const Scp* source_ = nullptr; ///< what row 12 chose of S
};

} // namespace scp
