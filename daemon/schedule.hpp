#pragma once

#include "daemon/clocks.hpp"
#include "settings/settings.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace scp {

/// When the next cycle begins. Pure: the clock comes in with each call. It is BootClock: a step of
/// the wall clock does no harm, and what came due while the machine was suspended is due after it.
class Schedule {
  public:
    using Time = BootClock::time_point;

    /// The first cycle is due at `now`.
    Schedule(const DaemonSettings& settings, Time now);

    void use(const DaemonSettings& settings) { settings_ = settings; }
    /// Somebody says: look again. Many in a row are gathered (debounce), but not for longer than
    /// max_wait.
    void changed(Time now);
    /// A person or new settings ask for a cycle: no waiting.
    void asked(Time now, std::string why);
    void cycle_began();
    /// `again`: something failed that may go well if tried again; such cycles back off, up to
    /// resync.
    void cycle_ended(Time now, bool again);

    /// nullopt while a cycle runs.
    [[nodiscard]] std::optional<Time> due() const;
    /// What the next cycle is due to: start, change, resync, retry, or what was asked.
    [[nodiscard]] std::string trigger() const;

  private:
    DaemonSettings settings_;
    bool running_ = false;
    Time next_resync_;
    std::optional<Time> first_change_, last_change_, asked_, retry_;
    std::string why_ = "start";
    int failures_ = 0;
};

/// 1s, 2s, 4s … up to `longest`; `failures` counts from 1. For reconnecting too.
[[nodiscard]] std::chrono::milliseconds back_off(int failures, std::chrono::milliseconds longest);

} // namespace scp
