#include "base/text.hpp"
#include "report/status.hpp"

#include <fmt/format.h>

namespace scp {

namespace {

/// A value as text, whatever it is; "-" where there is none.
std::string cell(const Json& object, const char* key) {
    const auto found = object.is_object() ? object.find(key) : object.end();
    if (!object.is_object() || found == object.end() || found->is_null())
        return "-";
    return printable(found->is_string() ? found->get<std::string>() : found->dump());
}

Json list_of(const Json& document, const char* key) {
    const auto found = document.find(key);
    return found != document.end() && found->is_array() ? *found : Json::array();
}

std::string colored_state(const std::string& state, const Style& style) {
    if (state == "ok" || state == "complete")
        return style.green(state);
    return state == "degraded" || state == "incomplete" ? style.red(state) : style.yellow(state);
}

std::string cycle_line(const Json& document) {
    const auto found = document.find("last_cycle");
    if (found == document.end() || !found->is_object())
        return "the first cycle has not ended yet";
    return fmt::format("{} ({}, {} ms): {} written, {} held, {} failed", cell(*found, "at"),
                       cell(*found, "trigger"), cell(*found, "took_ms"), cell(*found, "changes"),
                       cell(*found, "held"), cell(*found, "failed"));
}

std::string paused_lines(const Json& document, const Style& style) {
    std::string text;
    for (const Json& one : list_of(document, "pauses")) {
        const std::string rule = cell(one, "rule");
        const std::string reason = cell(one, "reason");
        text += fmt::format("  {} {} since {} by {}{}\n", style.yellow("paused:"),
                            rule == "-" ? "all rules" : "rule " + rule, cell(one, "since"),
                            cell(one, "who"), reason.empty() ? "" : ": " + reason);
    }
    return text;
}

} // namespace

std::string status_text(const Json& document, const Style& style) {
    std::string text = fmt::format(
        "{} scpd {}, instance {}, since {}\n", colored_state(cell(document, "state"), style),
        cell(document, "version"), cell(document, "instance"), cell(document, "since"));
    text += "  last cycle " + cycle_line(document) + "\n";
    for (const Json& problem : list_of(document, "problems"))
        text += "  " + style.red("problem:") + " " +
                (problem.is_string() ? printable(problem.get<std::string>()) : "-") + "\n";
    text += paused_lines(document, style);

    TextTable domains({"DOMAIN", "STATE", "WATCHED BY", "SERVER", "LAST READ WHOLE"});
    for (const Json& one : list_of(document, "domains"))
        domains.add({cell(one, "domain"), colored_state(cell(one, "state"), style),
                     cell(one, "watch"), cell(one, "server"), cell(one, "last_seen")});
    if (!domains.empty())
        text += "\n" + domains.text(style);
    TextTable rules({"RULE", "MODE", "SOURCES", "TARGETS", "IN SYNC", "HELD"});
    for (const Json& one : list_of(document, "rules"))
        rules.add({cell(one, "name"), cell(one, "mode"), cell(one, "sources"), cell(one, "targets"),
                   cell(one, "in_sync"), cell(one, "held")});
    if (!rules.empty())
        text += "\n" + rules.text(style);
    return text;
}

} // namespace scp
