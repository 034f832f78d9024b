#include "forest/replication_lag.hpp"

#include "base/text.hpp"

#include <algorithm>

namespace scp {
namespace {

constexpr std::size_t last_success_at = 16; // timeLastSuccess, a DSTIME: seconds from 1601
constexpr std::size_t least_size = 36;      // up to ulResultThisSync
constexpr std::uint64_t from_1601_to_1970 = 11'644'473'600;
constexpr std::uint64_t to_9999 = from_1601_to_1970 + 253'402'300'799;

} // namespace

std::optional<std::chrono::seconds> replication_lag(const Values& reps_from, Timestamp now) {
    std::optional<std::chrono::seconds> lag;
    for (const auto& value : reps_from) {
        if (value.size() < least_size)
            continue;
        const auto version = little_endian(value, 0, 4);
        const auto time = little_endian(value, last_success_at, 8);
        // Never, or no time at all: nothing is known of this one.
        if (version < 1 || version > 2 || time <= from_1601_to_1970 || time > to_9999)
            continue;
        const auto since =
            now.time_since_epoch() -
            std::chrono::seconds{static_cast<std::int64_t>(time - from_1601_to_1970)};
        lag = std::max(std::min(lag.value_or(since), since), std::chrono::seconds{0});
    }
    return lag;
}

} // namespace scp
