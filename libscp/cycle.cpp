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
                   const Confirmations& before) {
    progress(options, "reading the domains");
    report.observation = observe(report.topology, sessions, options.rules);
    const PlanInput input{sessions.settings(), options.rules, report.topology,
                          report.observation,  options.now(), before};
    report.observation.places = observe_places(report.topology, sessions, places_needed(input));
    progress(options, "planning");
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

} // namespace

CycleReport run_cycle(Sessions& sessions, const CycleOptions& options) {
    CycleReport report;

    progress(options, "discovering the forest");
    report.topology = sessions.discover();

    Plan plan = read_and_plan(sessions, options, report, options.confirmations);
    for (int reads = 1;
         options.confirm_at_once && plan.unconfirmed && reads < most_reads(options.rules); ++reads)
        plan = read_and_plan(sessions, options, report, plan.confirmations);
    report.plan = guard(std::move(plan), sessions.settings().limits, options.approved);

    if (report.plan.changes.empty() || !options.go_ahead || !options.go_ahead(report.plan))
        return report;

    progress(options, "writing");
    auto history = options.open_history();
    if (!history) {
        report.error = history.error();
        return report;
    }
    report.results = apply(report.plan, report.topology, sessions, **history);
    for (const auto& [id, result] : report.results)
        report.written = report.written || result.state == ChangeResult::State::done;
    return report;
}

} // namespace scp
