#pragma once

#include "directory/directory.hpp"
#include "forest/topology.hpp"

#include <optional>

// What a search needs besides success, before anything may be concluded from what is absent in it.

namespace scp {

/// A reference into a naming context that is read by itself loses nothing; any other might hide
/// what we look for.
[[nodiscard]] std::optional<Error> unknown_reference(const Found& found, const Forest& forest,
                                                     const Directory& server);

/// Success without entries can mean a lost right: the domain itself and CN=System must be seen.
[[nodiscard]] std::optional<Error> known_objects_missing(const Domain& domain, Directory& server);

} // namespace scp
