#include "base/text.hpp"
#include "scpctl/host_state.hpp"
#include "scpctl/named_object.hpp"
#include "scpctl/verbs.hpp"
#include "scpctl/writing.hpp"

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
    const auto daemon = daemon_for(context);
    std::string rule = name; // the daemon knows its own
    if (!name.empty() && !daemon) {
        auto known = rule_to_resume(context, name);
        if (!known)
            return fail(known.error());
        rule = std::move(*known);
    }
    const std::string shown = printable(rule);
    const std::string what = rule.empty() ? "the pause of all rules" : "the pause of rule " + shown;
    const StateWish wish{[&](HostState& state) { return resume(state, rule); },
                         "Resume",
                         {rule},
                         what + " is over now",
                         rule.empty() ? "not all rules were paused"
                                      : "rule " + shown + " was not paused by itself"};
    return daemon ? change_by_daemon(context, *daemon, wish) : change_host_state(context, wish);
}

/// The daemon has the right to write it, whoever asks.
Result<Exit> resume_copy_by_daemon(Context& context, RunningDaemon& daemon, const std::string& dn) {
    if (auto ok = check_named_object(dn); !ok)
        return fail(ok.error());
    if (const auto done = have_done(context, daemon, "Resume", {dn}); !done)
        return fail(done.error());
    if (context.out().structured())
        context.out().document(
            {{"schema", "scpd.write/1"}, {"changed", true}, {"writes", Json::array()}});
    else
        context.out().text("scpd writes it again from its next cycle on: " + printable(dn) + "\n");
    return Exit::ok;
}

/// What is parked is so in the directory, for all hosts.
Result<Exit> resume_copy(Context& context, const std::string& name) {
    const auto settings = context.settings();
    if (!settings)
        return fail(settings.error());
    if (auto ok = check_named_object(name); !ok)
        return fail(ok.error());
    const auto topology = context.topology();
    if (!topology)
        return fail(topology.error());
    const auto object = find_named_object(context, **topology, name);
    if (!object)
        return fail(object.error());
    Observation observation;
    observation.domains = {object->view};
    HandWrite write;
    write.add(
        unparking(object->found.scp, {**settings, (*settings)->rules, **topology, observation}));
    return finish_by_hand(
        context, **topology, write, false,
        write.changes.empty() ? "" : "scpctl: the next cycle brings it into line with its source");
}

Result<Exit> run_resume(Context& context, const std::string& what) {
    const GlobalOptions& options = context.options();
    const bool connects = options.overrides_connection() || !options.servers.empty();
    if (what.find('=') != std::string::npos) { // never in a rule's name, always in a DN
        const auto daemon = connects ? nullptr : daemon_for(context);
        return daemon ? resume_copy_by_daemon(context, *daemon, what) : resume_copy(context, what);
    }
    if (connects)
        return fail(ErrorKind::usage,
                    "a pause is in this host's state file: --server, --ca-file, --starttls, "
                    "--bind-dn, --password-file and --mech change nothing there",
                    "leave them away, or name a copy by its DN");
    return resume_rule(context, what);
}

RunVerb declare_resume(CLI::App& app) {
    auto what = std::make_shared<std::string>();
    declare_single(app, "WHAT", *what, "RULE, or the DN of a parked copy; if left out, all rules");
    return [what](Context& context) { return run_resume(context, *what); };
}

} // namespace

Verb resume_verb() {
    return {.name = "resume",
            .summary = "ends a pause, or lets scpd write a parked copy again",
            .description = "With a rule's name, ends the pause of that rule; without, the pause of "
                           "all rules (rules that are\npaused by themselves stay so). With a "
                           "copy's DN, takes parked off "
                           "its marker (scpd.write/1).\nBy the scpd of this host, over D-Bus; "
                           "where none runs, or connection flags are given, by itself.",
            .exit_status = "0  it is not paused or parked any more\n1  there is no such copy\n"
                           "3  refused: not a copy of ours, or changed meanwhile\n"
                           "5  the state file, or the marker, could not be written",
            .examples = "scpctl resume mage\nscpctl resume\n"
                        "scpctl resume 'CN=x,CN=scpd,CN=System,DC=corp,DC=test'",
            .schema = "scpd.state/1",
            .declare = declare_resume};
}

} // namespace scp
