#pragma once

#include "base/guid.hpp"
#include "base/time.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace scp {

/// The newest originating change of any of `attributes` in a replPropertyMetaData blob
/// ([MS-DRSR] 5.166 PROPERTY_META_DATA_VECTOR). The RDN counts as `name`. Attributes outside the
/// base schema that SCPs use have no fixed number and do not count. nullopt where the blob is
/// malformed or none of them was ever written.
[[nodiscard]] std::optional<Timestamp> newest_change(std::string_view blob,
                                                     std::span<const std::string> attributes);

/// When one attribute was last written, and by which DC.
struct AttributeChange {
    std::string attribute; ///< its number (0x00090030) where it is none of those that SCPs use
    std::uint32_t version = 0;
    std::optional<Timestamp> time; ///< nullopt where it is out of range
    Guid dc;                       ///< invocationId of the DC that the change was made at
};
/// All records of the blob, in its order; empty where it is malformed.
[[nodiscard]] std::vector<AttributeChange> attribute_changes(std::string_view blob);

} // namespace scp
