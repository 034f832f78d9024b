#include "report/text.hpp"
#include "scpctl/files.hpp"
#include "scpctl/planning.hpp"
#include "scpctl/verbs.hpp"

#include <CLI/CLI.hpp>

namespace scp {

namespace {

struct PlanOptions {
    RuleOptions rules;
    std::string out;
};

Result<Exit> run_plan(Context& context, const PlanOptions& options) {
    CycleOptions cycle;
    auto rules = rules_to_plan(context, options.rules);
    if (!rules)
        return fail(rules.error());
    cycle.rules = std::move(*rules);
    const auto planned = run_planned(context, std::move(cycle));
    if (!planned)
        return fail(planned.error());
    if (!options.out.empty())
        if (auto written = write_file(options.out, to_json_text(planned_json(*planned))); !written)
            return fail(written.error());
    print_planned(context, *planned, plan_text);
    say_how_to_approve(context, planned->report);
    return exit_of_read(context, planned->incomplete, exit_of_plan(planned->report));
}

RunVerb declare_plan(CLI::App& app) {
    auto options = std::make_shared<PlanOptions>();
    declare_rule_options(app, options->rules);
    declare_single(app, "--out", options->out, "FILE: keep the plan for `sync --plan FILE`");
    return [options](Context& context) { return run_plan(context, *options); };
}

} // namespace

Verb plan_verb() {
    return {
        .name = "plan",
        .summary = "what sync would do, and what it holds back, with reasons",
        .description = "Reads all domains that the rules need, and shows each change that sync "
                       "would make and each "
                       "one that\nis held, with its reason. Writes nothing.",
        .exit_status = "0  nothing to do\n1  there are changes, or something is held",
        .examples =
            "scpctl plan\nscpctl plan --rule mage --out mage.plan\n"
            "scpctl plan --server ldaps://dc1.corp.test --keyword QmmEx --account 'CORP\\svc-mage'",
        .schema = "scpd.plan/1",
        .ldif = true,
        .declare = declare_plan};
}

} // namespace scp
