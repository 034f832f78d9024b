#include "observe/find_in_catalogs.hpp"

#include <algorithm>

namespace scp {
namespace {

/// One forest's questions, by one session: the DN of the one object that the catalog shows.
void ask_catalog(const Forest& forest, Sessions& sessions, std::span<const ForestSearch> searches,
                 std::vector<std::optional<Dn>>& shown) {
    std::vector<std::size_t> asked;
    std::vector<Search> batch;
    for (std::size_t i = 0; i < searches.size(); ++i)
        if (searches[i].forest == &forest) {
            asked.push_back(i);
            Search search; // below the empty name: every tree of the forest
            search.filter = searches[i].filter;
            search.attributes = {"objectClass"};
            batch.push_back(std::move(search));
        }
    if (batch.empty())
        return;
    const auto catalog = sessions.global_catalog(forest.name);
    if (!catalog)
        return;
    const auto found = (*catalog)->search_all(batch);
    for (std::size_t i = 0; i < asked.size(); ++i)
        if (found[i].complete() && found[i].entries.size() == 1)
            shown[asked[i]] = found[i].entries.front().dn;
}

} // namespace

bool may_ask_catalog(const Settings& settings, const std::string& forest) {
    return std::ranges::none_of(settings.forests, [&](const ForestSettings& one) {
        return one.name == forest && one.global_catalog.mode == GlobalCatalogSettings::Mode::off;
    });
}

std::vector<std::optional<ForestHit>> find_in_catalogs(const Topology& topology, Sessions& sessions,
                                                       std::span<const ForestSearch> searches) {
    const auto& forests = topology.forests;
    std::vector<std::optional<Dn>> shown(searches.size());
    run_parallel(forests.size(), static_cast<std::size_t>(sessions.settings().daemon.workers),
                 [&](std::size_t i) {
                     if (forests[i].domains.size() > 1 &&
                         may_ask_catalog(sessions.settings(), forests[i].name))
                         ask_catalog(forests[i], sessions, searches, shown);
                 });

    std::vector<std::size_t> checked;
    std::vector<DomainSearch> checks;
    for (std::size_t i = 0; i < searches.size(); ++i) {
        const Domain* const domain =
            shown[i] ? topology.domain_of(searches[i].forest->name, *shown[i]) : nullptr;
        if (domain == nullptr || domain->name.is_configuration())
            continue;
        Search check;
        check.base.dn = *shown[i];
        check.scope = Scope::base;
        check.filter = searches[i].filter;
        check.attributes = searches[i].attributes;
        checked.push_back(i);
        checks.push_back({domain, std::move(check)});
    }
    auto answers = search_domains(checks, sessions);
    std::vector<std::optional<ForestHit>> hits(searches.size());
    for (std::size_t i = 0; i < checked.size(); ++i)
        if (answers[i].complete() && answers[i].entries.size() == 1)
            hits[checked[i]] = ForestHit{checks[i].domain, std::move(answers[i])};
    return hits;
}

} // namespace scp
