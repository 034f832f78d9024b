#include "daemon/timer.hpp"

#include <systemd/sd-event.h>

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <system_error>
#include <utility>

namespace scp {
namespace {

void arm(int timer, std::chrono::nanoseconds wait) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(wait);
    itimerspec when{};
    when.it_value.tv_sec = seconds.count();
    when.it_value.tv_nsec = (wait - seconds).count();
    if (timerfd_settime(timer, 0, &when, nullptr) != 0)
        throw std::system_error(errno, std::generic_category(), "timerfd_settime");
}

} // namespace

void Timer::Release::operator()(sd_event_source* source) const {
    sd_event_source_unref(source);
}

Timer::Timer(sd_event* event, clockid_t clock, std::function<void()> due)
    : timer_(timerfd_create(clock, TFD_CLOEXEC | TFD_NONBLOCK)), due_(std::move(due)) {
    if (timer_.get() < 0)
        throw std::system_error(errno, std::generic_category(), "timerfd_create");
    sd_event_source* source = nullptr;
    const int result = sd_event_add_io(event, &source, timer_.get(), EPOLLIN, on_ready, this);
    if (result < 0)
        throw std::system_error(-result, std::generic_category(), "sd_event_add_io");
    source_.reset(source);
}

Timer::~Timer() = default;

void Timer::set(std::chrono::nanoseconds wait) {
    arm(timer_.get(), std::max(wait, std::chrono::nanoseconds{1})); // none would be: never
}

void Timer::off() {
    arm(timer_.get(), std::chrono::nanoseconds{0});
}

int Timer::on_ready(sd_event_source*, int, unsigned, void* self) {
    auto& timer = *static_cast<Timer*>(self);
    std::uint64_t times = 0;
    // Nothing to read: set anew, or put off, after it went off.
    if (read(timer.timer_.get(), &times, sizeof times) == sizeof times)
        timer.due_();
    return 0;
}

} // namespace scp
