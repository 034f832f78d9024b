#include "daemon/clocks.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace scp;
using namespace std::chrono_literals;

namespace {

using Wall = std::chrono::system_clock::time_point;
constexpr Wall midday = Wall{} + 20'000 * 24h + 12h;

/// After a look at midday, and another one.
std::optional<Timestamp> set_at(std::chrono::nanoseconds wall, std::chrono::nanoseconds boot) {
    WatchedWallClock clock;
    (void)clock.look(midday, BootClock::time_point{1h});
    (void)clock.look(midday + wall, BootClock::time_point{1h} + boot);
    return clock.set_at();
}

} // namespace

TEST_CASE("a wall clock that was set is noticed, one that only goes on is not") {
    struct Row {
        const char* name;
        std::chrono::nanoseconds wall, boot;
        bool was_set;
    };
    const std::vector<Row> rows{
        {"a second later", 1s, 1s, false},     {"suspended for a week", 7 * 24h, 7 * 24h, false},
        {"a leap second", 14s, 15s, false},    {"read late", 2s, 1s, false},
        {"a day ahead", 24h + 1s, 1s, true},   {"a day back", -24h, 1s, true},
        {"a few seconds ahead", 4s, 1s, true}, {"stood still", 0s, 1h, true},
    };
    for (const Row& row : rows) {
        CAPTURE(std::string(row.name));
        const auto seen = set_at(row.wall, row.boot);
        CHECK(seen.has_value() == row.was_set);
        if (seen)
            CHECK(*seen == std::chrono::floor<std::chrono::seconds>(midday + row.wall));
    }
}

TEST_CASE("the last step counts, and the first look is none") {
    WatchedWallClock clock;
    CHECK(clock.look(midday + 700ms, BootClock::time_point{1h}) ==
          std::chrono::floor<std::chrono::seconds>(midday));
    CHECK_FALSE(clock.set_at().has_value());
    (void)clock.look(midday + 24h, BootClock::time_point{1h} + 1s);
    (void)clock.look(midday + 2s, BootClock::time_point{1h} + 2s);
    const auto back = std::chrono::floor<std::chrono::seconds>(midday + 2s);
    CHECK(clock.set_at() == back);
    (void)clock.look(midday + 1h, BootClock::time_point{2h});
    CHECK(clock.set_at() == back);
}
