#include "observe/proved_end.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace scp {

std::optional<Error> unknown_reference(const Found& found, const Forest& forest,
                                       const Directory& server) {
    for (const auto& reference : found.references) {
        const bool known =
            reference.dn && std::ranges::find(forest.naming_contexts, *reference.dn) !=
                                forest.naming_contexts.end();
        if (!known)
            return Error{
                ErrorKind::incomplete,
                fmt::format("{} refers to {}, which is no naming context of the forest",
                            server.server(), printable(reference.uri)),
                "a part of the domain is served elsewhere; nothing is concluded from this read", 0};
    }
    return std::nullopt;
}

std::optional<Error> known_objects_missing(const Domain& domain, Directory& server) {
    std::vector<Dn> known{domain.nc};
    if (server.takes_guid_names())
        known.push_back(
            domain.nc.child("CN", domain.name.is_configuration() ? "Services" : "System"));
    for (const auto& dn : known) {
        Search search;
        search.base.dn = dn;
        search.scope = Scope::base;
        search.attributes = {"objectClass"};
        const Found found = server.search(search);
        if (!found.complete())
            return found.incomplete;
        if (found.entries.empty())
            return Error{
                ErrorKind::incomplete,
                fmt::format(
                    "{} does not show {}: the read right was lost, or it serves another domain",
                    server.server(), printable(dn.text())),
                "let the account read the domain, as every authenticated user may by default", 0};
    }
    return std::nullopt;
}

} // namespace scp
