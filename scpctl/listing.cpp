#include "scpctl/listing.hpp"

#include <algorithm>
#include <set>

namespace scp {

Rule rule_for_keywords(const std::vector<std::string>& keywords) {
    Rule rule;
    rule.name = "cli";
    rule.keywords = keywords;
    rule.attributes = default_attributes();
    rule.trust_containers = default_trust_containers();
    rule.trust_exclude = default_trust_exclude();
    rule.container.relative = default_container();
    return rule;
}

void trust_everywhere_without_target(std::vector<Rule>& rules, const Topology& topology) {
    for (Rule& rule : rules) {
        if (!rule.accounts.empty() || !rule.target_domains.empty() || !rule.trust_domains.empty())
            continue;
        std::set<DomainName> names;
        for (const Forest& forest : topology.forests)
            for (const Domain& domain : forest.domains)
                names.insert(domain.name);
        rule.trust_domains.assign(names.begin(), names.end());
    }
}

void add_all_scps(Observation& observation, const Lookup& lookup) {
    for (DomainView& view : observation.domains) {
        std::set<Guid> known;
        for (const Scp& scp : view.scps)
            known.insert(scp.guid);
        for (const FoundScp& one : lookup.found)
            if (one.scp.forest == view.forest && one.scp.domain == view.domain &&
                known.insert(one.scp.guid).second)
                view.scps.push_back(one.scp);
        std::ranges::sort(view.scps, {}, &Scp::dn);
        if (const auto lost = lookup.incomplete.find(ref(view));
            lost != lookup.incomplete.end() && !view.incomplete)
            view.incomplete = lost->second;
    }
}

ListedScp listed_scp(const Scp& scp, const PlanInput& input) {
    ListedScp listed;
    listed.scp = scp;
    for (const Rule& rule : input.rules)
        listed.roles.push_back({rule.name, role_of(scp, rule, input)});
    return listed;
}

std::vector<ListedScp> listed_scps(const PlanInput& input) {
    std::vector<RuleView> views;
    for (const Rule& rule : input.rules)
        views.push_back(view_rule(rule, input));
    std::vector<ListedScp> all;
    for (const DomainView& domain : input.observation.domains)
        for (const Scp& scp : domain.scps) {
            ListedScp listed;
            listed.scp = scp;
            for (const RuleView& view : views)
                listed.roles.push_back({view.rule->name, role_of(scp, view, input)});
            all.push_back(std::move(listed));
        }
    return all;
}

} // namespace scp
