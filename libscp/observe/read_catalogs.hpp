#pragma once

#include "forest/sessions.hpp"
#include "observe/observation.hpp"

#include <span>

namespace scp {

/// Asks the global catalogs about the domains that were not read whole, all forests at once, and
/// nobody where all were. A forest whose settings turn its catalog off has no views. Sorted as
/// `domains`.
[[nodiscard]] std::vector<CatalogView> read_catalogs(const Topology& topology,
                                                     std::span<const DomainView> domains,
                                                     Sessions& sessions,
                                                     std::span<const Rule> rules);

} // namespace scp
