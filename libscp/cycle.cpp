#include "cycle.hpp"

#include "guard/guard.hpp"
#include "observe/observe.hpp"

namespace scp {

CycleReport run_cycle(Sessions& sessions, const CycleOptions& options) {
    const auto progress = [&](const char* stage) {
        if (options.progress)
            options.progress(stage);
    };
    CycleReport report;

    progress("discovering the forest");
    report.topology = sessions.discover();

    progress("reading the domains");
    report.observation = observe(report.topology, sessions, options.rules);
    const PlanInput input{sessions.settings(), options.rules, report.topology, report.observation};
    report.observation.places = observe_places(report.topology, sessions, places_needed(input));

    progress("planning");
    report.plan = guard(make_plan(input), sessions.settings().limits, options.approved);

    if (report.plan.changes.empty() || !options.go_ahead || !options.go_ahead(report.plan))
        return report;

    progress("writing");
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
