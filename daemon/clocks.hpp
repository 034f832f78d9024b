#pragma once

#include "base/time.hpp"

#include <chrono>
#include <ctime>

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

} // namespace scp
