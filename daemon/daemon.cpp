#include "daemon/daemon.hpp"

#include "daemon/patience.hpp"
#include "report/style.hpp"
#include "settings/load.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include <malloc.h>
#include <sys/inotify.h>

#include <csignal>
#include <ctime>
#include <system_error>
#include <variant>

namespace scp {
namespace {

// systemd is promised an end within 10 s: of the cycle's worker, and then of all other threads.
constexpr std::chrono::seconds stop_deadline{7};
constexpr std::chrono::milliseconds last_deadline{2000};
constexpr std::chrono::seconds calm{1}; // without a cycle

void check(int result, const char* what) {
    if (result < 0)
        throw std::system_error(-result, std::generic_category(), what);
}

[[noreturn]] void leave_all_the_same() {
    // Whatever still hangs is a read or a write that was sent: the next start converges all the
    // same.
    log_event({EventKind::stop_forced, "a worker did not end in time; leaving all the same"});
    finish_log();
    std::_Exit(0);
}

/// A Configuration NC is read from its forest's root: while that is down, it alone is asked.
bool waits_for_its_root(const DomainView& view, const Observation& observation) {
    const DomainView* const root = observation.find(view.forest, view.domain.dns());
    return view.domain.is_configuration() && root != nullptr && !root->complete();
}

} // namespace

void Daemon::Release::operator()(sd_event* event) const {
    sd_event_unref(event);
}

void Daemon::Release::operator()(sd_event_source* source) const {
    sd_event_source_unref(source);
}

Daemon::Daemon(DaemonOptions options, Settings settings, Connector& connector)
    : options_(std::move(options)),
      settings_(std::make_shared<const Settings>(std::move(settings))),
      schedule_(settings_->daemon, BootClock::now()), outlets_(metrics_),
      connector_(connector, [this](std::string_view operation,
                                   const Error* error) { metrics_.operation(operation, error); }),
      worker_(connector_, mailbox_, pulse_, options_.history_dir, StateFile(options_.state_file)),
      watchers_(connector_, mailbox_), prober_(connector_, mailbox_), state_errands_(mailbox_),
      directory_errands_(mailbox_), service_(*settings_, now_to_the_second()) {
    sd_event* event = nullptr;
    check(sd_event_new(&event), "sd_event_new");
    event_.reset(event);
    check(sd_event_add_io(event, nullptr, mailbox_.descriptor(), 1 /* EPOLLIN */, on_mail, this),
          "sd_event_add_io");
    for (const int signal : {SIGTERM, SIGINT, SIGHUP})
        check(sd_event_add_signal(event, nullptr, signal, on_signal, this), "sd_event_add_signal");
    timer_ = std::make_unique<Timer>(event, CLOCK_BOOTTIME, [this] { on_timer(); });
    // What a cycle has freed goes back to the system: free() itself gives back only what lies at
    // the end of the heap.
    calm_ = std::make_unique<Timer>(event, CLOCK_MONOTONIC, [] { malloc_trim(0); });
    if (auto made = StateFile(options_.state_file).make_folder(); !made)
        log_event({EventKind::state_unreadable,
                   fmt::format("{} — {}", made.error().message, made.error().hint)},
                  spdlog::level::warn);
    watch_state();
    watchdog_ = std::make_unique<Watchdog>(event, [this] { return silence(); });
    bus_ = std::make_unique<Bus>(event, static_cast<Manager&>(*this));
}

Daemon::~Daemon() = default;

/// For the watchdog.
std::chrono::milliseconds Daemon::silence() const {
    const auto silent = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - pulse_.last());
    return running_ && silent > allowed_silence_ ? silent : std::chrono::milliseconds{0};
}

int Daemon::run() {
    outlets_.use(settings_->metrics);
    arm();
    const int status = sd_event_loop(event_.get());
    last_resort_ = std::jthread([](const std::stop_token& stop) {
        if (!wait_or_stop(stop, last_deadline))
            leave_all_the_same();
    });
    watchers_.stop_all();
    prober_.stop_all();
    return status < 0 ? 1 : status;
}

/// Sets the one timer to when the next cycle is due.
void Daemon::arm() {
    const auto due = schedule_.due();
    if (!due || stopping_)
        timer_->off();
    else
        timer_->set(*due - BootClock::now());
}

/// The folder, because the file is replaced as a whole, and may not be there yet. A watch that
/// cannot be had, or was lost, is tried again after each cycle: until then a change of the file is
/// seen by the next cycle only.
void Daemon::watch_state() {
    if (state_watch_)
        return;
    sd_event_source* source = nullptr;
    const std::string folder = options_.state_file.parent_path().string();
    const int result =
        sd_event_add_inotify(event_.get(), &source, folder.c_str(),
                             IN_ONLYDIR | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE |
                                 IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF,
                             on_state, this);
    if (result >= 0)
        state_watch_.reset(source);
    else
        spdlog::debug("not watching {}: {}", folder, std::generic_category().message(-result));
}

int Daemon::on_state(sd_event_source*, const inotify_event* what, void* self) {
    auto& daemon = *static_cast<Daemon*>(self);
    const bool lost = (what->mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF)) != 0;
    const bool about_it = what->len > 0 && daemon.options_.state_file.filename() == what->name;
    if (lost)
        daemon.state_watch_.reset();
    if (lost || about_it || (what->mask & IN_Q_OVERFLOW) != 0) {
        spdlog::debug("pauses and approvals may have changed");
        daemon.schedule_.asked(BootClock::now(), "state");
        daemon.arm();
    }
    return 0;
}

void Daemon::on_timer() {
    const auto due = schedule_.due();
    if (due && *due <= BootClock::now())
        begin_cycle();
    arm();
}

void Daemon::begin_cycle() {
    cycle_trigger_ = schedule_.trigger();
    spdlog::debug("cycle begins ({})", cycle_trigger_);
    calm_->off();
    schedule_.cycle_began();
    metrics_.cycle_began();
    running_ = true;
    pulse_.beat();
    allowed_silence_ = allowed_silence(*settings_);
    worker_.start(settings_, prober_.down());
    if (!ready_) {
        ready_ = true;
        sd_notify(0, "READY=1");
        notify_status("the first cycle has begun");
    }
}

int Daemon::on_mail(sd_event_source*, int, unsigned, void* self) {
    auto& daemon = *static_cast<Daemon*>(self);
    for (const auto& message : daemon.mailbox_.take())
        std::visit([&](const auto& what) { daemon.handle(what); }, message);
    daemon.arm();
    return 0;
}

void Daemon::handle(const CycleDone& done) {
    running_ = false;
    if (stopping_) {
        sd_event_exit(event_.get(), 0);
        return;
    }
    schedule_.cycle_ended(BootClock::now(), worth_retrying(done.report));
    log_.tell(done, cycle_trigger_);
    watch_state();
    watchers_.follow(done.targets, settings_->daemon);
    for (const auto& view : done.report.observation.domains) {
        const DomainKey key{view.forest, view.domain};
        if (view.complete() || waits_for_its_root(view, done.report.observation))
            prober_.forget(key);
        else
            prober_.probe(key, *view.incomplete, settings_);
    }
    for (const auto& forest : done.report.topology.forests)
        if (forest.error)
            prober_.probe({forest.name, forest.root}, *forest.error, settings_);
    const Timestamp now = now_to_the_second();
    service_.cycle_done(done, cycle_trigger_, now);
    metrics_.cycle_ended(done, cycle_trigger_, *settings_, service_.status(watching_),
                         std::chrono::steady_clock::now());
    notify_status(status_line(done, *settings_, watching_) + service_.warning());
    for (const Event& event : events_.tell(done.report, now))
        tell(event);
    state_changed();
    bus_->cycle_done(last_cycle_text());
    outlets_.cycle_ended();
    calm_->set(calm);
}

void Daemon::handle(const ErrandDone& done) {
    if (!state_errands_.finish(done))
        (void)directory_errands_.finish(done);
}

void Daemon::state_changed() {
    metrics_.show_state(service_.status(watching_).state);
    bus_->properties_changed();
}

void Daemon::tell(const Event& event) {
    bus_->event(to_json_line(event_json(event)));
}

void Daemon::handle(const DomainChanged& changed) {
    spdlog::debug("{} may have changed", changed.domain.second.text());
    schedule_.changed(BootClock::now());
    metrics_.change_seen(std::chrono::steady_clock::now());
}

void Daemon::handle(const DomainIsBack& back) {
    log_event({.kind = EventKind::domain_answers,
               .message = fmt::format("domain {} answers again", back.domain.second.text()),
               .domain = back.domain.second.text()});
    prober_.came_back(back.domain);
    schedule_.asked(BootClock::now(), "recovered");
}

void Daemon::handle(const WatchState& state) {
    const std::string& name = state.domain.second.text();
    if (!state.how.empty()) {
        log_event({.kind = EventKind::watching,
                   .message = fmt::format("watching {} by {}{}", name, state.how,
                                          state.detail.empty() ? "" : " (" + state.detail + ")"),
                   .domain = name});
        watching_[state.domain] = state.how;
        not_watching_.erase(state.domain);
        return;
    }
    const std::string why =
        state.error.message + (state.error.hint.empty() ? "" : " — " + state.error.hint);
    const bool held = watching_.erase(state.domain) != 0;
    if (held || not_watching_[state.domain] != why)
        log_event({.kind = EventKind::watch_lost,
                   .message = fmt::format("{} {}: {}; trying again",
                                          held ? "no longer watching" : "not watching", name, why),
                   .domain = name});
    not_watching_[state.domain] = why;
}

int Daemon::on_signal(sd_event_source*, const signalfd_siginfo* info, void* self) {
    auto& daemon = *static_cast<Daemon*>(self);
    if (info->ssi_signo == SIGHUP)
        (void)daemon.reload(); // has told of it
    else
        daemon.begin_stop();
    daemon.arm();
    return 0;
}

Result<void> Daemon::reload() {
    if (stopping_)
        return fail(ErrorKind::interrupted, "scpd is stopping");
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld",
               static_cast<long long>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1000);
    Loaded loaded = load_settings(options_.settings_file);
    if (!loaded.problems.empty())
        return refuse_settings(loaded.problems);
    settings_ = std::make_shared<const Settings>(std::move(loaded.settings));
    set_up_log(settings_->log);
    outlets_.use(settings_->metrics);
    const std::string line = "new settings loaded from " + options_.settings_file.string();
    log_event({EventKind::settings_loaded, line});
    for (const auto& warning : loaded.warnings)
        log_event({EventKind::settings_doubtful, warning.to_string()});
    watchers_.stop_all();
    watching_.clear();
    not_watching_.clear();
    prober_.stop_all();
    schedule_.use(settings_->daemon);
    schedule_.asked(BootClock::now(), "reload");
    service_.settings_loaded(*settings_);
    sd_notify(0, "READY=1\nSTATUS=new settings loaded");
    tell({now_to_the_second(), "settings-loaded", {}, {}, {}, {}, line});
    state_changed();
    return {};
}

Result<void> Daemon::refuse_settings(const std::vector<Problem>& problems) {
    for (const auto& problem : problems)
        log_event({EventKind::settings_refused, problem.to_string()});
    const std::string line =
        fmt::format("the new settings have {}; the old ones stay in force: {}",
                    counted(problems.size(), "problem"), problems.front().to_string());
    log_event({EventKind::settings_refused, line});
    service_.settings_refused(line);
    sd_notify(0, "READY=1");
    notify_status(line);
    tell({now_to_the_second(), "settings-refused", {}, {}, {}, {}, line});
    state_changed();
    return fail(ErrorKind::settings, line, "check them with: scpctl config check");
}

void Daemon::begin_stop() {
    if (stopping_)
        return;
    stopping_ = true;
    sd_notify(0, "STOPPING=1\nSTATUS=stopping");
    log_event({EventKind::stopping, "stopping"});
    if (!running_) {
        sd_event_exit(event_.get(), 0);
        return;
    }
    worker_.request_stop();
    stop_deadline_ =
        std::make_unique<Timer>(event_.get(), CLOCK_MONOTONIC, [] { leave_all_the_same(); });
    stop_deadline_->set(stop_deadline);
}

void Daemon::notify_status(const std::string& line) {
    sd_notify(0, ("STATUS=" + line).c_str());
}

} // namespace scp
