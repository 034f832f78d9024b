#include "golden/scenario.hpp"

#include <fmt/format.h>

namespace scp::test {
namespace {

std::string number_of(const Guid& guid) {
    return "#" + std::to_string(std::stoull(guid.to_string().substr(24), nullptr, 16));
}

std::string render(const SourceRef& source) {
    return number_of(source.guid) + " in " + source.domain.text();
}

void render_values(std::string& out, const Change& change) {
    std::set<std::string, LessNoCase> names;
    for (const auto* side : {&change.before, &change.after})
        for (const auto& [name, values] : *side)
            names.insert(name);
    for (const auto& name : names) {
        const auto& before = values_of(change.before, name);
        const auto& after = values_of(change.after, name);
        for (const auto& value : before)
            if (std::ranges::find(after, value) == after.end())
                out += fmt::format("    - {}: {}\n", name, printable(value));
        for (const auto& value : after)
            if (std::ranges::find(before, value) == before.end())
                out += fmt::format("    + {}: {}\n", name, printable(value));
    }
}

/// Without the hashes, which say nothing to a reader; whether they fit is for the property tests.
std::string render_marker(const std::string& value) {
    const auto marker = parse_marker(value);
    if (!marker)
        return value.empty() ? "none" : "malformed";
    std::string out = fmt::format("{} {} of {} in {}", marker->instance, marker->rule,
                                  number_of(marker->source), marker->origin.text());
    if (marker->version.kind != SourceVersion::Kind::none)
        out += " at " + marker->version.text;
    if (marker->gone)
        out += ", gone " + to_rfc3339(*marker->gone);
    if (marker->parked)
        out += ", parked " + to_rfc3339(*marker->parked);
    return out;
}

std::string render(const Change& change) {
    std::string out = to_string(change.op) + " " + printable(change.dn.text());
    if (change.guid)
        out += " " + number_of(*change.guid);
    out += "\n";
    if (change.new_dn)
        out += "    to " + printable(change.new_dn->text()) + "\n";
    out += "    " + to_string(change.reason) + ", rule " + change.rule;
    for (const auto& rule : change.also)
        out += " and " + rule;
    if (change.source)
        out += ", source " + render(*change.source);
    out += "\n";
    if (!change.detail.empty())
        out += "    " + change.detail + "\n";
    render_values(out, change);
    if (change.marker_before != change.marker_after)
        out += "    marker: " + render_marker(change.marker_before) + " -> " +
               render_marker(change.marker_after) + "\n";
    return out;
}

std::string render(const Held& held) {
    std::string out = "held " + to_string(held.reason);
    if (!held.rule.empty())
        out += ", rule " + held.rule;
    if (!held.domain.empty() || !held.forest.empty())
        out += fmt::format(", in {}{}", held.domain.text(), held.domain.empty() ? held.forest : "");
    out += "\n";
    if (!held.dn.empty())
        out += "    at " + printable(held.dn.text()) + "\n";
    out += "    " + held.detail + "\n";
    for (const auto& source : held.sources)
        out += "    source " + render(source) + "\n";
    if (held.change)
        out += "    would: " + render(*held.change);
    return out;
}

} // namespace

std::string render(const Plan& plan) {
    std::string out;
    for (const auto& change : plan.changes)
        out += render(change);
    for (const auto& held : plan.held)
        out += render(held);
    return out + fmt::format("in sync: {}\n", plan.in_sync);
}

} // namespace scp::test
