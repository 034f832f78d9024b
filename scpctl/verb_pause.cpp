#include "base/text.hpp"
#include "scpctl/host_state.hpp"
#include "scpctl/verbs.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace scp {

namespace {

constexpr std::size_t longest_reason = 1000; // bytes

struct PauseOptions {
    std::string rule;
    std::string reason;
};

Result<Exit> run_pause(Context& context, const PauseOptions& options) {
    if (auto ok = check_argument("--reason", options.reason); !ok)
        return fail(ok.error());
    if (options.reason.size() > longest_reason)
        return fail(ErrorKind::usage, fmt::format("--reason: longer than {} bytes", longest_reason),
                    "say it in a line");
    const auto daemon = daemon_for(context);
    std::string rule = options.rule; // the daemon knows its own
    if (!rule.empty() && !daemon) {
        auto known = check_rule_name(context, options.rule);
        if (!known) {
            Error error = known.error();
            error.hint += (error.hint.empty() ? "" : "; ") +
                          std::string("nothing was paused (without a rule's name, scpctl pause "
                                      "pauses all of them, whatever the settings are)");
            return fail(std::move(error));
        }
        rule = std::move(*known);
    }
    const std::string what = rule.empty() ? "all rules" : "rule " + printable(rule);
    const StateWish wish{[&](HostState& state) {
                             return pause(state, {rule, options.reason, this_user(),
                                                  std::chrono::floor<std::chrono::seconds>(
                                                      std::chrono::system_clock::now())});
                         },
                         "Pause",
                         {rule, options.reason},
                         what + (rule.empty() ? " are paused now" : " is paused now"),
                         what + (rule.empty() ? " were paused already" : " was paused already")};
    return daemon ? change_by_daemon(context, *daemon, wish) : change_host_state(context, wish);
}

RunVerb declare_pause(CLI::App& app) {
    auto options = std::make_shared<PauseOptions>();
    declare_single(app, "RULE", options->rule, "this rule alone; all rules if left out");
    declare_single(app, "--reason", options->reason, "R: why, shown with all that is held for it");
    return [options](Context& context) { return run_pause(context, *options); };
}

} // namespace

Verb pause_verb() {
    return {.name = "pause",
            .summary = "lets nothing be written for a rule, or for all of them, until resume",
            .description =
                "By the scpd of this host, over D-Bus; where none runs, in this host's state "
                "file, which scpd and scpctl\nsync go by. All is read and planned as ever, and "
                "shown as held: paused.",
            .exit_status = "0  it is paused\n4  scpd runs and does not let you\n5  the state file "
                           "could not be read or written",
            .examples = "scpctl pause mage --reason 'the database moves tonight'\nscpctl pause",
            .schema = "scpd.state/1",
            .connects = false,
            .declare = declare_pause};
}

} // namespace scp
