#pragma once

#include "scpctl/context.hpp"
#include "scpctl/lookup.hpp"

#include <string>

namespace scp {

/// An SCP that a person named to write to it, and who we are in its domain.
struct NamedObject {
    FoundScp found;
    DomainView view; ///< of its domain: what carries a marker there
};

/// ErrorKind::usage where `name` is no DN or GUID: a name (cn) is shared by a source and its
/// copies, and never enough to write by.
[[nodiscard]] Result<ScpName> check_named_object(const std::string& name);

/// ErrorKind::not_found where there is none, else why its domain could not be asked.
[[nodiscard]] Result<NamedObject> find_named_object(Context& context, const Topology& topology,
                                                    const std::string& name);

/// What --from names, by DN, GUID or a name that only one has. ErrorKind::usage where there is none
/// or several.
[[nodiscard]] Result<FoundScp> find_source(Context& context, const Topology& topology,
                                           const std::string& from);

} // namespace scp
