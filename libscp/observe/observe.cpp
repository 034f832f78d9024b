#include "observe/observe.hpp"

#include "observe/accounts.hpp"
#include "observe/read_catalogs.hpp"
#include "observe/read_domain.hpp"
#include "observe/read_fates.hpp"
#include "observe/read_owners.hpp"

#include <algorithm>
#include <set>

namespace scp {
namespace {

/// Configuration NCs only where a rule reads or writes them: also one that is not asked for now, as
/// another's copies may lie there.
std::vector<const Domain*> sorted_domains(const Topology& topology, const Settings& settings,
                                          std::span<const Rule> rules) {
    auto out = topology.partitions(any_uses_configuration(rules) ||
                                   any_uses_configuration(settings.rules));
    std::sort(out.begin(), out.end(), [](const Domain* a, const Domain* b) {
        return std::tie(a->forest, a->name) < std::tie(b->forest, b->name);
    });
    return out;
}

/// Sources that markers name and no domain showed, with the domain that each came from.
std::set<std::pair<Guid, DomainName>> unseen_sources(const Observation& seen) {
    std::set<Guid> there;
    for (const auto& view : seen.domains)
        for (const auto& scp : view.scps)
            there.insert(scp.guid);
    std::set<std::pair<Guid, DomainName>> unseen;
    for (const auto& view : seen.domains)
        for (const auto& scp : view.scps)
            if (scp.marker && !there.contains(scp.marker->source))
                unseen.emplace(scp.marker->source, scp.marker->origin);
    return unseen;
}

/// Rules often name the same accounts: each is looked up once.
std::vector<ResolvedAccount> resolve_accounts(const Topology& topology, Sessions& sessions,
                                              std::span<const Rule> rules) {
    std::vector<AccountQuery> queries;
    for (const auto& rule : rules)
        for (const auto& query : rule.accounts)
            if (std::ranges::find(queries, query) == queries.end())
                queries.push_back(query);
    const auto known = look_up_accounts(topology, sessions, queries);
    std::vector<ResolvedAccount> accounts;
    for (const auto& rule : rules)
        for (const auto& query : rule.accounts) {
            accounts.push_back(*std::ranges::find(known, query, &ResolvedAccount::query));
            accounts.back().rule = rule.name;
        }
    return accounts;
}

} // namespace

Observation observe(const Topology& topology, Sessions& sessions, std::span<const Rule> rules) {
    const auto domains = sorted_domains(topology, sessions.settings(), rules);
    Observation seen;
    seen.domains.resize(domains.size());
    run_parallel(domains.size(), static_cast<std::size_t>(sessions.settings().daemon.workers),
                 [&](std::size_t i) {
                     seen.domains[i] = read_domain(topology, *domains[i], sessions, rules);
                 });
    seen.catalogs = read_catalogs(topology, seen.domains, sessions, rules);
    seen.fates = read_fates(unseen_sources(seen), topology, seen, sessions, rules);
    read_owners(topology, sessions, rules, seen);
    seen.accounts = resolve_accounts(topology, sessions, rules);
    return seen;
}

ResolvedAccount resolve_account(const Topology& topology, Sessions& sessions,
                                const AccountQuery& query) {
    return look_up_accounts(topology, sessions, {&query, 1}).front();
}

} // namespace scp
