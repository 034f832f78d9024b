#pragma once

#include "cycle.hpp"
#include "forest/sessions.hpp"
#include "scpctl/preflight.hpp"

namespace scp {

/// All the I/O of preflight beyond one dry cycle over `rules`, whose `report` this is: clocks, and
/// the rights on the containers that copies go to. Writes nothing. `report.topology` was probed.
[[nodiscard]] PreflightFacts gather_preflight(const CycleReport& report,
                                              const std::vector<Rule>& rules, Sessions& sessions,
                                              Timestamp now);

} // namespace scp
