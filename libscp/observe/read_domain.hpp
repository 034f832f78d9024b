#pragma once

#include "forest/sessions.hpp"
#include "observe/observation.hpp"

#include <span>

namespace scp {

/// (a) and (b) in one naming context: one search to a proved end, and a look at objects that must
/// be there.
[[nodiscard]] DomainView read_domain(const Topology& topology, const Domain& domain,
                                     Sessions& sessions, std::span<const Rule> rules);

} // namespace scp
