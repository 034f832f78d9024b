#pragma once

#include "daemon/domain_watch.hpp"
#include "daemon/retired_threads.hpp"

#include <map>
#include <thread>
#include <vector>

namespace scp {

/// A thread for each domain's watch.
class Watchers {
  public:
    Watchers(Connector& connector, Mailbox& mailbox);
    /// Watches these too; those that are watched already go on, also while their domain is down.
    void follow(const std::vector<WatchTarget>& targets, const DaemonSettings& settings);
    /// Asks all to stop, and does not wait for them.
    void stop_all();

  private:
    struct Watch {
        WatchTarget target;
        std::jthread thread;
    };
    void watch_until(const std::stop_token& stop, const WatchTarget& target,
                     const DaemonSettings& settings);

    Connector& connector_;
    Mailbox& mailbox_;
    std::map<DomainKey, Watch> watches_;
    RetiredThreads retired_;
};

} // namespace scp
