#pragma once

#include "base/result.hpp"
#include "daemon/mailbox.hpp"

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <stop_token>
#include <thread>

namespace scp {

/// What people ask for and what may block (a locked file, a slow directory), done one after the
/// other on a thread of its own. What comes of it is told on the main thread.
class Errands {
  public:
    using Work = std::function<Result<void>(const std::stop_token&)>; ///< on the thread
    using Then = std::function<void(Result<void>)>;                   ///< on the main thread

    explicit Errands(Mailbox& mailbox);
    ~Errands();
    Errands(const Errands&) = delete;
    Errands& operator=(const Errands&) = delete;

    void run(Work work, Then then);
    /// One of these has come by mail; false where it is not one of ours.
    bool finish(const ErrandDone& done);

  private:
    struct Errand {
        std::uint64_t id = 0;
        Work work;
    };
    void serve(const std::stop_token& stop);

    Mailbox& mailbox_;
    std::map<std::uint64_t, Then> then_; ///< used by the main thread alone
    std::mutex lock_;
    std::condition_variable_any more_;
    std::deque<Errand> errands_;
    std::jthread thread_; ///< from the first errand on
};

} // namespace scp
