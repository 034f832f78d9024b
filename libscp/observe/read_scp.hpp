#pragma once

#include "directory/directory.hpp"
#include "forest/topology.hpp"
#include "observe/observation.hpp"

#include <span>

namespace scp {

/// Each rule's: it has all of the keywords.
[[nodiscard]] std::vector<Filter> keywords_filters(std::span<const Rule> rules);

/// What is asked of an SCP: all that any rule copies, what tells its identity, version and owner,
/// and the marker.
[[nodiscard]] std::vector<std::string> scp_attributes(std::span<const Rule> rules,
                                                      const std::string& marker_attribute);

/// nullopt where the entry shows no GUID: without one nothing can be paired.
[[nodiscard]] std::optional<Scp> read_scp(const Entry& entry, const Domain& domain,
                                          std::span<const Rule> rules,
                                          const std::string& marker_attribute);

} // namespace scp
