#include "base/text.hpp"
#include "report/text.hpp"
#include "scpctl/files.hpp"
#include "scpctl/planning.hpp"
#include "scpctl/verbs.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <ostream>

namespace scp {

namespace {

struct SyncOptions {
    RuleOptions rules;
    bool dry_run = false;
    bool yes = false;
    std::string plan;
    std::string approve;
};

constexpr std::size_t largest_plan = std::size_t{64} << 20U;

/// The hash in a file of `plan --out`.
Result<std::string> hash_of_plan_file(const std::string& file) {
    const auto text = read_file(file, largest_plan);
    if (!text)
        return fail(text.error());
    const Json document = Json::parse(*text, nullptr, false);
    const auto field = [&](const char* name) {
        const auto found = document.is_object() ? document.find(name) : document.end();
        return document.is_object() && found != document.end() && found->is_string()
                   ? found->get<std::string>()
                   : "";
    };
    if (field("schema") != "scpd.plan/1" || field("hash").empty())
        return fail(ErrorKind::usage, fmt::format("{} is not a plan", printable(file)),
                    "make one: scpctl plan --out FILE");
    return field("hash");
}

/// Shows the plan and asks; true where the person says yes.
bool ask(Context& context, const Plan& plan) {
    Output& out = context.out();
    context.progress().clear();
    std::string shown;
    for (const Change& change : plan.changes)
        shown += change_text(change, {}, out.style_for_errors());
    for (const Held& held : plan.held)
        shown += held_text(held, out.style_for_errors());
    context.around().err << shown
                         << fmt::format("Write {}? [y/N] ", counted(plan.changes.size(), "change"))
                         << std::flush;
    const std::string answer = lower_ascii(context.around().read_answer());
    return answer == "y" || answer == "yes";
}

Exit exit_of_sync(const CycleReport& report, bool refused) {
    Exit code = refused || report.state_error || !report.plan.held.empty() ? Exit::held : Exit::ok;
    if (report.error)
        code = more_urgent(code, report.error->kind == ErrorKind::conflict ? Exit::held
                                                                           : Exit::write_failed);
    for (const auto& [id, result] : report.results) {
        // A write that was tried and refused has failed; one that was not even tried is held.
        if (result.state == ChangeResult::State::failed ||
            (result.state == ChangeResult::State::skipped && !result.held))
            code = more_urgent(code, Exit::write_failed);
        else if (result.held)
            code = more_urgent(code, Exit::held);
    }
    return code;
}

Error another_plan(const std::string& file, const std::string& hash) {
    return {
        ErrorKind::conflict,
        fmt::format("the directory has changed since {} was made: the plan is another one now, {}",
                    printable(file), hash),
        "nothing was written; make a new plan and look at it: scpctl plan --out FILE", 0};
}

Result<Exit> run_sync(Context& context, const SyncOptions& options) {
    const bool may_ask = context.around().in_is_terminal && context.around().err_is_terminal;
    if (!options.dry_run && !options.yes && !may_ask)
        return fail(ErrorKind::usage, "sync writes: there is no terminal to ask on",
                    "--yes to go ahead, --dry-run to see what would be done");
    if (!options.dry_run && context.out().format() == Format::ldif)
        return fail(ErrorKind::usage, "LDIF shows what would be written", "sync --dry-run -o ldif");
    std::optional<std::string> wanted;
    if (!options.plan.empty()) {
        auto hash = hash_of_plan_file(options.plan);
        if (!hash)
            return fail(hash.error());
        wanted = std::move(*hash);
    }
    auto rules = rules_to_plan(context, options.rules);
    if (!rules)
        return fail(rules.error());

    CycleOptions cycle;
    cycle.rules = std::move(*rules);
    if (!options.approve.empty())
        cycle.approved = options.approve;
    bool refused = false;
    if (!options.dry_run)
        cycle.go_ahead = [&](const Plan& plan) {
            if (context.stop().stop_requested())
                return false;
            refused = (wanted && plan.hash() != *wanted) || (!options.yes && !ask(context, plan));
            return !refused;
        };
    auto planned = run_planned(context, std::move(cycle));
    if (!planned)
        return fail(planned.error());
    const CycleReport& report = planned->report;
    const bool declined = refused;
    if (wanted && report.plan.hash() != *wanted) {
        refused = true;
        planned->refused = another_plan(options.plan, report.plan.hash());
    }
    if (declined && !planned->refused && context.out().format() == Format::text)
        context.out().text("nothing was written: " + summary_line(report) + "\n");
    else
        print_planned(context, *planned, plan_text);
    say_how_to_approve(context, report);
    if (planned->refused)
        context.out().error(*planned->refused);
    if (report.error)
        context.out().error(*report.error);
    const Exit code =
        options.dry_run && !refused ? exit_of_plan(report) : exit_of_sync(report, refused);
    return exit_of_read(context, planned->incomplete, code);
}

RunVerb declare_sync(CLI::App& app) {
    auto options = std::make_shared<SyncOptions>();
    declare_rule_options(app, options->rules);
    app.add_flag("-n,--dry-run", options->dry_run, "write nothing: the same as plan");
    app.add_flag("-y,--yes", options->yes, "do not ask");
    declare_single(app, "--plan", options->plan,
                   "FILE: write only if the plan is still the one in FILE");
    declare_single(app, "--approve", options->approve,
                   "HASH: this plan may exceed the limits, and use new sources");
    return [options](Context& context) { return run_sync(context, *options); };
}

} // namespace

Verb sync_verb() {
    return {.name = "sync",
            .summary = "makes the copies what their sources ask them to be",
            .description = "Plans and writes. On a terminal it shows the plan and asks; elsewhere "
                           "it needs --yes. The state "
                           "before each\nwrite is kept in the history first.",
            .exit_status = "0  all copies are as they should be\n3  something was held or "
                           "refused\n5  a write failed\n"
                           "With --dry-run as plan: 0 nothing to do, 1 changes or held.",
            .examples = "scpctl sync\nscpctl sync --rule mage --yes\nscpctl plan --out p && scpctl "
                        "sync --plan p --yes",
            .schema = "scpd.plan/1",
            .ldif = true,
            .declare = declare_sync};
}

} // namespace scp
