#include "scpctl/daemon.hpp"
#include "scpctl/verbs.hpp"

#include <CLI/CLI.hpp>

namespace scp {

namespace {

RunVerb declare_resync(CLI::App& app) {
    auto rule = std::make_shared<std::string>();
    declare_single(app, "RULE", *rule, "that you wait for; a resync reads for all rules");
    return [rule](Context& context) -> Result<Exit> {
        if (auto good = check_argument("RULE", *rule); !good)
            return fail(good.error());
        return ask_daemon(context, "Resync", {*rule}, "a cycle has been asked for");
    };
}

} // namespace

Verb resync_verb() {
    return {.name = "resync",
            .summary = "has scpd read all domains again, now",
            .description = "Asks the scpd of this host, over D-Bus, for a cycle as soon as the one "
                           "that may run has ended. It is\nanswered at once; scpctl status and "
                           "scpctl watch show what comes of it.",
            .exit_status = "0  a cycle will begin\n4  scpd does not run here, or does not let you",
            .examples = "scpctl resync\nscpctl resync mage",
            .schema = "scpd.request/1",
            .connects = false,
            .declare = declare_resync};
}

} // namespace scp
