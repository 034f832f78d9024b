#pragma once

#include "directory/directory.hpp"

#include <atomic>
#include <chrono>

namespace scp {

/// When the cycle that runs last got on with its work. CLOCK_MONOTONIC, as systemd's watchdog: the
/// time of a suspended machine does not count.
class Pulse {
  public:
    using Time = std::chrono::steady_clock::time_point;
    void beat(Time now = std::chrono::steady_clock::now()) { last_ = now; }
    [[nodiscard]] Time last() const { return last_; }

  private:
    std::atomic<Time> last_{std::chrono::steady_clock::now()};
};

/// The same sessions; each call that has ended, well or not, is a beat. Every call ends within the
/// time-outs of the settings (Directory), so silence for longer than they allow means that a worker
/// hangs.
class PulsingConnector : public Connector {
  public:
    PulsingConnector(Connector& connector, Pulse& pulse) : connector_(connector), pulse_(pulse) {}
    [[nodiscard]] Result<std::unique_ptr<Directory>> connect(const Endpoint& endpoint,
                                                             std::stop_token stop) override;
    [[nodiscard]] Result<std::vector<LocatedServer>> locate(const LocateRequest& wanted) override;

  private:
    Connector& connector_;
    Pulse& pulse_;
};

} // namespace scp
