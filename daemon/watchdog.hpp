#pragma once

#include "daemon/pulse.hpp"
#include "daemon/timer.hpp"
#include "settings/settings.hpp"

#include <chrono>
#include <functional>
#include <memory>

struct sd_event;

namespace scp {

/// How long the worker of a running cycle may be silent: twice what the settings give the slowest
/// call to a server (connecting and one operation), and ten seconds for what is done between two
/// calls: planning, and writing the history to the disk. Pure.
[[nodiscard]] std::chrono::milliseconds allowed_silence(const Settings& settings);

/// Tells systemd's watchdog (WatchdogSec=) that all is well, while it is so: the event loop turns,
/// and while a cycle runs, its worker has got on with it within allowed_silence(). A loop or a
/// worker that hangs ends the feeding, and systemd restarts scpd. Does nothing where no watchdog
/// waits.
class Watchdog {
  public:
    /// How long the cycle that runs has been silent beyond what is allowed; zero where none runs
    /// or all is well. Asked on the event loop.
    using Silence = std::function<std::chrono::milliseconds()>;

    Watchdog(sd_event* event, Silence silence);
    ~Watchdog();
    Watchdog(const Watchdog&) = delete;
    Watchdog& operator=(const Watchdog&) = delete;

  private:
    void tick();

    Silence silence_;
    std::chrono::microseconds interval_{0};
    std::unique_ptr<Timer> timer_; ///< null: no watchdog waits
    bool told_ = false;
};

} // namespace scp
