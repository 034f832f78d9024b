#include "daemon/watchdog.hpp"

#include "daemon/log.hpp"

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <utility>

namespace scp {

std::chrono::milliseconds allowed_silence(const Settings& settings) {
    std::chrono::milliseconds slowest{0};
    for (const ForestSettings& forest : settings.forests)
        slowest = std::max(slowest, forest.timeouts.connect + forest.timeouts.operation);
    return 2 * slowest + std::chrono::seconds{10};
}

Watchdog::Watchdog(sd_event* event, Silence silence) : silence_(std::move(silence)) {
    std::uint64_t limit = 0;
    if (sd_watchdog_enabled(0, &limit) <= 0)
        return;
    interval_ =
        std::chrono::microseconds(limit / 4); // of the half that sd_watchdog_enabled(3) says
    timer_ = std::make_unique<Timer>(event, CLOCK_MONOTONIC, [this] { tick(); });
    timer_->set({});
}

Watchdog::~Watchdog() = default;

void Watchdog::tick() {
    const auto silent = silence_();
    if (silent == std::chrono::milliseconds{0})
        sd_notify(0, "WATCHDOG=1");
    else if (!told_)
        log_event({EventKind::no_progress,
                   fmt::format("the cycle has made no progress for {} s, longer than any time-out "
                               "allows: the watchdog is not fed any more",
                               std::chrono::duration_cast<std::chrono::seconds>(silent).count())});
    told_ = silent != std::chrono::milliseconds{0};
    timer_->set(interval_);
}

} // namespace scp
