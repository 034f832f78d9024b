#pragma once

#include "daemon/cycle_worker.hpp"
#include "daemon/log.hpp"
#include "daemon/mailbox.hpp"
#include "daemon/prober.hpp"
#include "daemon/schedule.hpp"
#include "daemon/watcher.hpp"

#include <filesystem>
#include <memory>
#include <string>

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
class Daemon {
  public:
    Daemon(DaemonOptions options, Settings settings, Connector& connector);
    ~Daemon();
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;

    /// Until SIGTERM or SIGINT. SIGTERM, SIGINT and SIGHUP must be blocked in every thread. Exit
    /// status.
    int run();

  private:
    void arm();
    void begin_cycle();
    void handle(const CycleDone& done);
    void handle(const DomainChanged& changed);
    void handle(const DomainIsBack& back);
    void handle(const WatchState& state);
    void reload();
    void begin_stop();
    void watch_state();
    void notify_status(const std::string& line);

    static int on_mail(sd_event_source*, int, unsigned, void* self);
    static int on_timer(sd_event_source*, std::uint64_t, void* self);
    static int on_stop_deadline(sd_event_source*, std::uint64_t, void* self);
    static int on_state(sd_event_source*, const inotify_event* what, void* self);
    static int on_signal(sd_event_source*, const signalfd_siginfo*, void* self);

    DaemonOptions options_;
    std::shared_ptr<const Settings>
        settings_;    ///< shared with the workers that still run with the old ones
    Mailbox mailbox_; ///< before the workers, which post to it
    Schedule schedule_;
    CycleLog log_;
    CycleWorker worker_;
    Watchers watchers_;
    Prober prober_;
    std::map<DomainKey, std::string> watching_;
    std::map<DomainKey, std::string> not_watching_; ///< why, as it was said last
    std::string cycle_trigger_;
    bool running_ = false;
    bool stopping_ = false;
    bool ready_ = false;

    struct Release {
        void operator()(sd_event* event) const;
        void operator()(sd_event_source* source) const;
    };
    std::unique_ptr<sd_event, Release> event_;
    std::unique_ptr<sd_event_source, Release> timer_;
    std::unique_ptr<sd_event_source, Release> state_watch_; ///< null: its folder is not there
};

} // namespace scp
