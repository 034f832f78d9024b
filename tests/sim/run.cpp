#include "sim/run.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace scp::sim {
namespace {

constexpr int longest_settling = 16; ///< cycles of each daemon

bool waits_for_time(const CycleReport& report) {
    return report.plan.unconfirmed || std::ranges::any_of(report.plan.held, [](const Held& held) {
               return held.reason == Reason::grace;
           });
}

} // namespace

Run::Run(const Story& story) : world(story), story_(story) {
    const Settings settings = world.make_settings();
    for (int i = 0; i < 2; ++i) {
        daemons_.emplace_back(i, settings, clock());
        daemons_.back().history_dir = folder_ / std::to_string(i);
        daemons_.back().history = std::make_unique<SimHistory>(*this, daemons_.back());
    }
}

Run::~Run() = default;

Schedule::Time Run::clock() const {
    return Schedule::Time(world.forest.now.time_since_epoch());
}

void Run::play() {
    pass_until(world.forest.now + std::chrono::seconds(5));
    for (const Event& event : story_.events) {
        pass_until(world.forest.now + std::chrono::seconds(event.delay));
        Daemon& daemon = daemons_.at(static_cast<std::size_t>(event.daemon));
        if (event.moment == Moment::between)
            perform(event, daemon);
        else
            (event.moment == Moment::operation ? daemon.inside : daemon.aimed).push_back(event);
    }
    settle();
    check_histories();
}

/// Runs what is due until then, in the order of its time.
void Run::pass_until(Timestamp until) {
    while (true) {
        Daemon* next = nullptr;
        Watch* looks = nullptr; // null: it is a cycle that is due
        Timestamp earliest = until + std::chrono::seconds(1);
        const auto consider = [&](Timestamp at, Daemon& daemon, Watch* watch) {
            if (at < earliest) {
                earliest = at;
                next = &daemon;
                looks = watch;
            }
        };
        for (Daemon& daemon : daemons_) {
            if (const auto at = daemon.schedule.due())
                consider(Timestamp{std::chrono::ceil<std::chrono::seconds>(at->time_since_epoch())},
                         daemon, nullptr);
            for (auto& [domain, watch] : daemon.watches)
                if (const auto at = due(watch))
                    consider(*at, daemon, &watch);
        }
        if (next == nullptr)
            break;
        world.advance(earliest);
        if (looks != nullptr)
            look(*next, *looks);
        else
            cycle(*next);
    }
    world.advance(until);
}

void Run::operation() {
    ++world.step;
    if (current == nullptr) // a watch
        return;
    Daemon& daemon = *current;
    const int now = daemon.operations++;
    for (std::size_t i = 0; i < daemon.inside.size();) {
        if (daemon.inside[i].inside > now) {
            ++i;
            continue;
        }
        const Event event = daemon.inside[i];
        daemon.inside.erase(daemon.inside.begin() + static_cast<std::ptrdiff_t>(i));
        perform(event, daemon);
        current = &daemon;
    }
}

void Run::moment(Moment moment, const std::optional<Guid>& object) {
    Daemon& daemon = *current;
    for (std::size_t i = 0; i < daemon.aimed.size();) {
        if (daemon.aimed[i].moment != moment || daemon.aimed[i].inside-- > 0) {
            ++i;
            continue;
        }
        const Event event = daemon.aimed[i];
        daemon.aimed.erase(daemon.aimed.begin() + static_cast<std::ptrdiff_t>(i));
        if (object)
            world.aim_at(*object);
        perform(event, daemon);
        current = &daemon;
    }
}

/// Nothing is written yet.
void Run::planned(const Plan& plan) {
    for (const auto& [when, deletes] :
         {std::pair(Moment::planned, false), std::pair(Moment::delete_planned, true)}) {
        const auto found = std::ranges::find_if(plan.changes, [&](const Change& change) {
            return change.guid && (!deletes || change.op == Op::remove);
        });
        if (found != plan.changes.end())
            moment(when, found->guid);
    }
}

void Run::perform(const Event& event, Daemon& daemon) {
    if (trace)
        trace(fmt::format("{} {}", to_rfc3339(world.forest.now), describe(event)));
    switch (event.what) {
    case What::kill:
        if (daemon.running)
            throw Death{};
        return restart(daemon);
    case What::stop:
        daemon.stop.request_stop();
        return;
    case What::lose_answer:
        daemon.next_write = WriteFate::lose_answer;
        return;
    case What::lose_request:
        daemon.next_write = WriteFate::lose_request;
        return;
    case What::history_full:
        daemon.history_full = world.forest.now + std::chrono::minutes(1 + event.b % 30);
        return;
    case What::approve:
        return approve(daemon);
    case What::pause:
        pause(daemon.state, {event.a % 3 == 0   ? ""
                             : event.a % 3 == 1 ? "mage"
                                                : "q",
                             "", "op", world.forest.now});
        return daemon.schedule.asked(clock(), "state");
    case What::resume:
        for (const char* rule : {"", "mage", "q"})
            resume(daemon.state, rule);
        return daemon.schedule.asked(clock(), "state");
    case What::resync:
        return daemon.schedule.asked(clock(), "resync");
    case What::other_daemon: {
        Daemon& other = daemons_.at(static_cast<std::size_t>(1 - daemon.number));
        if (!other.running)
            cycle(other);
        return;
    }
    case What::time_passes:
        world.advance(world.forest.now + std::chrono::seconds(60 * (event.b % 32)));
        return;
    default:
        break;
    }
    if (world.act(event)) {
        if (event.told == 0) // the watches would have told, but for this
            cut_connections();
        for (Daemon& each : daemons_)
            if (event.told > 1) // once too often: the watches tell, too
                each.schedule.changed(clock());
    }
    if (event.what == What::settings)
        for (Daemon& each : daemons_) {
            each.watches.clear();
            each.schedule.asked(clock(), "reload");
        }
}

/// What dies with a process.
void Run::restart(Daemon& daemon) {
    daemon.schedule = Schedule(daemon.settings ? daemon.settings->daemon : DaemonSettings{},
                               clock() + std::chrono::seconds(1));
    daemon.history = std::make_unique<SimHistory>(*this, daemon);
    ++daemon.processes;
    daemon.watches.clear();
    daemon.confirmations.clear();
    daemon.replicas.clear();
    daemon.retired.clear();
    daemon.cycles = 0;
    daemon.reads.clear();
    daemon.running = false;
    daemon.last.reset();
}

void Run::approve(Daemon& daemon) {
    if (!daemon.last)
        return;
    if (const std::string hash = hash_to_approve(*daemon.last); !hash.empty()) {
        scp::approve(daemon.state, {hash, "op", world.forest.now});
        daemon.schedule.asked(clock(), "state");
    }
}

void Run::cycle(Daemon& daemon) {
    Daemon* const before = std::exchange(current, &daemon);
    daemon.running = true;
    daemon.settings = std::make_shared<const Settings>(world.make_settings());
    daemon.schedule.cycle_began();
    daemon.began = ++world.step;
    daemon.began_at = world.forest.now;
    daemon.operations = 0;
    daemon.approved = false;
    daemon.next_write.reset();
    daemon.stop = {};
    daemon.looked_at.clear();
    daemon.announced.clear();
    daemon.written.clear();
    daemon.deleted.clear();
    daemon.rules_of_deleted.clear();
    daemon.open_records.clear();
    ++daemon.cycles;

    CycleOptions options;
    options.rules = daemon.settings->rules;
    options.confirmations = daemon.confirmations;
    options.replicas = daemon.replicas;
    options.retired = daemon.retired;
    const auto note_pauses = [&] {
        daemon.paused.clear();
        for (const auto& rule : daemon.settings->rules)
            if (find_pause(daemon.state, "") != nullptr ||
                find_pause(daemon.state, rule.name) != nullptr)
                daemon.paused.push_back(rule.name);
    };
    note_pauses();
    options.read_state = [&]() -> Result<HostState> {
        note_pauses();
        return daemon.state;
    };
    options.use_up = [&](const std::string& hash) -> Result<bool> {
        return daemon.approved = use_up(daemon.state, hash);
    };
    options.read_past = [&](Timestamp now) { return read_past(daemon.history_dir, now); };
    options.now = [&] { return world.forest.now; };
    options.go_ahead = [&](const Plan& plan) {
        planned(plan);
        return !daemon.stop.stop_requested();
    };
    options.open_history = [&]() -> Result<History*> { return daemon.history.get(); };
    try {
        Sessions sessions(*daemon.settings, *this, daemon.stop.get_token());
        daemon.last = run_cycle(sessions, options);
        daemon.confirmations = daemon.last->plan.confirmations;
        daemon.replicas = daemon.last->plan.replicas;
        daemon.retired = daemon.last->plan.retired;
        daemon.schedule.cycle_ended(clock(), worth_retrying(*daemon.last));
        daemon.running = false;
        daemon.reads.push_back({daemon.began, world.step});
        follow(daemon, watch_targets(daemon.last->observation, sessions));
        if (daemon.stop.stop_requested())
            restart(daemon);
    } catch (const Death&) {
        restart(daemon);
    }
    check_cycle(*this, daemon);
    daemon.inside.clear();
    current = before;
}

/// All faults end, persons say yes to what waits, and time passes: until nothing is left to do.
void Run::settle() {
    world.cure();
    for (Daemon& daemon : daemons_) {
        daemon.inside.clear();
        daemon.aimed.clear();
        daemon.history_full = {};
        daemon.state.pauses.clear();
    }
    for (int i = 0; i < longest_settling; ++i) {
        world.advance(world.forest.now + std::chrono::minutes(16));
        bool quiet = true;
        for (Daemon& daemon : daemons_) {
            cycle(daemon);
            world.replicate(true);
            approve(daemon);
            quiet = quiet && daemon.last && daemon.last->plan.changes.empty() &&
                    !waits_for_time(*daemon.last) && hash_to_approve(*daemon.last).empty();
        }
        if (quiet)
            return check_end();
    }
    const Plan& plan = daemons_.back().last->plan;
    throw Violation{"when nothing happens any more, a cycle plans nothing",
                    plan.changes.empty()
                        ? "it still waits"
                        : fmt::format("{} of {}: {}", to_string(plan.changes.front().op),
                                      plan.changes.front().dn.text(),
                                      to_string(plan.changes.front().reason))};
}

} // namespace scp::sim
