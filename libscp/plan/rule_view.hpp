#pragma once

#include "plan/plan.hpp"

#include <set>

namespace scp {

/// A domain as the plan keys it: our name for its forest, and its DNS name.
struct DomainRef {
    std::string forest;
    DomainName domain;
    friend auto operator<=>(const DomainRef&, const DomainRef&) = default;
};
[[nodiscard]] DomainRef ref(const DomainView& view);
[[nodiscard]] DomainRef domain_of(const Scp& scp);

/// A rule, and what it comes to in this observation.
struct RuleView {
    const Rule* rule = nullptr;
    std::string selector;   ///< selector_hash of the rule
    std::string attributes; ///< attributes_hash of the rule
    bool selected =
        true; ///< false: in the settings, but not asked for now; its accounts were not looked up
    std::set<DomainRef> targets;
    std::set<DomainRef>
        unknown_targets; ///< in `targets.domains`, but no forest that was read has it
    std::vector<std::string> unresolved; ///< accounts, each with why; sorted
    std::set<DomainRef> trusted;         ///< domains whose SCPs may be sources
    /// Named in trust.domains, or forests of the accounts, but not read: a source may lie there
    /// unseen.
    std::set<DomainRef> unknown_trusted;
    std::set<Sid> owners; ///< trust.owners, and the owners seen who are members of groups in it
    std::set<Sid> doubtful_owners;              ///< owners seen who may be members of one
    std::vector<std::string> unresolved_owners; ///< entries of trust.owners, each with why; sorted
};

[[nodiscard]] RuleView view_rule(const Rule& rule, const PlanInput& input);
/// Rules selected, then those of the settings that are not; sorted by name.
[[nodiscard]] std::vector<RuleView> view_rules(const PlanInput& input);

/// Why an SCP that the rule matches may not be its source: untrusted_domain, untrusted_place or
/// untrusted_owner.
[[nodiscard]] std::optional<Reason> distrust(const Scp& scp, const RuleView& view);
/// Trust in domains goes by the accounts' forests, and an account is unresolved: which they are is
/// not known.
[[nodiscard]] bool trust_is_open(const RuleView& view);
/// trust.owners is empty, or the SCP's owner is in it or in a group that is. False without an owner
/// that can be seen.
[[nodiscard]] bool trusted_owner(const Scp& scp, const RuleView& view);
/// A further look may trust the owner, who is not trusted now: he was not shown, a name has no SID,
/// or groups could not be read.
[[nodiscard]] bool owner_is_open(const Scp& scp, const RuleView& view);
/// Why the owner is not trusted, for people.
[[nodiscard]] std::string distrust_of_owner(const Scp& scp, const RuleView& view);
/// Sources are looked for in naming contexts of this kind (match.in).
[[nodiscard]] bool may_hold_sources(const RuleView& view, const DomainRef& domain);
/// They are, or it is a target: elsewhere the rule's keywords mean nothing.
[[nodiscard]] bool looks_in(const RuleView& view, const DomainRef& domain);
/// An unmarked SCP in a target domain that the rule believes; a foreign copy too.
[[nodiscard]] bool trusted_in_target(const Scp& scp, const RuleView& view);
/// In trust.containers and not in trust.exclude, relative to its domain or Configuration NC.
[[nodiscard]] bool in_trusted_place(const Scp& scp, const Rule& rule);
/// Where the rule may write: at or below its container; with `same`, any trusted place.
[[nodiscard]] bool in_allowed_place(const Scp& scp, const Rule& rule);
/// marker.owners, and the owners seen who are members of groups in it.
[[nodiscard]] std::set<Sid> copy_owners(const PlanInput& input);
/// By scpd's account, one of its groups, or one of `owners` (copy_owners()). True also where the
/// server keeps no owners.
[[nodiscard]] bool owned_by_us(const Scp& scp, const DomainView& view, const std::set<Sid>& owners);
/// Where the rule puts the copy of `source` in the domain `nc`.
[[nodiscard]] Dn copy_dn(const Scp& source, const Rule& rule, const Dn& nc);

} // namespace scp
