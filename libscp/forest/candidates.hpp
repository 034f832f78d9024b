#pragma once

#include "directory/directory.hpp"
#include "forest/topology.hpp"
#include "settings/settings.hpp"

#include <map>
#include <utility>
#include <vector>

// Which servers are tried to learn what a forest consists of.

namespace scp {

/// A server, and the domain whose log-in it takes.
using Candidate = std::pair<DomainName, ServerUri>;

[[nodiscard]] ServerUri::Scheme scheme_for(const TlsSettings& tls);

/// Servers of the settings, and by DNS those of the forest's root where the settings name none.
/// Domains in `down` are left out. Fails where there is none, with what DNS answered or why the
/// root is down.
[[nodiscard]] Result<std::vector<Candidate>>
candidate_servers(const ForestSettings& forest, const std::map<DomainKey, Error>& down,
                  Connector& connector);

} // namespace scp
