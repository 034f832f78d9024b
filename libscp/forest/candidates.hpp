#pragma once

#include "directory/directory.hpp"
#include "forest/server_memory.hpp"
#include "forest/topology.hpp"
#include "settings/settings.hpp"

#include <map>
#include <memory>
#include <stop_token>
#include <vector>

// Which servers are tried, and in which order.

namespace scp {

/// A server that may be tried; once it was, a session or an error says what came of it.
struct Candidate {
    DomainName domain; ///< whose log-in it takes (empty: not known yet)
    LocatedServer at;
    bool named = false; ///< by the settings
    std::unique_ptr<Directory> session;
    std::optional<Error> error;

    [[nodiscard]] bool tried() const { return session || error; }
};
using Candidates = std::vector<Candidate>;

/// What DNS has for a domain, as the forest's settings want it to be reached.
[[nodiscard]] Result<Candidates> located_servers(const ForestSettings& forest,
                                                 const DomainName& domain, Connector& connector);

/// Servers of the settings, and by DNS those of the forest's root where the settings name none.
/// Domains in `down` are left out. Fails where there is none, with what DNS answered or why the
/// root is down.
[[nodiscard]] Result<Candidates> candidate_servers(const ForestSettings& forest,
                                                   const std::map<DomainKey, Error>& down,
                                                   Connector& connector);

/// How a server of the domain is reached and logged in to; to read or write a Configuration NC, as
/// those of the forest's root.
[[nodiscard]] Endpoint endpoint_of(const ForestSettings& forest, const DomainName& domain,
                                   ServerUri uri);

/// Opens a session, unless it was tried before, and remembers a failure.
void try_candidate(Candidate& candidate, const ForestSettings& forest, Connector& connector,
                   ServerMemory& memory, const std::stop_token& stop);

/// Positions in the order of trying (ServerMemory::in_order).
[[nodiscard]] std::vector<std::size_t>
order_of_trying(const DomainKey& domain, const Candidates& candidates, const ServerMemory& memory);

} // namespace scp
