#pragma once

#include "base/time.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

namespace scp {

/// The instant by which something must have ended.
class Deadline {
  public:
    using Clock = std::chrono::steady_clock;
    explicit Deadline(std::chrono::milliseconds from_now)
        : at_(Clock::now() + from_now), allowed_(from_now) {}
    explicit Deadline(Clock::time_point at) : at_(at) {}
    [[nodiscard]] bool passed() const { return Clock::now() >= at_; }
    [[nodiscard]] Clock::time_point at() const { return at_; }
    [[nodiscard]] std::chrono::milliseconds left() const {
        return std::chrono::milliseconds(left_ms(std::numeric_limits<int>::max()));
    }
    /// For poll(): what is left, at least 0, at most `most`, rounded up.
    [[nodiscard]] int left_ms(int most) const {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(at_ - Clock::now()).count();
        return static_cast<int>(std::clamp<long long>(left, 0, most));
    }

    /// What came between was waited for on another account.
    void put_off(Clock::duration by) { at_ += by; }

    /// What there was in all; 0 where the instant was given.
    [[nodiscard]] std::chrono::milliseconds allowed() const { return allowed_; }

  private:
    Clock::time_point at_;
    std::chrono::milliseconds allowed_{0};
};

/// For a message; with the time there was, where it is known.
inline std::string no_answer_in_time(std::chrono::milliseconds allowed) {
    return allowed.count() > 0 ? "no answer in time (" + to_duration(allowed) + ")"
                               : "no answer in time";
}

/// How long any wait goes on before it looks at its stop token again.
inline constexpr int stop_check_ms = 100;

/// Runs `work`, which may block for longer than we want to wait (getaddrinfo, a resolver, libkrb5),
/// on a thread of its own. nullopt when the deadline passed or stop was asked for first: then the
/// thread is left to end by itself; `work` must therefore own all it touches.
template <class Work>
auto run_abandonable(Work work, Deadline deadline, const std::stop_token& stop) {
    using Value = decltype(work());
    struct State {
        std::mutex mutex;
        std::condition_variable done;
        std::optional<Value> value;
    };
    // shared: whichever of the two ends last frees it.
    auto state = std::make_shared<State>();
    std::thread([state, work = std::move(work)]() mutable {
        Value value = work();
        std::lock_guard lock(state->mutex);
        state->value.emplace(std::move(value));
        state->done.notify_one();
    }).detach();
    std::unique_lock lock(state->mutex);
    while (!state->value && !deadline.passed() && !stop.stop_requested()) {
        state->done.wait_for(lock, std::chrono::milliseconds(deadline.left_ms(stop_check_ms)));
    }
    return std::move(state->value);
}

} // namespace scp
