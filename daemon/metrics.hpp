#pragma once

#include "daemon/mailbox.hpp"
#include "settings/settings.hpp"

#include <prometheus/collectable.h>
#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace scp {

/// When the change was seen that the next write is due to: a cycle that did not write all that it
/// planned leaves it to a later one. Pure: the clock (monotonic) comes in with each call.
class ChangeClock {
  public:
    using Time = std::chrono::steady_clock::time_point;
    void seen(Time now);
    /// What is seen from here on is for the next cycle.
    void cycle_began();
    /// How long it took from the first change seen until now; nullopt where nothing was written
    /// that was seen to change.
    [[nodiscard]] std::optional<std::chrono::milliseconds> cycle_ended(const CycleReport& report,
                                                                       Time now);

  private:
    std::optional<Time> next_, current_;
};

/// The numbers of CONTRACT.md's "Daemon", in the library's registry. Labels are names of the
/// settings' rules, of the forests' domains, and words of ours: rules that only markers name are
/// counted together as "(other)".
class Metrics {
  public:
    Metrics();
    ~Metrics();
    Metrics(const Metrics&) = delete;
    Metrics& operator=(const Metrics&) = delete;

    /// From any thread.
    void operation(std::string_view operation, const Error* error);
    void change_seen(std::chrono::steady_clock::time_point now) { changes_seen_.seen(now); }
    /// 0 starting, 1 ok, 2 degraded, 3 paused.
    void show_state(ServiceStatus::State state);
    void cycle_began() { changes_seen_.cycle_began(); }
    /// `after` is how scpd is with that cycle. Who collects meanwhile sees all of it, or nothing.
    void cycle_ended(const CycleDone& done, const std::string& trigger, const Settings& settings,
                     const ServiceStatus& after, std::chrono::steady_clock::time_point now);

    /// What there is to collect, from any thread.
    [[nodiscard]] std::shared_ptr<prometheus::Collectable> collectable() const;
    /// As Prometheus reads it.
    [[nodiscard]] std::string text() const;

  private:
    struct Shown;
    /// Gauges of one family; those that are not shown again go away.
    class Gauges {
      public:
        explicit Gauges(prometheus::Family<prometheus::Gauge>& family) : family_(family) {}
        using Values = std::map<std::map<std::string, std::string>, double>;
        void show(const Values& values);

      private:
        prometheus::Family<prometheus::Gauge>& family_;
        std::map<std::map<std::string, std::string>, prometheus::Gauge*> shown_;
    };
    void show_held(const CycleReport& report, const Settings& settings);
    void show_domains(const ServiceStatus& status);
    void show_copies(const CycleReport& report, const Settings& settings,
                     const ServiceStatus& status);

    std::shared_ptr<Shown> shown_; ///< shared with the listener's threads
    prometheus::Gauge& state_;
    prometheus::Histogram& cycle_seconds_;
    prometheus::Histogram& propagation_seconds_;
    prometheus::Family<prometheus::Counter>& cycles_;
    prometheus::Family<prometheus::Counter>& changes_;
    prometheus::Family<prometheus::Counter>& operations_;
    prometheus::Counter* lost_ = nullptr;
    Gauges held_, complete_, last_seen_, copies_;
    std::set<std::map<std::string, std::string>> held_before_;
    /// By domain, then rule and state.
    std::map<DomainKey, std::map<std::pair<std::string, std::string>, double>> copies_of_;
    ChangeClock changes_seen_;
};

} // namespace scp
