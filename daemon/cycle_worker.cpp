#include "daemon/cycle_worker.hpp"

#include "daemon/domain_watch.hpp"
#include "forest/parallel.hpp"
#include "forest/sessions.hpp"

namespace scp {

CycleWorker::CycleWorker(Connector& connector, Mailbox& mailbox, Pulse& pulse,
                         std::filesystem::path history_dir, StateFile state)
    : pulse_(pulse), connector_(connector, [&pulse](auto&&...) { pulse.beat(); }),
      mailbox_(mailbox), history_dir_(std::move(history_dir)), state_(std::move(state)) {}

// The settings are shared with the main thread, which may load new ones while the cycle runs.
void CycleWorker::start(std::shared_ptr<const Settings> settings, std::map<DomainKey, Error> down) {
    thread_ = std::jthread([this, settings = std::move(settings),
                            down = std::move(down)](const std::stop_token& stop) {
        run_on_lasting_thread([&] { run(stop, *settings, down); });
    });
}

void CycleWorker::request_stop() {
    thread_.request_stop();
}

void CycleWorker::run(std::stop_token stop, const Settings& settings,
                      const std::map<DomainKey, Error>& down) {
    const auto began = std::chrono::steady_clock::now();
    Sessions sessions(settings, connector_, stop, &servers_);
    for (const auto& [domain, why] : down)
        sessions.take_as_down(domain.first, domain.second, why);

    CycleOptions options;
    options.rules = settings.rules;
    options.confirmations = confirmations_;
    options.replicas = replicas_;
    options.now = [&] { return clock_.now(); };
    options.clock_set = [&] { return clock_.set_at(); };
    options.retired = retired_;
    options.progress = [&](const std::string&) { pulse_.beat(); };
    options.read_state = [&] { return state_.read(); };
    options.read_past = [&](Timestamp now) { return read_past(history_dir_, now); };
    options.use_up = [&](const std::string& hash) {
        return state_.update([&](HostState& state) { return use_up(state, hash); });
    };
    options.go_ahead = [&](const Plan&) { return !stop.stop_requested(); };
    options.open_history = [&]() -> Result<History*> {
        if (!history_) {
            auto opened = History::open(history_dir_);
            if (!opened)
                return fail(opened.error());
            history_ = std::move(*opened);
        }
        return history_.get();
    };

    CycleDone done;
    done.report = run_cycle(sessions, options);
    confirmations_ = done.report.plan.confirmations;
    replicas_ = done.report.plan.replicas;
    retired_ = done.report.plan.retired;
    done.targets = watch_targets(done.report.observation, sessions);
    done.rules = rules_of(done.report, settings);
    done.took = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - began);
    mailbox_.post(std::move(done));
}

} // namespace scp
