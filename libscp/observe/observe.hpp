#pragma once

#include "forest/sessions.hpp"
#include "observe/observation.hpp"

#include <span>

namespace scp {

/// DESIGN.md "observe" (a) to (c), the accounts, and what global catalogs show of the domains that
/// were not read whole. All domains at once; never fails as a whole.
[[nodiscard]] Observation observe(const Topology& topology, Sessions& sessions,
                                  std::span<const Rule> rules);

/// (d): looks at the DNs where copies would be created.
[[nodiscard]] std::vector<PlaceView> observe_places(const Topology& topology, Sessions& sessions,
                                                    const std::vector<Place>& places);

/// One account as `explain --account` asks for it.
[[nodiscard]] ResolvedAccount resolve_account(const Topology& topology, Sessions& sessions,
                                              const AccountQuery& query);

} // namespace scp
