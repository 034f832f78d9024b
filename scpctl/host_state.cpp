#include "scpctl/host_state.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <utility>

namespace scp {

namespace {

Json state_document(const HostState& state, const std::filesystem::path& file, bool changed) {
    Json pauses = Json::array();
    for (const Pause& one : state.pauses)
        pauses.push_back({{"rule", one.rule.empty() ? Json() : json_value(one.rule)},
                          {"reason", json_value(one.reason)},
                          {"who", json_value(one.who)},
                          {"since", to_rfc3339(one.since)}});
    Json approvals = Json::array();
    for (const Approval& one : state.approvals)
        approvals.push_back({{"hash", json_value(one.hash)},
                             {"who", json_value(one.who)},
                             {"at", to_rfc3339(one.at)}});
    return {{"schema", "scpd.state/1"},
            {"changed", changed},
            {"file", json_value(file.string())},
            {"pauses", std::move(pauses)},
            {"approvals", std::move(approvals)}};
}

/// What else holds, so that nobody takes one pause for another.
std::string still_paused(const HostState& state) {
    std::string text;
    for (const Pause& one : state.pauses)
        text += fmt::format("paused: {} since {} by {}{}{}\n",
                            one.rule.empty() ? "all rules" : "rule " + printable(one.rule),
                            to_rfc3339(one.since), printable(one.who),
                            one.reason.empty() ? "" : ": ", printable(one.reason));
    return text;
}

} // namespace

Result<std::string> check_rule_name(Context& context, const std::string& name) {
    RuleOptions wanted;
    wanted.names = {name};
    auto rules = context.select_rules(wanted);
    if (!rules)
        return fail(rules.error());
    return rules->front().name;
}

Result<Exit> change_host_state(Context& context, const std::function<bool(HostState&)>& change,
                               const std::string& done, const std::string& already) {
    const StateFile file = context.state_file();
    HostState after;
    const auto changed = file.update([&](HostState& state) {
        const bool yes = change(state);
        after = state;
        return yes;
    });
    Output& out = context.out();
    if (!changed) {
        if (out.structured())
            out.document({{"schema", "scpd.state/1"},
                          {"changed", false},
                          {"file", json_value(file.path().string())},
                          {"error", error_json(changed.error())}});
        out.error(changed.error());
        return Exit::write_failed;
    }
    if (out.structured())
        out.document(state_document(after, file.path(), *changed));
    else
        out.text((*changed ? done : already) + "\n" + still_paused(after));
    return Exit::ok;
}

} // namespace scp
