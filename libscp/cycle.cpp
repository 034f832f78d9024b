#include "cycle.hpp"

#include "guard/guard.hpp"
#include "observe/observe.hpp"

#include <algorithm>

namespace scp {

namespace {

void progress(const CycleOptions& options, const char* stage) {
    if (options.progress)
        options.progress(stage);
}

/// One read of all domains, and what it asks for.
Plan read_and_plan(Sessions& sessions, const CycleOptions& options, CycleReport& report,
                   const Confirmations& before, const Replicas& replicas) {
    progress(options, "reading the domains");
    report.observation = observe(report.topology, sessions, options.rules);
    PlanInput input{sessions.settings(),
                    options.rules,
                    report.topology,
                    report.observation,
                    options.now(),
                    before,
                    {},
                    replicas,
                    options.clock_set ? options.clock_set() : std::nullopt,
                    options.retired};
    report.observation.places = observe_places(report.topology, sessions, places_needed(input));
    progress(options, "planning");
    Plan plan = make_plan(input);
    if (!options.read_past || !asks_for_past(plan))
        return plan;
    auto read = options.read_past(input.now);
    report.past_error = std::move(read.error);
    input.past = std::move(read.past);
    return make_plan(input);
}

/// Each read adds at most one to a count: more reads than the most patient rule asks for are no
/// use.
int most_reads(const std::vector<Rule>& rules) {
    int reads = 1;
    for (const auto& rule : rules)
        reads = std::max(reads, rule.prune_confirmations);
    return reads;
}

/// The plan after the guard, which goes by this host's state as it is now.
Plan guard_plan(Plan plan, const Settings& settings, const CycleOptions& options, HostState& state,
                std::optional<Error>& state_error) {
    GuardInput input{settings.limits, {}, {}, {}, {}};
    for (const auto* rules : {&settings.rules, &options.rules})
        for (const auto& rule : *rules)
            input.rules.push_back(&rule);
    if (options.read_state) {
        if (auto read = options.read_state())
            input.state = std::move(*read);
        else
            state_error = input.state_error = read.error();
    }
    input.approved = approved_hashes(input.state, options.now());
    if (options.approved)
        input.approved.insert(*options.approved);
    state = input.state;
    return guard(std::move(plan), input);
}

/// The last look before the writes: a person may have taken long to say yes, and two processes must
/// not use one approval.
Result<void> claim(const Plan& plan, const CycleOptions& options, const HostState& state) {
    if (!options.read_state)
        return {};
    const auto now = options.read_state();
    if (!now)
        return fail(now.error());
    if (now->pauses != state.pauses)
        return fail(ErrorKind::conflict, "something was paused or resumed in the meantime",
                    "nothing was written; plan again");
    const std::string hash = plan.hash();
    if (!approved_hashes(state, options.now()).contains(hash))
        return {};
    const auto used = options.use_up(hash);
    if (!used)
        return fail(used.error());
    if (!*used && options.approved != hash)
        return fail(ErrorKind::conflict, "the plan's approval was used or withdrawn meanwhile",
                    "nothing was written; plan again");
    return {};
}

} // namespace

std::string hash_to_approve(const CycleReport& report) {
    Plan left = report.plan;
    const auto waits = [](const Held& held) {
        return held.reason == Reason::limit_exceeded || held.reason == Reason::awaiting_approval;
    };
    if (std::ranges::none_of(left.held, waits))
        return {};
    std::erase_if(left.changes, [&](const Change& change) {
        const auto found = report.results.find(change.id());
        return found != report.results.end() && found->second.state == ChangeResult::State::done;
    });
    return left.hash();
}

bool worth_retrying(const CycleReport& report) {
    return report.error || std::ranges::any_of(report.results, [](const auto& one) {
               return one.second.state == ChangeResult::State::failed && !one.second.held;
           });
}

CycleReport run_cycle(Sessions& sessions, const CycleOptions& options) {
    CycleReport report;

    progress(options, "discovering the forest");
    report.topology = sessions.discover();

    Plan plan = read_and_plan(sessions, options, report, options.confirmations, options.replicas);
    for (int reads = 1;
         options.confirm_at_once && plan.unconfirmed && reads < most_reads(options.rules); ++reads)
        plan = read_and_plan(sessions, options, report, plan.confirmations, plan.replicas);
    report.plan =
        guard_plan(std::move(plan), sessions.settings(), options, report.host, report.state_error);

    if (report.plan.changes.empty() || !options.go_ahead || !options.go_ahead(report.plan))
        return report;

    progress(options, "writing");
    auto history = options.open_history();
    if (!history) {
        report.error = history.error();
        return report;
    }
    if (const auto claimed = claim(report.plan, options, report.host); !claimed) {
        report.error = claimed.error();
        return report;
    }
    report.results = apply(report.plan, report.topology, sessions, **history);
    for (const auto& [id, result] : report.results)
        report.written = report.written || result.state == ChangeResult::State::done;
    for (const Change& change : report.plan.changes)
        if (const auto found = report.results.find(change.id());
            found != report.results.end() && found->second.state == ChangeResult::State::done)
            note_retired(report.plan.retired, change, options.now());
    return report;
}

} // namespace scp
