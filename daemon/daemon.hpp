#pragma once

#include "daemon/bus.hpp"
#include "daemon/cycle_worker.hpp"
#include "daemon/errands.hpp"
#include "daemon/log.hpp"
#include "daemon/mailbox.hpp"
#include "daemon/manager.hpp"
#include "daemon/metrics_outlets.hpp"
#include "daemon/prober.hpp"
#include "daemon/schedule.hpp"
#include "daemon/service_state.hpp"
#include "daemon/timer.hpp"
#include "daemon/watchdog.hpp"
#include "daemon/watcher.hpp"
#include "directory/observed.hpp"
#include "report/events.hpp"
#include "settings/load.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>

struct sd_event;
struct sd_event_source;
struct inotify_event;
struct signalfd_siginfo;

namespace scp {

struct DaemonOptions {
    std::filesystem::path settings_file;
    std::filesystem::path history_dir;
    std::filesystem::path state_file; ///< pauses and approvals
};

/// The event loop: signals, timers and what workers say. All that may block runs on workers.
class Daemon : private Manager {
  public:
    Daemon(DaemonOptions options, Settings settings, Connector& connector);
    ~Daemon() override;
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;

    /// Until SIGTERM or SIGINT. SIGTERM, SIGINT and SIGHUP must be blocked in every thread. Exit
    /// status.
    int run();

  private:
    void arm();
    void on_timer();
    void begin_cycle();
    void handle(const CycleDone& done);
    void handle(const DomainChanged& changed);
    void handle(const DomainIsBack& back);
    void handle(const WatchState& state);
    void handle(const ErrandDone& done);
    [[nodiscard]] Result<void> reload();
    [[nodiscard]] Result<void> refuse_settings(const std::vector<Problem>& problems);
    void begin_stop();
    void watch_state();
    [[nodiscard]] std::chrono::milliseconds silence() const;
    void notify_status(const std::string& line);
    void tell(const Event& event);
    void state_changed();

    // What the bus offers: daemon/daemon_manager.cpp.
    [[nodiscard]] std::string status_json() const override;
    [[nodiscard]] std::string state() const override;
    [[nodiscard]] std::string instance() const override;
    [[nodiscard]] std::string last_cycle_text() const override;
    void resync(const std::string& rule, Reply reply) override;
    void pause(const std::string& rule, const std::string& reason, uid_t who, Reply reply) override;
    void resume(const std::string& what, Reply reply) override;
    void load_settings_anew(Reply reply) override;
    void approve(const std::string& hash, uid_t who, Reply reply) override;
    [[nodiscard]] Result<std::string> rule_called(const std::string& name) const;
    void change_state(std::function<bool(HostState&)> change, Event event, Reply reply);
    void resume_copy(const std::string& dn, Reply reply);

    static int on_mail(sd_event_source*, int, unsigned, void* self);
    static int on_state(sd_event_source*, const inotify_event* what, void* self);
    static int on_signal(sd_event_source*, const signalfd_siginfo*, void* self);

    std::jthread last_resort_; ///< first, so that it waits for the end of all else
    DaemonOptions options_;
    std::shared_ptr<const Settings>
        settings_;    ///< shared with the workers that still run with the old ones
    Mailbox mailbox_; ///< before the workers, which post to it
    Schedule schedule_;
    CycleLog log_;
    Metrics metrics_;
    MetricsOutlets outlets_;
    ObservedConnector connector_; ///< before those who connect by it
    Pulse pulse_;
    CycleWorker worker_;
    Watchers watchers_;
    Prober prober_;
    Errands state_errands_;     ///< pauses and approvals
    Errands directory_errands_; ///< those that no pause must wait for
    ServiceState service_;
    EventFeed events_;
    std::map<DomainKey, std::string> watching_;
    std::map<DomainKey, std::string> not_watching_; ///< why, as it was said last
    std::string cycle_trigger_;
    std::chrono::milliseconds allowed_silence_{0}; ///< of the cycle that runs, by its settings
    bool running_ = false;
    bool stopping_ = false;
    bool ready_ = false;

    struct Release {
        void operator()(sd_event* event) const;
        void operator()(sd_event_source* source) const;
    };
    std::unique_ptr<sd_event, Release> event_;
    std::unique_ptr<Timer> timer_;         ///< when the next cycle is due
    std::unique_ptr<Timer> stop_deadline_; ///< while it stops
    std::unique_ptr<Timer> calm_;          ///< goes off when there was no cycle for a while
    std::unique_ptr<sd_event_source, Release> state_watch_; ///< null: its folder is not there
    std::unique_ptr<Watchdog> watchdog_;
    std::unique_ptr<Bus> bus_;
};

} // namespace scp
