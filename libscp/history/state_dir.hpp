#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include <sys/types.h>

namespace scp {

/// The value of an environment variable; empty where it is not set.
using Environment = std::function<std::string(const char* name)>;

/// Where scpd and scpctl keep what outlives them: the first directory of $STATE_DIRECTORY
/// (systemd.exec(5)), else $XDG_STATE_HOME/scpd, else /var/lib/scpd for the superuser and
/// ~/.local/state/scpd for others. Of relative paths nothing is made (XDG Base Directory
/// Specification); without any of them it is /var/lib/scpd.
[[nodiscard]] std::filesystem::path state_dir(const Environment& environment, uid_t effective_user);

/// The history where no --history names another place.
[[nodiscard]] std::filesystem::path default_history_dir(const Environment& environment,
                                                        uid_t effective_user);

/// The file of pauses and approvals (history/state.hpp).
[[nodiscard]] std::filesystem::path default_state_file(const Environment& environment,
                                                       uid_t effective_user);

/// This process's own.
[[nodiscard]] std::string process_environment(const char* name);

} // namespace scp
