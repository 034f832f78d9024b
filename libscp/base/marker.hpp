#pragma once

#include "base/guid.hpp"
#include "base/names.hpp"
#include "base/time.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace scp {

/// When the copied attributes last changed at their origin. Compared only where both sides are of
/// one kind.
struct SourceVersion {
    enum class Kind {
        none,        ///< the server says nothing usable
        originating, ///< newest originating change from replPropertyMetaData: RFC 3339 time
        entry_csn,   ///< entryCSN of OpenLDAP: its text sorts by time
    };
    Kind kind = Kind::none;
    std::string text;

    /// True where both are of one kind and this one is strictly older.
    [[nodiscard]] bool older_than(const SourceVersion& other) const;
    friend bool operator==(const SourceVersion&, const SourceVersion&) = default;
};

/// The one value of marker.attribute (default msDS-Settings) by which a copy is known. DESIGN.md,
/// "The words". Nothing in it depends on case: AD compares it without case.
struct Marker {
    std::string instance;
    std::string rule;  ///< informational; renaming a rule is harmless
    Guid source;       ///< of the SCP this is a copy of
    DomainName origin; ///< domain of the source
    std::string sel;   ///< hash of the rule's match
    std::string attrs; ///< hash of the rule's attribute list
    std::string hash;  ///< content_hash of what was last written
    SourceVersion version;
    std::optional<Timestamp> gone;   ///< when the retire mark was set
    std::optional<Timestamp> parked; ///< when a person or the flap guard parked it

    friend bool operator==(const Marker&, const Marker&) = default;
};

inline constexpr std::string_view marker_prefix = "scpd1;";

/// True for any value that claims to be a marker, well formed or not (prefix, without case).
[[nodiscard]] bool looks_like_marker(std::string_view value);
/// nullopt where it is not well formed. Unknown fields are refused: a newer version's marker is not
/// ours to judge.
[[nodiscard]] std::optional<Marker> parse_marker(std::string_view value);
[[nodiscard]] std::string to_string(const Marker& marker);

} // namespace scp
