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
};

[[nodiscard]] RuleView view_rule(const Rule& rule, const PlanInput& input);
/// Rules selected, then those of the settings that are not; sorted by name.
[[nodiscard]] std::vector<RuleView> view_rules(const PlanInput& input);

/// Why an SCP that the rule matches may not be its source: untrusted_domain or untrusted_place.
[[nodiscard]] std::optional<Reason> distrust(const Scp& scp, const RuleView& view);
/// Trust in domains goes by the accounts' forests, and an account is unresolved: which they are is
/// not known.
[[nodiscard]] bool trust_is_open(const RuleView& view);
/// In trust.containers and not in trust.exclude, relative to its domain.
[[nodiscard]] bool in_trusted_place(const Scp& scp, const Rule& rule);
/// Where the rule may write: at or below its container; with `same`, any trusted place.
[[nodiscard]] bool in_allowed_place(const Scp& scp, const Rule& rule);
/// True also where the server keeps no owners.
[[nodiscard]] bool owned_by_us(const Scp& scp, const DomainView& view);
/// Where the rule puts the copy of `source` in the domain `nc`.
[[nodiscard]] Dn copy_dn(const Scp& source, const Rule& rule, const Dn& nc);

} // namespace scp
