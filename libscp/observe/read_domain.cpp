#include "observe/read_domain.hpp"

#include "base/safeguard.hpp"
#include "directory/replica.hpp"
#include "observe/proved_end.hpp"
#include "observe/read_scp.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace scp {
namespace {

Filter domain_filter(std::span<const Rule> rules, const std::string& marker_attribute) {
    std::vector<Filter> wanted = keywords_filters(rules);
    wanted.push_back(starts_with(marker_attribute, std::string(marker_prefix)));
    return all_of({equals("objectClass", "serviceConnectionPoint"), any_of(std::move(wanted))});
}

std::vector<Sid> own_sids(const RootDse& root) {
    std::vector<Sid> sids;
    for (const auto& bytes : root.token_groups)
        if (auto sid = Sid::from_bytes(bytes))
            sids.push_back(std::move(*sid));
    std::sort(sids.begin(), sids.end());
    return sids;
}

} // namespace

DomainView read_domain(const Topology& topology, const Domain& domain, Sessions& sessions,
                       std::span<const Rule> rules) {
    DomainView view;
    view.forest = domain.forest;
    view.domain = domain.name;
    view.nc = domain.nc;
    view.server = domain.server;
    const auto session = sessions.reader(domain.forest, domain.name);
    if (!session) {
        view.incomplete = session.error();
        return view;
    }
    Directory& server = **session;
    if (auto replica = replica_of(server)) // where it fails, so does the search
        view.replica = std::move(*replica);
    view.has_owners =
        server.root_dse().supports_control(sd_flags_control) && server.takes_guid_names();
    view.our_sids = own_sids(server.root_dse());

    const std::string& marker_attribute = sessions.settings().marker_attribute;
    // Before the search and after it: a right that comes back in between proves nothing.
    const auto all_shown = [&] {
        if (!view.incomplete && in_force(Safeguard::known_objects))
            view.incomplete = known_objects_missing(domain, server);
    };
    all_shown();
    Search search;
    search.base.dn = domain.nc;
    search.filter = domain_filter(rules, marker_attribute);
    search.attributes = scp_attributes(rules, marker_attribute);
    search.security = view.has_owners;
    const Found found = server.search(search);
    if (!view.incomplete && in_force(Safeguard::proved_end))
        view.incomplete = found.incomplete;
    for (const auto& entry : found.entries) {
        // A DC may serve its copy of another domain's objects below its own naming context.
        if (topology.domain_of(domain.forest, entry.dn) !=
            topology.find(domain.forest, domain.name))
            continue;
        if (auto scp = read_scp(entry, domain, rules, marker_attribute))
            view.scps.push_back(std::move(*scp));
        else if (!view.incomplete)
            view.incomplete = Error{ErrorKind::incomplete,
                                    fmt::format("{} shows neither objectGUID nor entryUUID of {}",
                                                view.server, printable(entry.dn.text())),
                                    "let the account read objectGUID", 0};
    }
    std::sort(view.scps.begin(), view.scps.end(),
              [](const Scp& a, const Scp& b) { return a.dn < b.dn; });
    if (!view.incomplete)
        view.incomplete = unknown_reference(found, *topology.find_forest(domain.forest), server);
    all_shown();
    return view;
}

} // namespace scp
