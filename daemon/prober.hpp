#pragma once

#include "daemon/mailbox.hpp"
#include "daemon/retired_threads.hpp"
#include "directory/directory.hpp"
#include "settings/settings.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <thread>

namespace scp {

/// How long a probe waits before it tries again.
struct ProbeWaits {
    std::chrono::milliseconds longest{60'000}; ///< bound of the back-off
    /// After a refused log-in, from the first time on: each counts towards the account's lockout.
    std::chrono::milliseconds refused{300'000};
};

/// Domains that did not answer in the last cycle, each tried again and again by a thread of its
/// own, outside the cycle, so that no black hole delays the others. Says DomainIsBack.
class Prober {
  public:
    Prober(Connector& connector, Mailbox& mailbox, ProbeWaits waits = {});

    /// Starts probing, or leaves a running probe alone.
    void probe(const DomainKey& domain, const Error& why, std::shared_ptr<const Settings> settings);
    /// A cycle has read it to the end: forget how often it failed.
    void forget(const DomainKey& domain);
    /// The domain answered; it is no longer taken as down, but its failures still count.
    void came_back(const DomainKey& domain);
    /// Asks all to stop, and does not wait for them.
    void stop_all();
    /// Those that a cycle takes as down, and why.
    [[nodiscard]] std::map<DomainKey, Error> down() const;

  private:
    struct Probe {
        Error why;
        int failures = 0;
        bool is_down = false;
        std::jthread thread;
    };
    Connector& connector_;
    Mailbox& mailbox_;
    ProbeWaits waits_;
    std::map<DomainKey, Probe> probes_;
    RetiredThreads retired_;
};

} // namespace scp
