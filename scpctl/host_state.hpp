#pragma once

#include "scpctl/context.hpp"

#include <functional>
#include <string>

namespace scp {

/// The rule of the settings of that name, as it is written there. ErrorKind::usage where there is
/// none: a slip of the pen must not leave a rule running.
[[nodiscard]] Result<std::string> check_rule_name(Context& context, const std::string& name);

/// Changes the pauses and approvals of this host and prints what came of it, as text (`done`, or
/// `already` where nothing had to be changed) or as a scpd.state/1 document. The exit code: 0, or 5
/// where they could not be read or written.
[[nodiscard]] Result<Exit> change_host_state(Context& context,
                                             const std::function<bool(HostState&)>& change,
                                             const std::string& done, const std::string& already);

} // namespace scp
