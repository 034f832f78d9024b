#include "base/text.hpp"
#include "scpctl/host_state.hpp"
#include "scpctl/verbs.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace scp {

namespace {

/// "sha256:" and 64 hex digits, as plans show it.
Result<std::string> check_hash(const std::string& text) {
    constexpr std::string_view kind = "sha256:";
    const std::string hash = lower_ascii(text);
    const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    if (!hash.starts_with(kind) || hash.size() != kind.size() + 64 ||
        !std::ranges::all_of(std::string_view(hash).substr(kind.size()), is_hex))
        return fail(ErrorKind::usage, fmt::format("{}: this is no plan's hash", printable(text)),
                    "scpctl plan -o json shows it: sha256: and 64 hex digits");
    return hash;
}

Result<Exit> run_approve(Context& context, const std::string& text) {
    const auto hash = check_hash(text);
    if (!hash)
        return fail(hash.error());
    return change_host_state(
        context,
        [&](HostState& state) {
            return approve(state, {*hash, this_user(),
                                   std::chrono::floor<std::chrono::seconds>(
                                       std::chrono::system_clock::now())});
        },
        fmt::format("approved: {}; it goes out once, within {} days, if the plan is then still "
                    "exactly this one",
                    *hash, std::chrono::duration_cast<std::chrono::days>(longest_approval).count()),
        fmt::format("approved already: {}", *hash));
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
    return {.name = "approve",
            .summary = "lets exactly one plan go out that is over the limits or uses new sources",
            .description =
                "Writes the approval into this host's state file; scpd notices it at once, and "
                "scpctl sync goes by\nit too. It is used up when the plan with exactly that hash "
                "goes out; a plan that differs in anything\nneeds another one.",
            .exit_status = "0  approved\n5  the state file could not be read or written",
            .examples = "scpctl approve "
                        "sha256:0c5c4d8f29cc1b6e5c0f3c5ee01b7d1ba3ac7a4a7b3c6d9be5a0a4c6a5f6e7d8",
            .schema = "scpd.state/1",
            .connects = false,
            .declare = declare_approve};
}

} // namespace scp
