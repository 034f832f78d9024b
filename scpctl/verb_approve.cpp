#include "base/text.hpp"
#include "scpctl/host_state.hpp"
#include "scpctl/verbs.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace scp {

namespace {

Result<Exit> run_approve(Context& context, const std::string& text) {
    const auto hash = check_plan_hash(text);
    if (!hash)
        return fail(hash.error());
    const StateWish wish{
        [&](HostState& state) {
            return approve(state, {*hash, this_user(),
                                   std::chrono::floor<std::chrono::seconds>(
                                       std::chrono::system_clock::now())});
        },
        "Approve",
        {*hash},
        fmt::format("approved: {}; it goes out once, within {} days, if the plan is then still "
                    "exactly this one",
                    *hash, std::chrono::duration_cast<std::chrono::days>(longest_approval).count()),
        fmt::format("approved already: {}", *hash)};
    const auto daemon = daemon_for(context);
    return daemon ? change_by_daemon(context, *daemon, wish) : change_host_state(context, wish);
}

RunVerb declare_approve(CLI::App& app) {
    auto hash = std::make_shared<std::string>();
    app.add_option("HASH", *hash, "of the plan, as plan, sync and the log show it")
        ->required()
        ->type_name("");
    return [hash](Context& context) { return run_approve(context, *hash); };
}

} // namespace

Verb approve_verb() {
    return {
        .name = "approve",
        .summary = "lets exactly one plan go out that is over the limits or uses new sources",
        .description =
            "By the scpd of this host, over D-Bus; where none runs, in this host's state file, "
            "which scpd and\nscpctl sync go by. It is used up when the plan with exactly that hash "
            "goes out; a plan that differs in anything\nneeds another one.",
        .exit_status = "0  approved\n4  scpd runs and does not let you\n5  the state file could "
                       "not be read or written",
        .examples = "scpctl approve "
                    "sha256:0c5c4d8f29cc1b6e5c0f3c5ee01b7d1ba3ac7a4a7b3c6d9be5a0a4c6a5f6e7d8",
        .schema = "scpd.state/1",
        .connects = false,
        .declare = declare_approve};
}

} // namespace scp
