#include "observe/read_owners.hpp"

#include "observe/search_domains.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace scp {
namespace {

using Queries = std::vector<AccountQuery>;

Queries owners_named(const Settings& settings, std::span<const Rule> rules) {
    Queries queries;
    const auto add = [&](const Queries& list) {
        for (const auto& query : list)
            if (std::ranges::find(queries, query) == queries.end())
                queries.push_back(query);
    };
    add(settings.marker_owners);
    for (const auto& rule : rules)
        add(rule.trust_owners);
    return queries;
}

/// One principal's look-up by name: what is asked, and what came back.
struct Asked {
    std::size_t owner = 0; ///< in Observation::owners
    std::size_t first = 0; ///< of the searches
    std::size_t count = 0;
};

Search by_name(const Domain& domain, const std::string& name) {
    Search search;
    search.base.dn = domain.nc;
    search.filter = equals("sAMAccountName", name);
    search.attributes = {"objectSid"};
    return search;
}

Search by_sid(const Domain& domain, const Sid& sid) {
    Search search;
    search.base.dn = domain.nc;
    search.filter = equals("objectSid", sid.bytes());
    search.attributes = {"sAMAccountName"};
    return search;
}

/// Whether the entry is the domain's own: a server may hold other domains' objects too.
bool lies_in(const Topology& topology, const Domain& domain, const Entry& entry) {
    return topology.domain_of(domain.forest, entry.dn) == &domain;
}

std::string lost_forests(const Topology& topology) {
    for (const auto& forest : topology.forests)
        if (forest.error)
            return fmt::format("forest {}: {}", forest.name, forest.error->message);
    return {};
}

void resolve(const Topology& topology, std::span<const DomainSearch> searches,
             std::span<const Found> answers, ResolvedOwner& owner) {
    std::set<Sid> sids;
    for (std::size_t i = 0; i < searches.size(); ++i) {
        for (const auto& entry : answers[i].entries)
            if (const auto sid = Sid::from_bytes(first_of(entry.attributes, "objectSid"));
                sid && lies_in(topology, *searches[i].domain, entry))
                sids.insert(*sid);
        if (!answers[i].complete())
            owner.unresolved = answers[i].incomplete->message;
    }
    if (sids.size() > 1)
        owner.unresolved = "several have that name: write the SID";
    else if (sids.empty() && owner.unresolved.empty())
        owner.unresolved = "nobody has that name";
    else if (owner.unresolved.empty())
        owner.sid = *sids.begin();
}

void resolve_all(const Topology& topology, Sessions& sessions, std::vector<ResolvedOwner>& owners) {
    std::vector<DomainSearch> searches;
    std::vector<Asked> asked;
    for (std::size_t i = 0; i < owners.size(); ++i) {
        auto& owner = owners[i];
        if (owner.query.kind == AccountQuery::Kind::sid) {
            owner.sid = Sid::parse(owner.query.text);
            continue;
        }
        const std::string& text = owner.query.text;
        const auto backslash = text.find('\\');
        const auto domains = topology.called(std::string_view(text).substr(0, backslash));
        owner.unresolved = lost_forests(topology); // the name may repeat there
        if (domains.empty() && owner.unresolved.empty())
            owner.unresolved = fmt::format("no domain is called {}: write the SID",
                                           printable(text.substr(0, backslash)));
        asked.push_back({i, searches.size(), domains.size()});
        for (const auto* domain : domains)
            searches.push_back({domain, by_name(*domain, text.substr(backslash + 1))});
    }
    const auto answers = search_domains(searches, sessions);
    for (const auto& one : asked)
        resolve(topology, std::span(searches).subspan(one.first, one.count),
                std::span(answers).subspan(one.first, one.count), owners[one.owner]);
}

/// Where somebody's object is; nullptr and why where that is not known.
struct Home {
    const Domain* domain = nullptr;
    Dn dn;
    std::optional<Error> error;
};

std::vector<Home> find_homes(const Topology& topology, Sessions& sessions,
                             std::span<const OwnerGroups> owners) {
    const auto domains = topology.domains();
    std::vector<DomainSearch> searches;
    for (const auto& one : owners)
        for (const auto* domain : domains)
            searches.push_back({domain, by_sid(*domain, one.owner)});
    const auto answers = search_domains(searches, sessions);
    std::vector<Home> homes(owners.size());
    for (std::size_t i = 0; i < searches.size(); ++i) {
        Home& home = homes[i / domains.size()];
        for (const auto& entry : answers[i].entries)
            if (lies_in(topology, *searches[i].domain, entry)) {
                home.domain = searches[i].domain;
                home.dn = entry.dn;
            }
        if (!answers[i].complete())
            home.error = answers[i].incomplete;
    }
    return homes;
}

void read_groups(const Topology& topology, Sessions& sessions, std::vector<OwnerGroups>& owners) {
    const auto homes = find_homes(topology, sessions, owners);
    std::vector<DomainSearch> searches;
    std::vector<OwnerGroups*> of;
    for (std::size_t i = 0; i < owners.size(); ++i) {
        if (homes[i].domain == nullptr) {
            owners[i].error = homes[i].error;
            continue;
        }
        Search search;
        search.base.dn = homes[i].dn;
        search.scope =
            Scope::base; // [MS-ADTS] 3.1.1.4.5.19: tokenGroups is not to be had otherwise
        search.attributes = {"tokenGroups"};
        searches.push_back({homes[i].domain, std::move(search)});
        of.push_back(&owners[i]);
    }
    const auto answers = search_domains(searches, sessions);
    for (std::size_t i = 0; i < searches.size(); ++i) {
        of[i]->error = answers[i].incomplete;
        for (const auto& entry : answers[i].entries)
            for (const auto& bytes : values_of(entry.attributes, "tokenGroups"))
                if (const auto sid = Sid::from_bytes(bytes))
                    of[i]->groups.push_back(*sid);
        std::ranges::sort(of[i]->groups);
    }
}

} // namespace

void read_owners(const Topology& topology, Sessions& sessions, std::span<const Rule> rules,
                 Observation& seen) {
    for (const auto& query : owners_named(sessions.settings(), rules))
        seen.owners.push_back({query, std::nullopt, {}});
    if (seen.owners.empty())
        return;
    resolve_all(topology, sessions, seen.owners);
    std::set<Sid> others;
    const auto note = [&](const Scp& scp) {
        if (scp.owner && scp.owner->to_string().starts_with("S-1-5-21-")) // others have no object
            others.insert(*scp.owner);
    };
    for (const auto& view : seen.domains)
        for (const auto& scp : view.scps)
            note(scp);
    for (const auto& fate : seen.fates)
        if (fate.scp)
            note(*fate.scp);
    for (const auto& owner : seen.owners)
        if (owner.sid)
            others.erase(*owner.sid);
    for (const auto& sid : others)
        seen.owner_groups.push_back({sid, {}, {}});
    if (!seen.owner_groups.empty())
        read_groups(topology, sessions, seen.owner_groups);
}

std::map<Sid, std::string> names_of(const Topology& topology, Sessions& sessions,
                                    const std::set<Sid>& sids) {
    const auto domains = topology.domains();
    std::vector<DomainSearch> searches;
    std::vector<Sid> of;
    for (const auto& sid : sids)
        for (const auto* domain : domains) {
            searches.push_back({domain, by_sid(*domain, sid)});
            of.push_back(sid);
        }
    const auto answers = search_domains(searches, sessions);
    std::map<Sid, std::string> names;
    for (std::size_t i = 0; i < searches.size(); ++i)
        for (const auto& entry : answers[i].entries)
            if (const auto& name = first_of(entry.attributes, "sAMAccountName");
                !name.empty() && lies_in(topology, *searches[i].domain, entry))
                names.emplace(of[i], (of[i].to_string().starts_with("S-1-5-32-")
                                          ? "BUILTIN"
                                          : searches[i].domain->netbios) +
                                         "\\" + name);
    return names;
}

} // namespace scp
