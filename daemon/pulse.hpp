#pragma once

#include <atomic>
#include <chrono>

namespace scp {

/// When the cycle that runs last got on with its work: a step of it was begun, or a call to a
/// server has ended, well or not. Every call ends within the time-outs of the settings (Directory),
/// so silence for longer than they allow means that a worker hangs. CLOCK_MONOTONIC, as systemd's
/// watchdog: the time of a suspended machine does not count.
class Pulse {
  public:
    using Time = std::chrono::steady_clock::time_point;
    void beat(Time now = std::chrono::steady_clock::now()) { last_ = now; }
    [[nodiscard]] Time last() const { return last_; }

  private:
    std::atomic<Time> last_{std::chrono::steady_clock::now()};
};

} // namespace scp
