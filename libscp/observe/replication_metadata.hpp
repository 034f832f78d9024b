#pragma once

#include "base/time.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace scp {

/// The newest originating change of any of `attributes` in a replPropertyMetaData blob
/// ([MS-DRSR] 5.166 PROPERTY_META_DATA_VECTOR). The RDN counts as `name`. Attributes outside the
/// base schema that SCPs use have no fixed number and do not count. nullopt where the blob is
/// malformed or none of them was ever written.
[[nodiscard]] std::optional<Timestamp> newest_change(std::string_view blob,
                                                     std::span<const std::string> attributes);

} // namespace scp
