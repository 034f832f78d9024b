#include "observe/observe.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace scp {
namespace {

std::map<Dn, Found> look_at(const std::set<Dn>& objects, Directory& server) {
    std::vector<Search> searches;
    for (const auto& dn : objects) {
        Search search;
        search.base.dn = dn;
        search.scope = Scope::base;
        search.attributes = {"objectClass", "objectGUID", "entryUUID"};
        searches.push_back(std::move(search));
    }
    auto answers = server.search_all(searches);
    std::map<Dn, Found> found;
    for (std::size_t i = 0; i < searches.size(); ++i)
        found.emplace(searches[i].base.dn, std::move(answers[i]));
    return found;
}

/// What lies between the domain and the object, the innermost first.
std::vector<Dn> parents_of(const Dn& dn, const Domain& domain) {
    std::vector<Dn> parents;
    for (Dn parent = dn.parent(); parent.depth() > domain.nc.depth(); parent = parent.parent())
        parents.push_back(parent);
    return parents;
}

void note_occupant(PlaceView& view, const Found& at) {
    if (!at.complete()) {
        view.error = at.incomplete;
    } else if (!at.entries.empty()) {
        view.occupant = guid_of(at.entries.front().attributes).value_or(Guid());
        view.occupant_dn = at.entries.front().dn;
    }
}

void note_missing_parents(PlaceView& view, const Domain& domain,
                          const std::map<Dn, Found>& around) {
    for (const auto& parent : parents_of(view.place.dn, domain)) {
        const Found& above = around.at(parent);
        if (!above.complete()) {
            view.error = above.incomplete;
            return;
        }
        if (!above.entries.empty())
            return;
        view.missing_parents.insert(view.missing_parents.begin(), parent);
    }
}

/// All places of one domain: first who is there, then, where nobody is, what is above.
void look_at_places(std::span<PlaceView> views, const Domain& domain, Directory& server) {
    const auto is_free = [](const PlaceView& view) { return !view.error && !view.occupant; };
    std::set<Dn> places;
    for (const auto& view : views)
        places.insert(view.place.dn);
    const auto taken = look_at(places, server);
    std::set<Dn> above;
    for (auto& view : views) {
        note_occupant(view, taken.at(view.place.dn));
        if (is_free(view))
            for (auto& parent : parents_of(view.place.dn, domain))
                above.insert(std::move(parent));
    }
    const auto around = look_at(above, server);
    for (auto& view : views)
        if (is_free(view))
            note_missing_parents(view, domain, around);
}

} // namespace

std::vector<PlaceView> observe_places(const Topology& topology, Sessions& sessions,
                                      const std::vector<Place>& places) {
    std::vector<PlaceView> views;
    for (const auto& place : places) {
        views.emplace_back();
        views.back().place = place;
    }
    std::ranges::sort(views, {}, &PlaceView::place);
    std::vector<std::span<PlaceView>> by_domain; // a place sorts by its domain first
    for (auto first = views.begin(); first != views.end();) {
        const auto last = std::find_if(first, views.end(), [&](const PlaceView& view) {
            return view.place.forest != first->place.forest ||
                   view.place.domain != first->place.domain;
        });
        by_domain.emplace_back(first, last);
        first = last;
    }
    run_parallel(by_domain.size(), static_cast<std::size_t>(sessions.settings().daemon.workers),
                 [&](std::size_t i) {
                     const Place& any = by_domain[i].front().place;
                     const auto session = sessions.reader(any.forest, any.domain);
                     const Domain* const domain = topology.find(any.forest, any.domain);
                     if (session && domain != nullptr)
                         return look_at_places(by_domain[i], *domain, **session);
                     for (auto& view : by_domain[i])
                         view.error =
                             session ? Error{ErrorKind::not_found, "the domain is unknown", "", 0}
                                     : session.error();
                 });
    return views;
}

} // namespace scp
