#include "scpctl/planning.hpp"
#include "scpctl/preflight.hpp"
#include "scpctl/preflight_gather.hpp"
#include "scpctl/verbs.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>

namespace scp {

namespace {

struct PreflightOptions {
    RuleOptions rules;
    std::string grant, group = "scpd-writers";
};

Result<std::optional<GrantTool>> tool_of(const std::string& name) {
    static constexpr std::array tools{std::pair("dsacls", GrantTool::dsacls),
                                      std::pair("powershell", GrantTool::powershell),
                                      std::pair("samba-tool", GrantTool::samba_tool)};
    if (name.empty())
        return std::nullopt;
    for (const auto& [known, tool] : tools)
        if (name == known)
            return tool;
    return fail(ErrorKind::usage, "--grant " + name + ": there is no such tool",
                "dsacls, powershell or samba-tool");
}

Result<Exit> run_preflight(Context& context, const PreflightOptions& options) {
    const auto tool = tool_of(options.grant);
    if (!tool)
        return fail(tool.error());
    if (const auto good = check_argument("--group", options.group); !good)
        return fail(good.error());
    auto rules = context.select_rules(options.rules);
    if (!rules)
        return fail(rules.error());
    const auto sessions = context.sessions();
    if (!sessions)
        return fail(sessions.error());
    CycleOptions cycle;
    cycle.rules = *rules;
    auto planned = run_planned(context, std::move(cycle));
    if (!planned)
        return fail(planned.error());
    context.progress().stage("trying the servers");
    (*sessions)->probe(planned->report.topology);
    context.progress().stage("reading rights");
    const PreflightFacts facts =
        gather_preflight(planned->report, *rules, **sessions, CycleOptions{}.now());
    context.progress().clear();

    const std::vector<PreflightCheck> checks = preflight_checks(facts);
    Output& out = context.out();
    if (*tool && !out.structured()) {
        const std::string commands = grant_commands(facts, **tool, options.group);
        out.text(commands.empty() ? "# nothing that could be granted is missing\n" : commands);
    } else if (out.structured()) {
        Json document = preflight_document(checks);
        if (*tool)
            document["grant"] = grant_commands(facts, **tool, options.group);
        out.document(document);
    } else {
        out.text(preflight_text(checks, out.style()));
    }
    const bool good = std::ranges::all_of(checks, &PreflightCheck::ok);
    return exit_of_read(context, planned->incomplete, good ? Exit::ok : Exit::no);
}

RunVerb declare_preflight(CLI::App& app) {
    auto options = std::make_shared<PreflightOptions>();
    declare_rule_options(app, options->rules);
    declare_single(
        app, "--grant", options->grant,
        "dsacls | powershell | samba-tool: print the commands that grant what is missing");
    declare_single(app, "--group", options->group,
                   "G: the group that gets the rights; scpd-writers, made where it is not there");
    return [options](Context& context) { return run_preflight(context, *options); };
}

} // namespace

Verb preflight_verb() {
    return {.name = "preflight",
            .summary = "what is missing before scpd can work: servers, log-in, clocks, rights",
            .description =
                "Tries every server, logs in, compares clocks, and asks each domain controller "
                "what the account may do in\nthe containers that copies go to. Writes nothing. "
                "With --grant it prints the least delegation that is\nmissing, for an "
                "administrator to read and run.",
            .exit_status = "0  nothing is missing\n1  something is",
            .examples = "scpctl preflight\nscpctl preflight --grant dsacls > grant.ps1\nscpctl "
                        "preflight --grant samba-tool --group scpd-writers",
            .schema = "scpd.preflight/1",
            .ldif = false,
            .declare = declare_preflight};
}

} // namespace scp
