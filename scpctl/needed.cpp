#include "scpctl/needed.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

namespace scp {

namespace {

bool contains(const std::vector<DomainName>& list, const DomainName& domain) {
    return std::ranges::find(list, domain) != list.end();
}

/// The forests that an account of the rule lives in, or may live in where that is not known.
std::set<std::string> account_forests(const Rule& rule, const Topology& topology,
                                      const Observation& observation) {
    std::set<std::string> forests;
    const auto add_all = [&] {
        for (const Forest& forest : topology.forests)
            forests.insert(forest.name);
    };
    for (const ResolvedAccount& account : observation.accounts) {
        if (account.rule != rule.name)
            continue;
        for (const auto& location : account.locations)
            forests.insert(location.forest);
        if (account.unresolved.empty())
            continue;
        if (account.query.forest.empty())
            add_all();
        else
            forests.insert(account.query.forest);
    }
    for (const Forest& forest : topology.forests)
        for (const Domain& domain : forest.domains)
            if (contains(rule.target_domains, domain.name))
                forests.insert(forest.name);
    if (forests.empty()) // a rule of `list`, without accounts or targets
        add_all();
    return forests;
}

std::vector<std::string> printable_names(const std::set<DomainKey>& keys) {
    std::vector<std::string> names;
    for (const auto& [forest, domain] : keys)
        names.push_back(domain.text());
    return names;
}

} // namespace

std::set<DomainKey> needed_domains(std::span<const Rule> rules, const Topology& topology,
                                   const Observation& observation) {
    std::set<DomainKey> needed;
    for (const Rule& rule : rules) {
        const auto forests = account_forests(rule, topology, observation);
        for (const Forest& forest : topology.forests)
            for (const Domain& domain : forest.domains) {
                const bool trusted = rule.trust_domains.empty()
                                         ? forests.contains(forest.name)
                                         : contains(rule.trust_domains, domain.name);
                if (trusted || contains(rule.target_domains, domain.name))
                    needed.insert({forest.name, domain.name});
            }
        for (const ResolvedAccount& account : observation.accounts) {
            if (account.rule != rule.name)
                continue;
            for (const auto& location : account.locations)
                if (!contains(rule.target_exclude, location.domain))
                    needed.insert({location.forest, location.domain});
            if (account.unresolved.empty())
                continue;
            // It may live in any domain of these forests that could not be read.
            for (const Forest& forest : topology.forests)
                if (account.query.forest.empty() || account.query.forest == forest.name)
                    for (const Domain& domain : forest.domains)
                        needed.insert({forest.name, domain.name});
        }
    }
    return needed;
}

std::optional<Error> needed_but_incomplete(std::span<const Rule> rules, const Topology& topology,
                                           const Observation& observation) {
    std::set<DomainKey> missing;
    Error cause{ErrorKind::incomplete, "", "", 0};
    for (const auto& key : needed_domains(rules, topology, observation)) {
        const DomainView* view = observation.find(key.first, key.second);
        if (view != nullptr && view->complete())
            continue;
        missing.insert(key);
        if (view != nullptr && cause.message.empty())
            cause = *view->incomplete;
    }
    for (const Rule& rule : rules)
        for (const std::string& name : account_forests(rule, topology, observation)) {
            const Forest* forest = topology.find_forest(name);
            if (forest == nullptr || !forest->error)
                continue;
            return Error{forest->error->kind,
                         fmt::format("forest {} was not read: {}", name, forest->error->message),
                         forest->error->hint, forest->error->ldap_code};
        }
    if (missing.empty())
        return std::nullopt;
    return Error{
        cause.kind,
        fmt::format("not read to the end: {}{}{}", fmt::join(printable_names(missing), ", "),
                    cause.message.empty() ? "" : ": ", cause.message),
        cause.hint.empty() ? "nothing was concluded from what is absent there; --partial accepts it"
                           : cause.hint,
        cause.ldap_code};
}

} // namespace scp
