#pragma once

#include "forest/sessions.hpp"
#include "observe/search_domains.hpp"

#include <optional>
#include <span>

namespace scp {

/// The one object of a forest that a filter is to find.
struct ForestSearch {
    const Forest* forest = nullptr;
    Filter filter; ///< of attributes that every global catalog has (userPrincipalName, objectSid)
    std::vector<std::string> attributes;
};

/// Where it was found.
struct ForestHit {
    const Domain* domain = nullptr;
    Found found; ///< the object, as its own domain shows it
};

/// The settings let the forest's global catalog be asked.
[[nodiscard]] bool may_ask_catalog(const Settings& settings, const std::string& forest);

/// One search of a global catalog in place of one of each domain, where a forest has several. A
/// catalog lags, so it is only told where to look: its one hit is read again in its own domain, by
/// the same filter, and what is not there, or does not match there, is no hit. Nor is anything that
/// a catalog shows twice, and nothing at all is concluded from what it does not show: without a hit
/// every domain has to be searched. In the order asked.
///
/// The read of SCPs asks every domain all the same: msDS-Settings, and with it our markers, are in
/// no catalog, and absence there would prove nothing.
[[nodiscard]] std::vector<std::optional<ForestHit>>
find_in_catalogs(const Topology& topology, Sessions& sessions,
                 std::span<const ForestSearch> searches);

} // namespace scp
