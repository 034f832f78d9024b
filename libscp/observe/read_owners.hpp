#pragma once

#include "forest/sessions.hpp"
#include "observe/observation.hpp"

#include <map>
#include <set>
#include <span>

namespace scp {

/// Fills `owners` and `owner_groups` where the rules' `trust.owners` or `marker.owners` name
/// anybody, from the SCPs that were seen; asks nothing where they do not.
void read_owners(const Topology& topology, Sessions& sessions, std::span<const Rule> rules,
                 Observation& seen);

/// DOMAIN\name of security principals, as far as the domains show them.
[[nodiscard]] std::map<Sid, std::string> names_of(const Topology& topology, Sessions& sessions,
                                                  const std::set<Sid>& sids);

} // namespace scp
