#pragma once

#include "base/time.hpp"

#include <chrono>
#include <ctime>
#include <optional>

namespace scp {

/// CLOCK_BOOTTIME: no step of the wall clock moves it, and unlike CLOCK_MONOTONIC it goes on while
/// the machine is suspended, so that what was due meanwhile is due at once after it.
struct BootClock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<BootClock>;
    static constexpr bool is_steady = true;

    [[nodiscard]] static time_point now() noexcept {
        timespec time{};
        clock_gettime(CLOCK_BOOTTIME, &time); // cannot fail: Linux has it since 2.6.39
        return time_point(std::chrono::seconds{time.tv_sec} +
                          std::chrono::nanoseconds{time.tv_nsec});
    }
};

/// The wall clock, for people to read.
[[nodiscard]] inline Timestamp now_to_the_second() {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

/// Whether somebody set the wall clock: then it has gone on by more or less than BootClock, which
/// is slewed with it. Pure but for now().
class WatchedWallClock {
  public:
    /// The wall clock, looked at.
    [[nodiscard]] Timestamp now() {
        return look(std::chrono::system_clock::now(), BootClock::now());
    }
    Timestamp look(std::chrono::system_clock::time_point wall, BootClock::time_point boot) {
        const auto offset = wall.time_since_epoch() - boot.time_since_epoch();
        if (offset_ && std::chrono::abs(offset - *offset_) > tolerance)
            set_at_ = std::chrono::floor<std::chrono::seconds>(wall);
        offset_ = offset;
        return std::chrono::floor<std::chrono::seconds>(wall);
    }
    /// When the last step was seen, by the clock as it is since; nullopt: none between two looks.
    [[nodiscard]] std::optional<Timestamp> set_at() const { return set_at_; }

  private:
    /// A leap second, and a thread that waits for its turn between the two clocks.
    static constexpr std::chrono::seconds tolerance{2};
    std::optional<std::chrono::nanoseconds> offset_;
    std::optional<Timestamp> set_at_;
};

} // namespace scp
