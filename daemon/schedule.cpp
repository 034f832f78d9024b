#include "daemon/schedule.hpp"

#include <algorithm>

namespace scp {

Schedule::Schedule(const DaemonSettings& settings, Time now)
    : settings_(settings), next_resync_(now + settings.resync), asked_(now) {}

void Schedule::changed(Time now) {
    first_change_ = first_change_.value_or(now);
    last_change_ = now;
}

void Schedule::asked(Time now, std::string why) {
    asked_ = now;
    why_ = std::move(why);
}

void Schedule::cycle_began() {
    running_ = true;
    first_change_.reset();
    last_change_.reset();
    asked_.reset();
    retry_.reset();
}

void Schedule::cycle_ended(Time now, bool again) {
    running_ = false;
    next_resync_ = now + settings_.resync;
    failures_ = again ? failures_ + 1 : 0;
    if (again)
        retry_ = now + back_off(failures_, settings_.resync);
}

std::optional<Schedule::Time> Schedule::due() const {
    if (running_)
        return std::nullopt;
    Time due = next_resync_;
    if (first_change_)
        due = std::min(
            {due, *last_change_ + settings_.debounce, *first_change_ + settings_.max_wait});
    if (retry_)
        due = std::min(due, *retry_);
    if (asked_)
        due = std::min(due, *asked_);
    return due;
}

std::string Schedule::trigger() const {
    const auto at = due();
    if (asked_ && at == asked_)
        return why_;
    if (retry_ && at == retry_)
        return "retry";
    return first_change_ && at < next_resync_ ? "change" : "resync";
}

std::chrono::milliseconds back_off(int failures, std::chrono::milliseconds longest) {
    const int doublings = std::clamp(failures - 1, 0, 20);
    return std::min(std::chrono::milliseconds{1000} * (1 << doublings), longest);
}

} // namespace scp
