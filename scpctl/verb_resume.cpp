#include "base/text.hpp"
#include "scpctl/host_state.hpp"
#include "scpctl/verbs.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace scp {

namespace {

/// A rule that is paused may be resumed whatever the settings say by now.
Result<std::string> rule_to_resume(Context& context, const std::string& name) {
    const auto state = context.state_file().read();
    if (state)
        if (const Pause* found = find_pause(*state, name))
            return found->rule;
    return check_rule_name(context, name);
}

Result<Exit> resume_rule(Context& context, const std::string& name) {
    std::string rule;
    if (!name.empty()) {
        auto known = rule_to_resume(context, name);
        if (!known)
            return fail(known.error());
        rule = std::move(*known);
    }
    const std::string what = rule.empty() ? "the pause of all rules" : "the pause of rule " + rule;
    return change_host_state(
        context, [&](HostState& state) { return resume(state, rule); }, what + " is over now",
        rule.empty() ? "not all rules were paused" : "rule " + rule + " was not paused by itself");
}

RunVerb declare_resume(CLI::App& app) {
    auto what = std::make_shared<std::string>();
    declare_single(app, "RULE", *what, "the rule; if left out, what pause without a rule began");
    return [what](Context& context) { return resume_rule(context, *what); };
}

} // namespace

Verb resume_verb() {
    return {.name = "resume",
            .summary = "ends a pause",
            .description = "With a rule's name, ends the pause of that rule; without, the pause of "
                           "all rules (rules that are\npaused by themselves stay so).",
            .exit_status = "0  it is not paused any more\n5  the state file could not be read or "
                           "written",
            .examples = "scpctl resume mage\nscpctl resume",
            .schema = "scpd.state/1",
            .declare = declare_resume};
}

} // namespace scp
