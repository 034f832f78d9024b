#include "scpctl/host_state.hpp"

#include "base/text.hpp"
#include "report/status.hpp"

#include <fmt/format.h>

#include <utility>

namespace scp {

namespace {

/// `lists`: the keys pauses and approvals, as scpd.status/1 has them too; none where they may not
/// be read.
Json state_document(const Json& lists, const Json& file, bool changed) {
    Json document{{"schema", "scpd.state/1"}, {"changed", changed}, {"file", file}};
    for (const char* key : {"pauses", "approvals"})
        if (const auto found = lists.find(key); found != lists.end())
            document[key] = *found;
    return document;
}

/// What is paused now, so that nobody takes one pause for another.
std::string still_paused(const Json& lists) {
    std::string text;
    const auto shown = [](const Json& one, const char* key) {
        const auto found = one.find(key);
        return found != one.end() && found->is_string() ? printable(found->get<std::string>()) : "";
    };
    for (const Json& one : lists.value("pauses", Json::array())) {
        const std::string rule = shown(one, "rule");
        const std::string reason = shown(one, "reason");
        text += fmt::format("paused: {} since {} by {}{}{}\n",
                            rule.empty() ? "all rules" : "rule " + rule, shown(one, "since"),
                            shown(one, "who"), reason.empty() ? "" : ": ", reason);
    }
    return text;
}

void print_state(Output& out, const StateWish& wish, const Json& lists, const Json& file,
                 bool changed) {
    if (out.structured())
        out.document(state_document(lists, file, changed));
    else
        out.text((changed ? wish.done : wish.already) + "\n" + still_paused(lists));
}

/// Nothing where the caller may act, but not read.
Json lists_of(RunningDaemon& daemon) {
    Json lists = Json::object();
    if (const auto status = read_status(daemon))
        for (const char* key : {"pauses", "approvals"})
            lists[key] = status->value(key, Json::array());
    return lists;
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

Result<Exit> change_by_daemon(Context& context, RunningDaemon& daemon, const StateWish& wish) {
    const Json before = lists_of(daemon);
    if (const auto done = have_done(context, daemon, wish.method, wish.arguments); !done)
        return fail(done.error());
    const Json after = lists_of(daemon);
    print_state(context.out(), wish, after, Json(), before.empty() || before != after);
    return Exit::ok;
}

Result<Exit> change_host_state(Context& context, const StateWish& wish) {
    const StateFile file = context.state_file();
    HostState after;
    const auto changed = file.update([&](HostState& state) {
        const bool yes = wish.change(state);
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
    print_state(out, wish, host_state_json(after), json_value(file.path().string()), *changed);
    return Exit::ok;
}

} // namespace scp
