#pragma once

#include "daemon/pulse.hpp"
#include "settings/settings.hpp"

#include <chrono>
#include <functional>
#include <memory>

struct sd_event;
struct sd_event_source;

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
    static int on_tick(sd_event_source*, std::uint64_t, void* self);

    struct Release {
        void operator()(sd_event_source* source) const;
    };
    Silence silence_;
    std::chrono::microseconds interval_{0};
    std::unique_ptr<sd_event_source, Release> timer_;
    bool told_ = false;
};

} // namespace scp
