#pragma once

#include "forest/sessions.hpp"
#include "observe/observation.hpp"

#include <set>
#include <span>

namespace scp {

/// (c): looks for each source that a marker names by GUID in its origin, pipelined, all domains at
/// once. Sorted as `sources`. Where two forests have a domain of that name, it is gone only if it
/// is gone from both.
[[nodiscard]] std::vector<SourceFate>
read_fates(const std::set<std::pair<Guid, DomainName>>& sources, const Topology& topology,
           const Observation& seen, Sessions& sessions, std::span<const Rule> rules);

} // namespace scp
