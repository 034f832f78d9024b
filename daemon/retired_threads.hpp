#pragma once

#include <thread>

namespace scp {

/// Threads that are no longer needed end in their own time, which may be that of a server that does
/// not answer: the event loop must not wait for them.
class RetiredThreads {
  public:
    RetiredThreads() = default;
    RetiredThreads(const RetiredThreads&) = delete;
    RetiredThreads& operator=(const RetiredThreads&) = delete;
    ~RetiredThreads(); ///< waits for all

    /// Asks it to stop, and waits for it elsewhere.
    void take(std::jthread thread);

  private:
    std::jthread waiting_; ///< for the last one taken, and for the one that waits for those before
};

} // namespace scp
