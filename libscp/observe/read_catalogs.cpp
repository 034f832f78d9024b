#include "observe/read_catalogs.hpp"

#include "observe/find_in_catalogs.hpp"
#include "observe/proved_end.hpp"
#include "observe/read_scp.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace scp {
namespace {

/// A DC that is still fetching the other domains for the first time answers, and shows only some
/// of their objects ([MS-ADTS] 3.1.1.3.2.20, isGlobalCatalogReady).
std::optional<Error> still_filling(Directory& server) {
    Search search;
    search.scope = Scope::base;
    search.attributes = {"isGlobalCatalogReady"};
    const Found found = server.search(search);
    if (!found.complete())
        return found.incomplete;
    for (const auto& root : found.entries)
        if (equal_ascii_nocase(first_of(root.attributes, "isGlobalCatalogReady"), "FALSE"))
            return Error{ErrorKind::incomplete,
                         fmt::format("{} is not ready to be a global catalog yet", server.server()),
                         "wait until it has fetched all domains, or name another", 0};
    return std::nullopt;
}

void read_catalog(const Topology& topology, Directory& server, std::span<const Rule> rules,
                  CatalogView& view) {
    const Domain& domain = *topology.find(view.forest, view.domain);
    view.server = server.server();
    view.incomplete = still_filling(server);
    if (view.incomplete)
        return;
    Search search;
    search.base.dn = domain.nc;
    // Markers are not to be had: msDS-Settings is not in the partial attribute set.
    search.filter =
        all_of({equals("objectClass", "serviceConnectionPoint"), any_of(keywords_filters(rules))});
    search.attributes = {"objectClass"};
    const Found found = server.search(search);
    for (const auto& entry : found.entries)
        if (topology.domain_of(domain.forest, entry.dn) == &domain)
            view.scps.push_back(entry.dn);
    std::ranges::sort(view.scps);
    view.incomplete = found.incomplete;
    if (!view.incomplete)
        view.incomplete = unknown_reference(found, *topology.find_forest(domain.forest), server);
    if (!view.incomplete)
        view.incomplete = known_objects_missing(domain, server);
}

/// All views of one forest, by one session.
void read_forest(const Topology& topology, const std::string& forest, Sessions& sessions,
                 std::span<const Rule> rules, std::vector<CatalogView>& views) {
    const auto elsewhere = [&](const CatalogView& view) { return view.forest != forest; };
    if (std::ranges::all_of(views, elsewhere))
        return;
    const auto catalog = sessions.global_catalog(forest);
    for (auto& view : views)
        if (elsewhere(view))
            continue;
        else if (catalog)
            read_catalog(topology, **catalog, rules, view);
        else
            view.incomplete = catalog.error();
}

} // namespace

std::vector<CatalogView> read_catalogs(const Topology& topology,
                                       std::span<const DomainView> domains, Sessions& sessions,
                                       std::span<const Rule> rules) {
    std::vector<CatalogView> views;
    if (rules.empty())
        return views;
    for (const auto& domain : domains)
        if (domain.incomplete && may_ask_catalog(sessions.settings(), domain.forest))
            views.push_back({domain.forest, domain.domain, {}, {}, {}});
    const auto& forests = topology.forests;
    run_parallel(
        forests.size(), static_cast<std::size_t>(sessions.settings().daemon.workers),
        [&](std::size_t i) { read_forest(topology, forests[i].name, sessions, rules, views); });
    return views;
}

} // namespace scp
