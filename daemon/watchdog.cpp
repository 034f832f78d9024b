#include "daemon/watchdog.hpp"

#include "daemon/log.hpp"

#include <fmt/format.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include <algorithm>
#include <system_error>
#include <utility>

namespace scp {

std::chrono::milliseconds allowed_silence(const Settings& settings) {
    std::chrono::milliseconds slowest{0};
    for (const ForestSettings& forest : settings.forests)
        slowest = std::max(slowest, forest.timeouts.connect + forest.timeouts.operation);
    return 2 * slowest + std::chrono::seconds{10};
}

void Watchdog::Release::operator()(sd_event_source* source) const {
    sd_event_source_unref(source);
}

Watchdog::Watchdog(sd_event* event, Silence silence) : silence_(std::move(silence)) {
    std::uint64_t limit = 0;
    if (sd_watchdog_enabled(0, &limit) <= 0)
        return;
    interval_ =
        std::chrono::microseconds(limit / 4); // of the half that sd_watchdog_enabled(3) says
    sd_event_source* timer = nullptr;
    const int result =
        sd_event_add_time_relative(event, &timer, CLOCK_MONOTONIC, 0, 0, on_tick, this);
    if (result < 0)
        throw std::system_error(-result, std::generic_category(), "the watchdog's timer");
    timer_.reset(timer);
}

Watchdog::~Watchdog() = default;

int Watchdog::on_tick(sd_event_source* timer, std::uint64_t, void* self) {
    auto& watchdog = *static_cast<Watchdog*>(self);
    const auto silent = watchdog.silence_();
    if (silent == std::chrono::milliseconds{0})
        sd_notify(0, "WATCHDOG=1");
    else if (!watchdog.told_)
        log_event({EventKind::no_progress,
                   fmt::format("the cycle has made no progress for {} s, longer than any time-out "
                               "allows: the watchdog is not fed any more",
                               std::chrono::duration_cast<std::chrono::seconds>(silent).count())});
    watchdog.told_ = silent != std::chrono::milliseconds{0};
    sd_event_source_set_time_relative(timer,
                                      static_cast<std::uint64_t>(watchdog.interval_.count()));
    sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
    return 0;
}

} // namespace scp
