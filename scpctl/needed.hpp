#pragma once

#include "observe/observation.hpp"
#include "forest/topology.hpp"
#include "settings/settings.hpp"

#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>

namespace scp {

/// Forest and domain.
using DomainKey = std::pair<std::string, DomainName>;

/// The domains that the rules need: where their sources may be, where their accounts live, and the other targets.
[[nodiscard]] std::set<DomainKey> needed_domains(std::span<const Rule> rules, const Topology& topology,
                                                 const Observation& observation);

/// ErrorKind::incomplete, naming them, where one of these domains was not read to a proved end, or where a forest that
/// the rules need could not be read at all.
[[nodiscard]] std::optional<Error> needed_but_incomplete(std::span<const Rule> rules, const Topology& topology,
                                                         const Observation& observation);

} // namespace scp
