#pragma once

#include "directory/directory.hpp"
#include "forest/sessions.hpp"
#include "observe/observation.hpp"
#include "plan/rule_view.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace scp {

/// An SCP with all that was readable of it.
struct FoundScp {
    Scp scp;
    Entry entry;
};

struct Lookup {
    std::vector<FoundScp> found;           ///< sorted by forest, domain, DN
    std::map<DomainRef, Error> incomplete; ///< domains that were not searched to a proved end
};

/// How a person names one SCP: a GUID, a DN, or else its name (cn).
struct ScpName {
    enum class Kind { guid, dn, name };
    Kind kind = Kind::name;
    Guid guid;
    Dn dn;
    std::string name;
};
/// ErrorKind::usage where it holds what no name can.
[[nodiscard]] Result<ScpName> parse_scp_name(std::string_view option, const std::string& text);

/// SCPs (with those of subclasses) that match `filter`, in every domain of the topology at once.
[[nodiscard]] Lookup find_scps(const Topology& topology, Sessions& sessions, const Filter& filter);
/// Those of that name; a DN is looked for in its own domain alone.
[[nodiscard]] Lookup find_scps(const Topology& topology, Sessions& sessions, const ScpName& name);

/// By objectGUID or entryUUID.
[[nodiscard]] Filter has_guid(const Guid& guid);

/// The first error of an incomplete lookup, naming its domain.
[[nodiscard]] std::optional<Error> first_incomplete(const Lookup& lookup);

/// Domains of that DNS name. ErrorKind::usage, with a suggestion, where there is none or several.
[[nodiscard]] Result<const Domain*> find_domain(const Topology& topology, const std::string& name);

} // namespace scp
