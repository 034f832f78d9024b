#include "plan/rule_view.hpp"

#include "base/safeguard.hpp"
#include "plan/roles.hpp"

#include <algorithm>

namespace scp {
namespace {

const ResolvedAccount* find_account(const Observation& observation, const Rule& rule,
                                    const AccountQuery& query) {
    const auto found =
        std::ranges::find_if(observation.accounts, [&](const ResolvedAccount& account) {
            return equal_ascii_nocase(account.rule, rule.name) && account.query == query;
        });
    return found == observation.accounts.end() ? nullptr : &*found;
}

/// The domains of that name; the same name in two forests is two domains.
std::vector<DomainRef> domains_named(const Observation& observation, const DomainName& name) {
    std::vector<DomainRef> found;
    for (const auto& view : observation.domains)
        if (view.domain == name)
            found.push_back(ref(view));
    return found;
}

RuleView view_of(const Rule& rule) {
    RuleView view;
    view.rule = &rule;
    view.selector = selector_hash(rule);
    view.attributes = attributes_hash(rule);
    return view;
}

void view_accounts(RuleView& view, std::set<std::string>& forests, const PlanInput& input) {
    for (const auto& query : view.rule->accounts) {
        if (!query.forest.empty())
            forests.insert(query.forest);
        const ResolvedAccount* account = find_account(input.observation, *view.rule, query);
        if (account == nullptr) {
            view.unresolved.push_back(printable(query.text) + ": was not looked up");
            continue;
        }
        if (!account->unresolved.empty())
            view.unresolved.push_back(printable(query.text) + ": " + account->unresolved);
        for (const auto& location : account->locations) {
            forests.insert(location.forest);
            view.targets.insert({location.forest, location.domain});
        }
    }
    std::ranges::sort(view.unresolved);
}

void view_targets(RuleView& view, std::set<std::string>& forests, const PlanInput& input) {
    for (const auto& name : view.rule->target_domains) {
        const auto found = domains_named(input.observation, name);
        view.targets.insert(found.begin(), found.end());
        if (found.empty())
            view.unknown_targets.insert({"", name});
        // A rule without accounts speaks for agents in the domains that it names.
        for (const auto& domain : found)
            if (view.rule->accounts.empty())
                forests.insert(domain.forest);
    }
    for (const auto& name : view.rule->target_exclude) {
        const auto excluded = [&](const DomainRef& target) { return target.domain == name; };
        std::erase_if(view.targets, excluded);
        std::erase_if(view.unknown_targets, excluded);
    }
}

/// The Configuration NCs of the targets' forests, in the targets' stead.
void aim_at_configuration(RuleView& view, const PlanInput& input) {
    std::set<DomainRef> aimed;
    for (const auto& domain : input.observation.domains)
        if (domain.domain.is_configuration() &&
            std::ranges::any_of(view.targets, [&](const DomainRef& target) {
                return target.forest == domain.forest;
            }))
            aimed.insert(ref(domain));
    for (const auto& target : view.targets)
        if (std::ranges::none_of(aimed,
                                 [&](const DomainRef& one) { return one.forest == target.forest; }))
            view.unknown_targets.insert({target.forest, DomainName::configuration_of({})});
    view.targets = std::move(aimed);
}

bool may_hold_sources(const Rule& rule, const DomainName& domain) {
    return domain.is_configuration() ? rule.in_configuration : rule.in_domains;
}

void view_trust(RuleView& view, const std::set<std::string>& forests, const PlanInput& input) {
    const Rule& rule = *view.rule;
    for (const auto& name : rule.trust_domains) {
        bool known = false;
        for (const auto& domain : input.observation.domains) {
            if (domain.domain.dns() != name)
                continue;
            known = true;
            if (may_hold_sources(rule, domain.domain))
                view.trusted.insert(ref(domain));
        }
        if (!known)
            view.unknown_trusted.insert({"", name});
    }
    if (!rule.trust_domains.empty())
        return;
    for (const auto& domain : input.observation.domains)
        if (forests.contains(domain.forest) && may_hold_sources(rule, domain.domain))
            view.trusted.insert(ref(domain));
    const auto shows_configuration = [&](const Forest& forest) {
        return std::ranges::any_of(input.observation.domains, [&](const DomainView& domain) {
            return domain.forest == forest.name && domain.domain.is_configuration();
        });
    };
    for (const auto& forest : input.topology.forests) {
        if (!forests.contains(forest.name))
            continue;
        if (forest.error)
            view.unknown_trusted.insert({forest.name, {}});
        else if (rule.in_configuration && !shows_configuration(forest))
            view.unknown_trusted.insert({forest.name, DomainName::configuration_of({})});
    }
}

/// What a list of owners comes to: SIDs, members of groups among the owners seen, what is open.
struct Owners {
    std::set<Sid> sids;
    std::set<Sid> doubtful;
    std::vector<std::string> unresolved;
};

Owners resolve_owners(const std::vector<AccountQuery>& listed, const Observation& observation) {
    Owners owners;
    if (listed.empty())
        return owners;
    for (const auto& query : listed) {
        const auto found = std::ranges::find(observation.owners, query, &ResolvedOwner::query);
        if (found != observation.owners.end() && found->sid)
            owners.sids.insert(*found->sid);
        else
            owners.unresolved.push_back(
                printable(query.text) + ": " +
                (found == observation.owners.end() ? "was not looked up" : found->unresolved));
    }
    std::ranges::sort(owners.unresolved);
    const std::set<Sid> groups = owners.sids;
    for (const auto& member : observation.owner_groups) {
        const auto named = [&](const Sid& group) { return groups.contains(group); };
        if (std::ranges::any_of(member.groups, named))
            owners.sids.insert(member.owner);
        else if (member.error)
            owners.doubtful.insert(member.owner);
    }
    return owners;
}

void view_owners(RuleView& view, const PlanInput& input) {
    auto owners = resolve_owners(view.rule->trust_owners, input.observation);
    view.owners = std::move(owners.sids);
    view.doubtful_owners = std::move(owners.doubtful);
    view.unresolved_owners = std::move(owners.unresolved);
}

} // namespace

DomainRef ref(const DomainView& view) {
    return {view.forest, view.domain};
}

DomainRef domain_of(const Scp& scp) {
    return {scp.forest, scp.domain};
}

RuleView view_rule(const Rule& rule, const PlanInput& input) {
    RuleView view = view_of(rule);
    std::set<std::string> forests;
    view_accounts(view, forests, input);
    view_targets(view, forests, input);
    if (rule.container.kind == TargetContainer::Kind::configuration)
        aim_at_configuration(view, input);
    view_trust(view, forests, input);
    view_owners(view, input);
    return view;
}

std::vector<RuleView> view_rules(const PlanInput& input) {
    std::vector<RuleView> views;
    for (const auto& rule : input.rules)
        views.push_back(view_rule(rule, input));
    for (const auto& rule : input.settings.rules) {
        const bool selected = std::ranges::any_of(
            input.rules, [&](const Rule& one) { return equal_ascii_nocase(one.name, rule.name); });
        if (!selected) {
            views.push_back(view_of(rule));
            views.back().selected = false;
        }
    }
    std::ranges::sort(views, LessNoCase{}, [](const RuleView& view) { return view.rule->name; });
    return views;
}

std::optional<Reason> distrust(const Scp& scp, const RuleView& view) {
    if (in_force(Safeguard::trusted_domain) && !view.trusted.contains(domain_of(scp)))
        return Reason::untrusted_domain;
    if (!in_trusted_place(scp, *view.rule))
        return Reason::untrusted_place;
    if (!trusted_owner(scp, view))
        return Reason::untrusted_owner;
    return std::nullopt;
}

bool trusted_owner(const Scp& scp, const RuleView& view) {
    return view.rule->trust_owners.empty() || !in_force(Safeguard::trusted_owner) ||
           (scp.owner && view.owners.contains(*scp.owner));
}

bool owner_is_open(const Scp& scp, const RuleView& view) {
    return !scp.owner || !view.unresolved_owners.empty() ||
           view.doubtful_owners.contains(*scp.owner);
}

std::string distrust_of_owner(const Scp& scp, const RuleView& view) {
    if (!scp.owner)
        return "the server does not show its owner";
    const std::string owner = "its owner " + scp.owner->to_string();
    if (!view.unresolved_owners.empty())
        return owner + " is not known to be trusted: " + view.unresolved_owners.front();
    if (view.doubtful_owners.contains(*scp.owner))
        return owner + " is not known to be trusted: its groups could not be read";
    return owner + " is not in the rule's trust.owners";
}

bool trusted_in_target(const Scp& scp, const RuleView& view) {
    return in_trusted_place(scp, *view.rule) && trusted_owner(scp, view);
}

bool may_hold_sources(const RuleView& view, const DomainRef& domain) {
    return may_hold_sources(*view.rule, domain.domain);
}

bool looks_in(const RuleView& view, const DomainRef& domain) {
    return may_hold_sources(view, domain) || view.targets.contains(domain);
}

bool trust_is_open(const RuleView& view) {
    return view.rule->trust_domains.empty() && !view.unresolved.empty();
}

bool in_trusted_place(const Scp& scp, const Rule& rule) {
    if (!in_force(Safeguard::trusted_place))
        return true;
    const auto place = scp.dn.relative_to(scp.nc);
    if (!place)
        return false;
    const auto holds = [&](const Dn& container) { return place->is_within(container); };
    const bool configuration = scp.domain.is_configuration();
    return std::ranges::any_of(
               configuration ? rule.configuration_containers : rule.trust_containers, holds) &&
           std::ranges::none_of(configuration ? rule.configuration_exclude : rule.trust_exclude,
                                holds);
}

bool in_allowed_place(const Scp& scp, const Rule& rule) {
    if (!in_force(Safeguard::allowed_place))
        return true;
    if (rule.container.kind == TargetContainer::Kind::same)
        return in_trusted_place(scp, rule);
    if (scp.domain.is_configuration() !=
        (rule.container.kind == TargetContainer::Kind::configuration))
        return false;
    return scp.dn.is_within(scp.nc.descendant(rule.container.relative));
}

std::set<Sid> copy_owners(const PlanInput& input) {
    return resolve_owners(input.settings.marker_owners, input.observation).sids;
}

bool owned_by_us(const Scp& scp, const DomainView& view, const std::set<Sid>& owners) {
    return !view.has_owners || !in_force(Safeguard::owner) ||
           (scp.owner && (owners.contains(*scp.owner) ||
                          std::ranges::find(view.our_sids, *scp.owner) != view.our_sids.end()));
}

Dn copy_dn(const Scp& source, const Rule& rule, const Dn& nc) {
    if (rule.container.kind == TargetContainer::Kind::same)
        return nc.descendant(source.dn.relative_to(source.nc).value_or(source.dn));
    return nc.descendant(rule.container.relative).child(source.dn.rdn_type(), source.name);
}

} // namespace scp
