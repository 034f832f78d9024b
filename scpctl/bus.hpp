#pragma once

#include "base/result.hpp"

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

namespace scp {

/// The scpd that runs on this host.
class RunningDaemon {
  public:
    RunningDaemon() = default;
    RunningDaemon(const RunningDaemon&) = delete;
    RunningDaemon& operator=(const RunningDaemon&) = delete;
    virtual ~RunningDaemon() = default;

    /// scpd.status/1, as text. ErrorKind::refused where the caller may not read it.
    [[nodiscard]] virtual Result<std::string> status() = 0;
    /// Resync, Pause, Resume, Reload, Approve. ErrorKind::refused where the caller may not, else
    /// what scpd says. `may_ask`: polkit may ask for a password, where it has an agent.
    [[nodiscard]] virtual Result<void>
    act(const std::string& method, const std::vector<std::string>& arguments, bool may_ask) = 0;
    struct Ears {
        std::function<void()> on_ready;                   ///< nothing is missed from here on
        std::function<bool(const std::string&)> on_event; ///< scpd.event/1; false: no more
        std::function<void(bool)> on_turn; ///< scpd has gone (false), or is there again (true)
    };
    /// Events as they come. ErrorKind::unreachable where the bus itself goes.
    [[nodiscard]] virtual Result<void> follow(const Ears& ears) = 0;
};

/// ErrorKind::unreachable where none runs, or there is no bus. Every wait ends when `stop` is asked
/// for (ErrorKind::interrupted).
[[nodiscard]] Result<std::unique_ptr<RunningDaemon>> find_running_daemon(std::stop_token stop);

} // namespace scp
