#pragma once

#include "scpctl/bus.hpp"
#include "scpctl/context.hpp"

#include <memory>
#include <string>
#include <vector>

namespace scp {

/// Its scpd.status/1.
[[nodiscard]] Result<Json> read_status(RunningDaemon& daemon);

/// The scpd that is to be asked instead of doing it oneself; null where none runs, or where -c or
/// $SCPD_CONFIG names the settings of another instance, which is remarked.
[[nodiscard]] std::unique_ptr<RunningDaemon> daemon_for(Context& context);

/// Has the daemon do it; polkit may ask for a password on a terminal.
[[nodiscard]] Result<void> have_done(Context& context, RunningDaemon& daemon,
                                     const std::string& method,
                                     const std::vector<std::string>& arguments);

/// The whole of a verb that only the daemon can do: says `said`, or the document scpd.request/1.
[[nodiscard]] Result<Exit> ask_daemon(Context& context, const std::string& method,
                                      const std::vector<std::string>& arguments,
                                      const std::string& said);

} // namespace scp
