#pragma once

#include "observe/observation.hpp"

#include <compare>
#include <string>
#include <string_view>
#include <vector>

namespace scp {

/// RDN value and keyword set, both without case, the set without order: what an agent's filter asks
/// for. A rule's match looks at nothing else, so SCPs of one identity are matched by the same
/// rules.
struct Identity {
    std::string name;
    std::vector<std::string> keywords; ///< sorted, each once
    friend auto operator<=>(const Identity&, const Identity&) = default;
};

/// An RDN value as identities have it: without case, and of a replication conflict object the name
/// that it had before the server renamed it.
[[nodiscard]] std::string identity_name(std::string_view rdn_value);
/// Of a replication conflict object, the identity that it had before the server renamed it.
[[nodiscard]] Identity identity_of(const Scp& scp);

/// All of the rule's keywords are there and the name fits. Says nothing of trust or markers.
[[nodiscard]] bool matches(const Rule& rule, const Identity& identity);

} // namespace scp
