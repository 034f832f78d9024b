#include "scpctl/planning.hpp"

#include "base/text.hpp"
#include "report/documents.hpp"
#include "report/ldif.hpp"
#include "scpctl/needed.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace scp {

Result<std::vector<Rule>> rules_to_plan(Context& context, const RuleOptions& options) {
    auto rules = context.select_rules(options);
    if (!rules)
        return rules;
    if (rules->empty())
        return fail(
            ErrorKind::usage, "there is no rule to plan with",
            "write one into the settings, or give --keyword K with --account A or --to DOMAIN");
    for (const Rule& rule : *rules)
        if (rule.accounts.empty() && rule.target_domains.empty())
            return fail(ErrorKind::usage,
                        fmt::format("rule {} has no target: whose agents look for it?", rule.name),
                        "--account A, once for each agent's account, or --to DOMAIN");
    for (const Rule& rule : *rules)
        if (rule.container.kind == TargetContainer::Kind::configuration)
            context.out().note(
                fmt::format("scpctl: rule {}: {}", rule.name, configuration_copies_warning));
    return rules;
}

Result<Planned> run_planned(Context& context, CycleOptions options) {
    const auto sessions = context.sessions();
    if (!sessions)
        return fail(sessions.error());
    options.progress = [&](const std::string& stage) { context.progress().stage(stage); };
    options.confirm_at_once = true;
    options.open_history = [&] { return context.open_history(); };
    options.read_state = [file = context.state_file()] { return file.read(); };
    options.read_past = [dir = context.history_dir()](Timestamp now) {
        return read_past(dir, now);
    };
    options.use_up = [file = context.state_file()](const std::string& hash) {
        return file.update([&](HostState& state) { return use_up(state, hash); });
    };
    Planned planned;
    planned.report = run_cycle(**sessions, options);
    context.progress().clear();
    planned.instance = (*sessions)->settings().instance;
    planned.marker_attribute = (*sessions)->settings().marker_attribute;
    planned.incomplete =
        needed_but_incomplete({(*sessions)->settings(), options.rules, planned.report.topology,
                               planned.report.observation});
    return planned;
}

Json planned_json(const Planned& planned) {
    Json document = plan_document(planned.report, planned.instance, !planned.incomplete);
    if (planned.report.past_error)
        document["warning"] = error_json(*planned.report.past_error);
    if (planned.refused)
        document["error"] = error_json(*planned.refused);
    if (planned.report.state_error)
        document["error"] = error_json(*planned.report.state_error);
    if (planned.incomplete)
        document["error"] = error_json(*planned.incomplete);
    if (planned.report.error)
        document["error"] = error_json(*planned.report.error);
    return document;
}

void print_planned(Context& context, const Planned& planned,
                   std::string (*text)(const CycleReport&, const Style&)) {
    Output& out = context.out();
    if (out.structured())
        out.document(planned_json(planned));
    else if (out.format() == Format::ldif)
        out.text(changes_ldif(planned.report.plan.changes, all_held(planned.report),
                              planned.marker_attribute));
    else
        out.text(text(planned.report, out.style()));
    if (planned.report.state_error)
        out.error(*planned.report.state_error);
    if (const auto& warning = planned.report.past_error)
        out.note("scpctl: " + warning->message + "\nhint: " + warning->hint);
}

void say_how_to_approve(Context& context, const CycleReport& report) {
    const std::string hash = hash_to_approve(report);
    if (hash.empty())
        return;
    const bool over = std::ranges::find(report.plan.held, Reason::limit_exceeded, &Held::reason) !=
                      report.plan.held.end();
    context.out().note(fmt::format(
        "scpctl: {}. If it is meant: scpctl sync --approve {}\n(for scpd on this host: "
        "scpctl approve with the same)",
        over ? "this is more than the limits allow at once" : "a new source waits for an approval",
        hash));
}

Exit exit_of_read(Context& context, const std::optional<Error>& incomplete, Exit otherwise) {
    if (context.stop().stop_requested()) {
        context.out().note("scpctl: interrupted");
        return Exit::interrupted;
    }
    if (!incomplete)
        return otherwise;
    // What was not even tried for the caller's own mistake, such as a CA file that is not there, is
    // more than an unread domain.
    const bool mistake = exit_for(*incomplete) == Exit::usage;
    if (context.options().partial && !mistake) {
        context.out().note("scpctl: " + incomplete->message);
        return otherwise;
    }
    context.out().error(*incomplete);
    return more_urgent(otherwise, mistake ? Exit::usage : Exit::unreachable);
}

Exit exit_of_plan(const CycleReport& report) {
    return report.plan.changes.empty() && report.plan.held.empty() && !report.state_error
               ? Exit::ok
               : Exit::no;
}

} // namespace scp
