#include "daemon/schedule.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace scp;
using std::chrono::milliseconds;

namespace {

const Schedule::Time start{};

DaemonSettings an_hour_between_resyncs() {
    DaemonSettings settings;
    settings.resync = milliseconds{3'600'000};
    settings.debounce = milliseconds{500};
    settings.max_wait = milliseconds{5000};
    return settings;
}

/// A schedule whose first cycle is over.
Schedule settled() {
    Schedule schedule(an_hour_between_resyncs(), start);
    schedule.cycle_began();
    schedule.cycle_ended(start, false);
    return schedule;
}

} // namespace

TEST_CASE("the first cycle is due at once, the next at the resync") {
    Schedule schedule(an_hour_between_resyncs(), start);
    CHECK(schedule.due() == start);
    CHECK(schedule.trigger() == "start");
    schedule.cycle_began();
    CHECK_FALSE(schedule.due().has_value());
    schedule.cycle_ended(start + milliseconds{100}, false);
    CHECK(schedule.due() == start + milliseconds{3'600'100});
    CHECK(schedule.trigger() == "resync");
}

TEST_CASE("changes are gathered, but not for ever") {
    struct Row {
        const char* name;
        std::vector<int> changes; ///< milliseconds after the start
        int due;
    };
    const std::vector<Row> rows{
        {"one change waits for the debounce", {1000}, 1500},
        {"a second one starts the debounce anew", {1000, 1400}, 1900},
        {"a stream of them waits for max_wait at the longest",
         {1000, 1400, 1800, 3000, 4800, 5900},
         6000},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        Schedule schedule = settled();
        for (const int at : row.changes)
            schedule.changed(start + milliseconds{at});
        CHECK(schedule.due() == start + milliseconds{row.due});
        CHECK(schedule.trigger() == "change");
    }
}

TEST_CASE("a change during a cycle leads to another cycle") {
    Schedule schedule = settled();
    schedule.cycle_began();
    schedule.changed(start + milliseconds{50});
    CHECK_FALSE(schedule.due().has_value());
    schedule.cycle_ended(start + milliseconds{100}, false);
    CHECK(schedule.due() == start + milliseconds{550});
}

TEST_CASE("what a cycle has seen leads to no other") {
    Schedule schedule = settled();
    schedule.changed(start + milliseconds{50});
    schedule.cycle_began();
    schedule.cycle_ended(start + milliseconds{100}, false);
    CHECK(schedule.trigger() == "resync");
}

TEST_CASE("failed writes are tried again, each time later, at the latest at the resync") {
    Schedule schedule = settled();
    Schedule::Time now = start;
    for (const int seconds : {1, 2, 4, 8}) {
        schedule.cycle_began();
        schedule.cycle_ended(now, true);
        CHECK(schedule.due() == now + std::chrono::seconds{seconds});
        CHECK(schedule.trigger() == "retry");
    }
    schedule.cycle_began();
    schedule.cycle_ended(now, false);
    CHECK(schedule.trigger() == "resync");
    schedule.cycle_began();
    schedule.cycle_ended(now, true);
    CHECK(schedule.due() == now + std::chrono::seconds{1});
}

TEST_CASE("new settings ask for a cycle at once") {
    Schedule schedule = settled();
    schedule.asked(start + milliseconds{10}, "reload");
    CHECK(schedule.due() == start + milliseconds{10});
    CHECK(schedule.trigger() == "reload");
}

TEST_CASE("back-off doubles up to its bound") {
    CHECK(back_off(1, milliseconds{60'000}) == milliseconds{1000});
    CHECK(back_off(4, milliseconds{60'000}) == milliseconds{8000});
    CHECK(back_off(7, milliseconds{60'000}) == milliseconds{60'000});
    CHECK(back_off(1'000'000, milliseconds{60'000}) == milliseconds{60'000});
    CHECK(back_off(0, milliseconds{60'000}) == milliseconds{1000});
}

TEST_CASE("what came due while the machine was suspended is due after it, once") {
    Schedule schedule = settled();
    schedule.changed(start + milliseconds{10});
    const auto woken = start + std::chrono::hours{30}; // the clock went on
    CHECK(schedule.due() < woken);
    CHECK(schedule.trigger() == "change");
    schedule.cycle_began();
    schedule.cycle_ended(woken, false);
    CHECK(schedule.due() == woken + milliseconds{3'600'000}); // nothing is made up for
}
