#pragma once

#include "scpctl/context.hpp"
#include "scpctl/daemon.hpp"

#include <functional>
#include <string>
#include <vector>

namespace scp {

/// The rule of the settings of that name, as it is written there. ErrorKind::usage where there is
/// none: a slip of the pen must not leave a rule running.
[[nodiscard]] Result<std::string> check_rule_name(Context& context, const std::string& name);

/// What pause, resume or approve asks for: a change of the state file, which the daemon makes where
/// it runs.
struct StateWish {
    std::function<bool(HostState&)> change; ///< as StateFile::update takes it
    std::string method;                     ///< of the daemon, with these arguments
    std::vector<std::string> arguments;
    std::string done;
    std::string already; ///< said where nothing had to be changed
};

/// By the daemon, and prints what came of it, as text or as a scpd.state/1 document. The exit code:
/// 0; an Error where it refuses or fails.
[[nodiscard]] Result<Exit> change_by_daemon(Context& context, RunningDaemon& daemon,
                                            const StateWish& wish);
/// In the file itself, with the same words. 0, or 5 where it could not be read or written.
[[nodiscard]] Result<Exit> change_host_state(Context& context, const StateWish& wish);

} // namespace scp
