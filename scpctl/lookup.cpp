#include "scpctl/lookup.hpp"

#include "base/text.hpp"
#include "observe/read_scp.hpp"
#include "scpctl/context.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <tuple>

namespace scp {

namespace {

Search search_for(const Settings& settings, ObjectRef base, Scope scope, const Filter& filter) {
    Search search;
    search.base = std::move(base);
    search.scope = scope;
    search.filter = all_of({equals("objectClass", "serviceConnectionPoint"), filter});
    search.attributes = scp_attributes(settings.rules, settings.marker_attribute);
    search.attributes.emplace_back("*");
    search.security = true;
    return search;
}

void collect(Lookup& lookup, const Domain& domain, const Settings& settings, Result<Found> answer) {
    const DomainRef where{domain.forest, domain.name};
    if (!answer) {
        lookup.incomplete.emplace(where, answer.error());
        return;
    }
    if (answer->incomplete)
        lookup.incomplete.emplace(where, *answer->incomplete);
    for (Entry& entry : answer->entries)
        if (auto scp = read_scp(entry, domain, settings.rules, settings.marker_attribute))
            lookup.found.push_back({std::move(*scp), std::move(entry)});
}

Result<Found> ask(Sessions& sessions, const Domain& domain, const Search& search) {
    if (domain.error)
        return fail(*domain.error);
    const auto reader = sessions.reader(domain.forest, domain.name);
    if (!reader)
        return fail(reader.error());
    return (*reader)->search(search);
}

} // namespace

Result<ScpName> parse_scp_name(std::string_view option, const std::string& text) {
    if (auto ok = check_argument(option, text); !ok)
        return fail(ok.error());
    if (text.empty())
        return fail(ErrorKind::usage, fmt::format("{} is empty", option), "a DN, a GUID or a name");
    ScpName name;
    if (const auto guid = Guid::parse(text)) {
        name.kind = ScpName::Kind::guid;
        name.guid = *guid;
        name.name = text; // a cn may look like a GUID: the migration agent's do
        return name;
    }
    if (auto dn = Dn::parse(text); dn && !dn->empty()) {
        name.kind = ScpName::Kind::dn;
        name.dn = *dn;
        return name;
    }
    name.name = text;
    return name;
}

Filter has_guid(const Guid& guid) {
    return any_of({equals("objectGUID", guid.ad_bytes()), equals("entryUUID", guid.to_string())});
}

Lookup find_scps(const Topology& topology, Sessions& sessions, const Filter& filter) {
    const auto domains = topology.partitions(any_uses_configuration(sessions.settings().rules));
    std::vector<Result<Found>> answers(domains.size());
    const auto workers = static_cast<std::size_t>(std::max(1, sessions.settings().daemon.workers));
    run_parallel(domains.size(), workers, [&](std::size_t i) {
        answers[i] = ask(sessions, *domains[i],
                         search_for(sessions.settings(), {domains[i]->nc, std::nullopt},
                                    Scope::subtree, filter));
    });
    Lookup lookup;
    for (std::size_t i = 0; i < domains.size(); ++i)
        collect(lookup, *domains[i], sessions.settings(), std::move(answers[i]));
    std::ranges::sort(lookup.found, {}, [](const FoundScp& one) {
        return std::tie(one.scp.forest, one.scp.domain, one.scp.dn);
    });
    return lookup;
}

Lookup find_scps(const Topology& topology, Sessions& sessions, const ScpName& name) {
    if (name.kind == ScpName::Kind::guid) {
        Lookup lookup =
            find_scps(topology, sessions, any_of({has_guid(name.guid), equals("cn", name.name)}));
        const auto has = [&](const FoundScp& one) { return one.scp.guid == name.guid; };
        if (std::ranges::any_of(lookup.found, has))
            std::erase_if(lookup.found, [&](const FoundScp& one) { return !has(one); });
        return lookup;
    }
    if (name.kind == ScpName::Kind::name)
        return find_scps(topology, sessions, equals("cn", name.name));
    Lookup lookup;
    for (const Forest& forest : topology.forests)
        if (const Domain* domain = topology.domain_of(forest.name, name.dn))
            collect(lookup, *domain, sessions.settings(),
                    ask(sessions, *domain,
                        search_for(sessions.settings(), {name.dn, std::nullopt}, Scope::base,
                                   present("objectClass"))));
    return lookup;
}

std::optional<Error> first_incomplete(const Lookup& lookup) {
    if (lookup.incomplete.empty())
        return std::nullopt;
    const auto& [where, error] = *lookup.incomplete.begin();
    return Error{error.kind,
                 fmt::format("not read to the end: {}: {}", where.domain.text(), error.message),
                 error.hint, error.ldap_code};
}

Result<const Domain*> find_domain(const Topology& topology, const std::string& name) {
    const DomainName wanted(name);
    const Domain* found = nullptr;
    std::vector<std::string> known;
    const Forest* lost = nullptr;
    for (const Forest& forest : topology.forests)
        if (forest.error)
            lost = &forest;
    for (const Domain* domain : topology.partitions(wanted.is_configuration())) {
        known.push_back(domain->name.text());
        if (domain->name != wanted)
            continue;
        if (found != nullptr)
            return fail(ErrorKind::usage,
                        fmt::format("two forests have a domain {}", printable(name)),
                        "use settings with only one of them");
        found = domain;
    }
    if (found != nullptr)
        return found;
    if (lost != nullptr)
        return fail(*lost->error);
    const std::string near = nearest(wanted.text(), known);
    return fail(ErrorKind::usage, fmt::format("there is no domain {}", printable(name)),
                near.empty() ? fmt::format("there are: {}", fmt::join(known, ", "))
                             : fmt::format("did you mean {}?", near));
}

} // namespace scp
