#include "report/events.hpp"

#include "base/text.hpp"
#include "report/documents.hpp"

#include <fmt/format.h>

namespace scp {

namespace {

std::string message_and_hint(const Error& error) {
    return error.hint.empty() ? error.message : error.message + " — " + error.hint;
}

Event event_of(const Change& change, Timestamp at, std::string kind) {
    const Dn& dn = change.new_dn ? *change.new_dn : change.dn;
    return {at,        std::move(kind),          change.rule,  change.domain.text(),
            dn.text(), to_string(change.reason), change.detail};
}

std::string field(const Json& document, const char* key) {
    const auto found = document.is_object() ? document.find(key) : document.end();
    if (!document.is_object() || found == document.end() || found->is_null())
        return {};
    return printable(found->is_string() ? found->get<std::string>() : found->dump());
}

std::string colored_kind(const std::string& kind, const Style& style) {
    if (kind == "failed" || kind == "incomplete" || kind == "settings-refused")
        return style.red(kind);
    if (kind == "held" || kind == "paused")
        return style.yellow(kind);
    return style.green(kind);
}

} // namespace

Json event_json(const Event& event) {
    return {{"schema", "scpd.event/1"},
            {"at", to_rfc3339(event.at)},
            {"kind", event.kind},
            {"rule", json_value(event.rule)},
            {"domain", json_value(event.domain)},
            {"dn", json_value(event.dn)},
            {"reason", event.reason},
            {"detail", json_value(event.detail)}};
}

std::string event_text(const Json& document, const Style& style) {
    std::string line =
        style.dim(field(document, "at")) + " " + colored_kind(field(document, "kind"), style);
    if (const std::string dn = field(document, "dn"); !dn.empty())
        line += " " + dn;
    std::string about;
    for (const char* key : {"reason", "rule", "domain"})
        if (const std::string value = field(document, key); !value.empty()) {
            about += about.empty() ? "" : ", ";
            about += (key == std::string_view("reason") ? "" : std::string(key) + " ") + value;
        }
    if (!about.empty())
        line += " (" + about + ")";
    // Escaped where it was made; what could steer a terminal is taken out all the same.
    const auto detail = document.find("detail");
    if (detail != document.end() && detail->is_string() && !detail->get<std::string>().empty())
        line += ": " + printable(detail->get<std::string>());
    return line + "\n";
}

std::vector<Event> EventFeed::tell(const CycleReport& report, Timestamp at) {
    at_ = at;
    std::vector<Event> out;
    tell_writes(report, out);

    Facts held;
    for (const Held& one : report.plan.held)
        held.emplace(one.id(),
                     Event{at, "held", one.rule, one.domain.text(),
                           one.change ? one.change->dn.text() : one.dn.text(),
                           to_string(one.reason),
                           one.hint.empty() ? one.detail : one.detail + " — " + one.hint});
    tell_turns(std::move(held), held_, "no-longer-held", out);

    Facts lost;
    for (const Forest& forest : report.topology.forests)
        if (forest.error)
            lost.emplace("forest " + forest.name,
                         Event{at, "incomplete", "", "", "", "",
                               "forest " + forest.name + ": " + message_and_hint(*forest.error)});
    for (const DomainView& view : report.observation.domains)
        if (view.incomplete)
            lost.emplace(fmt::format("domain {} {}", view.forest, view.domain.text()),
                         Event{at, "incomplete", "", view.domain.text(), "", "",
                               message_and_hint(*view.incomplete)});
    tell_turns(std::move(lost), lost_, "complete", out);
    return out;
}

void EventFeed::tell_writes(const CycleReport& report, std::vector<Event>& out) const {
    for (const Change& change : report.plan.changes) {
        const auto found = report.results.find(change.id());
        if (found != report.results.end() && found->second.state == ChangeResult::State::done) {
            out.push_back(event_of(change, at_, to_string(change.op)));
            continue;
        }
        Event event = event_of(change, at_, "failed");
        if (found != report.results.end() && found->second.held) {
            event.kind = "held";
            event.reason = to_string(*found->second.held);
        }
        if (found != report.results.end() && found->second.error)
            event.detail = message_and_hint(*found->second.error);
        else if (report.error)
            event.detail = message_and_hint(*report.error);
        out.push_back(std::move(event));
    }
}

void EventFeed::tell_turns(Facts now, Facts& before, const char* over,
                           std::vector<Event>& out) const {
    for (const auto& [key, event] : now)
        if (!before.contains(key))
            out.push_back(event);
    for (auto& [key, event] : before)
        if (!now.contains(key)) {
            Event end = event;
            end.at = at_;
            end.kind = over;
            end.detail.clear();
            out.push_back(std::move(end));
        }
    before = std::move(now);
}

} // namespace scp
