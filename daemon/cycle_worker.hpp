#pragma once

#include "daemon/clocks.hpp"
#include "daemon/mailbox.hpp"
#include "daemon/pulse.hpp"
#include "directory/observed.hpp"
#include "forest/server_memory.hpp"
#include "history/state.hpp"
#include "plan/plan.hpp"
#include "settings/settings.hpp"

#include <filesystem>
#include <map>
#include <memory>
#include <thread>

namespace scp {

/// Runs one cycle at a time on a thread of its own and posts CycleDone.
class CycleWorker {
  public:
    /// `pulse` beats while a cycle gets on with its work.
    CycleWorker(Connector& connector, Mailbox& mailbox, Pulse& pulse,
                std::filesystem::path history_dir, StateFile state);

    /// `down`: domains that are being probed; the cycle takes them as incomplete at once.
    void start(std::shared_ptr<const Settings> settings, std::map<DomainKey, Error> down);
    /// What is in flight finishes or is left untouched; returns without waiting.
    void request_stop();

  private:
    void run(std::stop_token stop, const Settings& settings,
             const std::map<DomainKey, Error>& down);

    Pulse& pulse_;
    ObservedConnector connector_;
    Mailbox& mailbox_;
    std::filesystem::path history_dir_;
    StateFile state_;
    std::unique_ptr<History> history_; ///< used by the thread alone, as the next one
    ServerMemory servers_;
    Confirmations confirmations_; ///< in memory only: from zero after a restart
    Replicas replicas_;           ///< likewise
    WatchedWallClock clock_;      ///< likewise
    RetiredBefore retired_;       ///< likewise
    std::jthread thread_;
};

} // namespace scp
