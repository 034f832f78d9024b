#include "report/text.hpp"
#include "scpctl/planning.hpp"
#include "scpctl/verbs.hpp"

#include <CLI/CLI.hpp>

namespace scp {

namespace {

Result<Exit> run_diff(Context& context, const RuleOptions& options) {
    CycleOptions cycle;
    auto rules = rules_to_plan(context, options);
    if (!rules)
        return fail(rules.error());
    cycle.rules = std::move(*rules);
    const auto planned = run_planned(context, std::move(cycle));
    if (!planned)
        return fail(planned.error());
    print_planned(context, *planned, diff_text);
    return exit_of_read(context, planned->incomplete, exit_of_plan(planned->report));
}

RunVerb declare_diff(CLI::App& app) {
    auto options = std::make_shared<RuleOptions>();
    declare_rule_options(app, *options);
    return [options](Context& context) { return run_diff(context, *options); };
}

} // namespace

Verb diff_verb() {
    return {.name = "diff",
            .summary = "source against copy, value by value",
            .description = "Shows each copy (---) against what its source asks it to be (+++), "
                           "value by value, with the "
                           "values that\nstay as context. Writes nothing.",
            .exit_status = "0  the same\n1  there are differences, or something is held",
            .examples = "scpctl diff\nscpctl diff --rule mage --color always | less -R",
            .schema = "scpd.plan/1",
            .ldif = false,
            .declare = declare_diff};
}

} // namespace scp
