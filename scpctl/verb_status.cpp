#include "report/status.hpp"
#include "scpctl/daemon.hpp"
#include "scpctl/verbs.hpp"

#include <CLI/CLI.hpp>

namespace scp {

namespace {

Result<Exit> run_status(Context& context) {
    const auto daemon = context.around().find_daemon();
    if (!daemon)
        return fail(daemon.error());
    const auto document = read_status(**daemon);
    if (!document)
        return fail(document.error());
    Output& out = context.out();
    if (out.structured())
        out.document(*document);
    else
        out.text(status_text(*document, out.style()));
    const auto state = document->find("state");
    return state != document->end() && *state == "degraded" ? Exit::no : Exit::ok;
}

RunVerb declare_status(CLI::App&) {
    return run_status;
}

} // namespace

Verb status_verb() {
    return {.name = "status",
            .summary = "how scpd is: state, last cycle, domains, rules, pauses",
            .description =
                "Asks the scpd of this host, over D-Bus (root, or the group scpd). degraded: a "
                "domain was not read whole,\na write failed, the history or the state file cannot "
                "be used, or new settings were refused.",
            .exit_status = "0  starting, ok or paused\n1  degraded\n4  scpd does not run here, or "
                           "does not let you read",
            .examples = "scpctl status\nscpctl status -o json | jq -r .state",
            .schema = "scpd.status/1",
            .connects = false,
            .declare = declare_status};
}

} // namespace scp
