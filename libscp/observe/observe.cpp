#include "observe/observe.hpp"

#include "observe/accounts.hpp"
#include "observe/read_domain.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace scp {
namespace {

std::vector<const Domain*> all_domains(const Topology& topology) {
    std::vector<const Domain*> out;
    for (const auto& forest : topology.forests)
        for (const auto& domain : forest.domains)
            out.push_back(&domain);
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

void resolve_accounts(const Topology& topology, Sessions& sessions, std::span<const Rule> rules,
                      Observation& seen) {
    std::vector<std::pair<AccountQuery, ResolvedAccount>>
        known; // rules often name the same accounts
    for (const auto& rule : rules)
        for (const auto& query : rule.accounts) {
            const auto before = std::find_if(known.begin(), known.end(), [&](const auto& entry) {
                return entry.first == query;
            });
            ResolvedAccount account =
                before != known.end() ? before->second : look_up_account(topology, sessions, query);
            if (before == known.end())
                known.emplace_back(query, account);
            account.rule = rule.name;
            seen.accounts.push_back(std::move(account));
        }
}

std::optional<Found> look_at(Directory& server, const Dn& dn) {
    Search search;
    search.base.dn = dn;
    search.scope = Scope::base;
    search.attributes = {"objectClass", "objectGUID", "entryUUID"};
    return server.search(search);
}

PlaceView look_at_place(const Place& place, const Domain& domain, Directory& server) {
    PlaceView view;
    view.place = place;
    const auto at = look_at(server, place.dn);
    if (!at->complete()) {
        view.error = at->incomplete;
        return view;
    }
    if (!at->entries.empty()) {
        view.occupant = guid_of(at->entries.front().attributes).value_or(Guid());
        view.occupant_dn = at->entries.front().dn;
        return view;
    }
    for (Dn parent = place.dn.parent(); parent.depth() > domain.nc.depth();
         parent = parent.parent()) {
        const auto above = look_at(server, parent);
        if (!above->complete()) {
            view.error = above->incomplete;
            return view;
        }
        if (!above->entries.empty())
            break;
        view.missing_parents.insert(view.missing_parents.begin(), parent);
    }
    return view;
}

} // namespace

Observation observe(const Topology& topology, Sessions& sessions, std::span<const Rule> rules) {
    const auto domains = all_domains(topology);
    Observation seen;
    seen.domains.resize(domains.size());
    run_parallel(domains.size(), static_cast<std::size_t>(sessions.settings().daemon.workers),
                 [&](std::size_t i) {
                     seen.domains[i] = read_domain(topology, *domains[i], sessions, rules);
                 });
    for (const auto& [source, origin] : unseen_sources(seen))
        seen.fates.push_back(read_fate(source, origin, topology, seen, sessions, rules));
    resolve_accounts(topology, sessions, rules, seen);
    return seen;
}

std::vector<PlaceView> observe_places(const Topology& topology, Sessions& sessions,
                                      const std::vector<Place>& places) {
    std::map<std::pair<std::string, DomainName>, std::vector<std::size_t>> by_domain;
    std::vector<PlaceView> views(places.size());
    for (std::size_t i = 0; i < places.size(); ++i)
        by_domain[{places[i].forest, places[i].domain}].push_back(i);
    const std::vector<std::pair<std::pair<std::string, DomainName>, std::vector<std::size_t>>> work(
        by_domain.begin(), by_domain.end());
    run_parallel(work.size(), static_cast<std::size_t>(sessions.settings().daemon.workers),
                 [&](std::size_t w) {
                     const auto& [key, indices] = work[w];
                     const auto session = sessions.reader(key.first, key.second);
                     const Domain* const domain = topology.find(key.first, key.second);
                     for (const auto i : indices) {
                         if (session && domain != nullptr) {
                             views[i] = look_at_place(places[i], *domain, **session);
                         } else {
                             views[i].place = places[i];
                             views[i].error = session ? Error{ErrorKind::not_found,
                                                              "the domain is unknown", "", 0}
                                                      : session.error();
                         }
                     }
                 });
    std::sort(views.begin(), views.end(),
              [](const PlaceView& a, const PlaceView& b) { return a.place < b.place; });
    return views;
}

ResolvedAccount resolve_account(const Topology& topology, Sessions& sessions,
                                const AccountQuery& query) {
    return look_up_account(topology, sessions, query);
}

} // namespace scp
