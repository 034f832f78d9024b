#pragma once

#include "base/file_descriptor.hpp"

#include <chrono>
#include <ctime>
#include <functional>
#include <memory>

struct sd_event;
struct sd_event_source;

namespace scp {

/// A timer of the event loop that goes off once each time that it is set. The kernel is told how
/// long to wait, not until when as sd-event's own timers do: programs that give a process another
/// wall clock (libfaketime) take every absolute time for one of that clock, and those timers then
/// stand still.
class Timer {
  public:
    /// clock: CLOCK_MONOTONIC, or CLOCK_BOOTTIME, which goes on while the machine is suspended.
    Timer(sd_event* event, clockid_t clock, std::function<void()> due);
    ~Timer();
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

    /// At once where nothing is left to wait.
    void set(std::chrono::nanoseconds wait);
    void off();

  private:
    static int on_ready(sd_event_source*, int, unsigned, void* self);

    struct Release {
        void operator()(sd_event_source* source) const;
    };
    FileDescriptor timer_;
    std::function<void()> due_;
    std::unique_ptr<sd_event_source, Release> source_;
};

} // namespace scp
