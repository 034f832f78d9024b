#include "scpctl/daemon.hpp"
#include "scpctl/verbs.hpp"

#include <CLI/CLI.hpp>

namespace scp {

namespace {

RunVerb declare_reload(CLI::App&) {
    return [](Context& context) {
        return ask_daemon(context, "Reload", {}, "the settings are loaded anew");
    };
}

} // namespace

Verb reload_verb() {
    return {.name = "reload",
            .summary = "has scpd load its settings anew",
            .description = "Asks the scpd of this host, over D-Bus. Settings with problems are "
                           "refused: the old ones stay in force,\nand status says so until good "
                           "ones are loaded.",
            .exit_status = "0  the new settings are in force (2: they have problems)\n"
                           "4  scpd does not run here, or does not let you",
            .examples = "scpctl config check && scpctl reload",
            .schema = "scpd.request/1",
            .connects = false,
            .declare = declare_reload};
}

} // namespace scp
