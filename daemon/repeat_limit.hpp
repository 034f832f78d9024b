#pragma once

#include "daemon/log_record.hpp"

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <vector>

namespace scp {

/// Lets the same message (with the same fields) pass so many times in a stretch of time, counts the
/// others, and tells their number when that time is over. What is below info is for developers and
/// always passes. Pure: the clock (monotonic) comes in with each call.
class RepeatLimit {
  public:
    using Time = std::chrono::steady_clock::time_point;
    static constexpr int most = 10;
    static constexpr std::chrono::minutes stretch{10};
    /// Different messages that are kept in mind at once; further ones pass.
    static constexpr std::size_t different = 2000;

    RepeatLimit();
    /// False: it is counted instead.
    [[nodiscard]] bool admit(const LogRecord& record, Time now);
    /// For each message that was held back in a stretch that is over: the last one, with how many
    /// there were. `all`: also of those that are not over.
    [[nodiscard]] std::vector<LogRecord> counts(Time now, bool all = false);
    /// When the next stretch is over in which something was held back.
    [[nodiscard]] std::optional<Time> next() const;

  private:
    using Key = std::array<char, 32>; ///< the half of a hash: as good as the message, and smaller
    struct Seen {
        Key key{};
        Time since{};
        int times = 0;
        std::unique_ptr<LogRecord> last; ///< of those that were held back
    };
    [[nodiscard]] static Key key_of(const LogRecord& record);
    std::vector<Seen> seen_; ///< in the order of keys
};

} // namespace scp
