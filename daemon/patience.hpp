#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>

namespace scp {

/// Waits for `duration`, or until asked to stop; true where it was the latter.
inline bool wait_or_stop(const std::stop_token& stop, std::chrono::milliseconds duration) {
    std::mutex lock;
    std::unique_lock guard(lock);
    std::condition_variable_any never;
    never.wait_for(guard, stop, duration, [] { return false; });
    return stop.stop_requested();
}

} // namespace scp
