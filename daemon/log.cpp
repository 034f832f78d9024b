#include "daemon/log.hpp"

#include "base/text.hpp"
#include "report/accounts_report.hpp"

#include <fmt/format.h>

namespace scp {
namespace {

std::string describe(const Change& change) {
    std::string out =
        fmt::format("{} {} ({}, rule {}", to_string(change.op), printable(change.dn.text()),
                    to_string(change.reason), change.rule);
    if (change.source)
        out += fmt::format(", source {}", printable(change.source->dn.text()));
    out += ")";
    return change.detail.empty() ? out : out + ": " + change.detail;
}

LogEvent event_of(EventKind kind, const Change& change, std::string message) {
    return {.kind = kind,
            .message = std::move(message),
            .rule = change.rule,
            .domain = change.domain.text(),
            .dn = printable(change.dn.text()),
            .op = to_string(change.op),
            .reason = to_string(change.reason),
            .change_id = change.id()};
}

LogEvent event_of(const Held& held) {
    const Dn& dn = held.change ? held.change->dn : held.dn;
    std::string what = printable(dn.text());
    if (held.change)
        what = to_string(held.change->op) + " " + what;
    return {.kind = EventKind::change_held,
            .message = fmt::format("{} ({}, rule {}, domain {}): {}{}{}", what,
                                   to_string(held.reason), held.rule, held.domain.text(),
                                   held.detail, held.hint.empty() ? "" : " — ", held.hint),
            .rule = held.rule,
            .domain = held.domain.text(),
            .dn = printable(dn.text()),
            .op = held.change ? to_string(held.change->op) : "",
            .reason = to_string(held.reason),
            .change_id = held.change ? held.change->id() : held.id()};
}

std::string with_hint(const Error& error) {
    return error.hint.empty() ? error.message : error.message + " — " + error.hint;
}

} // namespace

void CycleLog::tell(const CycleDone& done, const std::string& trigger) {
    const CycleReport& report = done.report;
    tell_domains(report);
    tell_held(report.plan);
    tell_accounts(report.observation);
    std::size_t failed = 0;
    for (const auto& change : report.plan.changes) {
        const auto found = report.results.find(change.id());
        const ChangeResult result = found == report.results.end() ? ChangeResult{} : found->second;
        if (result.state == ChangeResult::State::done) {
            log_event(event_of(EventKind::change_done, change, "done: " + describe(change)));
        } else {
            ++failed;
            const bool tried = result.state == ChangeResult::State::failed;
            LogEvent event =
                event_of(tried ? EventKind::change_failed : EventKind::change_skipped, change,
                         fmt::format("{}: {}{}{}", tried ? "failed" : "not done", describe(change),
                                     result.error ? ": " : "",
                                     result.error ? with_hint(*result.error) : ""));
            if (result.held) // as plan and status will tell it
                event.reason = to_string(*result.held);
            log_event(std::move(event));
        }
    }
    tell_state(report);
    tell_past(report);
    tell_approval(report);
    if (report.error)
        log_event({EventKind::nothing_written, "nothing was written: " + with_hint(*report.error)});
    const bool quiet = report.plan.changes.empty() && !report.error;
    log_event({EventKind::cycle_ended,
               fmt::format("cycle ({}): {} done, {} not done, {} held, {} in sync, {} ms", trigger,
                           report.plan.changes.size() - failed, failed, report.plan.held.size(),
                           report.plan.in_sync, done.took.count())},
              quiet ? spdlog::level::debug : spdlog::level::info);
}

void CycleLog::tell_domains(const CycleReport& report) {
    std::map<DomainKey, std::string> now;
    for (const auto& forest : report.topology.forests)
        if (forest.error)
            now[{forest.name, DomainName()}] = with_hint(*forest.error);
    for (const auto& view : report.observation.domains)
        if (view.incomplete)
            now[{view.forest, view.domain}] = with_hint(*view.incomplete);
    const auto name = [](const DomainKey& key) {
        return key.second.empty() ? "forest " + key.first : "domain " + key.second.text();
    };
    for (const auto& [key, why] : now)
        if (!incomplete_.contains(key))
            log_event({.kind = EventKind::domain_incomplete,
                       .message = fmt::format("{} is incomplete: {}", name(key), why),
                       .domain = key.second.text()});
    for (const auto& [key, why] : incomplete_)
        if (!now.contains(key))
            log_event({.kind = EventKind::domain_complete,
                       .message = name(key) + " is read to the end again",
                       .domain = key.second.text()});
    incomplete_ = std::move(now);
}

void CycleLog::tell_accounts(const Observation& observation) {
    const auto lines = disabled_accounts(observation);
    std::set<std::string> now(lines.begin(), lines.end());
    for (const auto& line : now)
        if (!disabled_.contains(line))
            log_event({EventKind::account_disabled, "disabled: " + line});
    disabled_ = std::move(now);
}

void CycleLog::tell_approval(const CycleReport& report) {
    const std::string hash = hash_to_approve(report);
    if (!hash.empty() && hash != to_approve_)
        log_event({EventKind::approval_waiting,
                   "waiting for an approval; if what is held is meant: scpctl approve " + hash});
    to_approve_ = hash;
}

void CycleLog::tell_state(const CycleReport& report) {
    const std::string now = report.state_error ? with_hint(*report.state_error) : "";
    if (!now.empty() && now != state_error_)
        log_event({EventKind::state_unreadable, "nothing is written: " + now});
    if (now.empty() && !state_error_.empty())
        log_event({EventKind::state_readable, "the pauses and approvals can be read again"});
    state_error_ = now;
}

void CycleLog::tell_past(const CycleReport& report) {
    const std::string now = report.past_error ? with_hint(*report.past_error) : "";
    if (!now.empty() && now != past_error_)
        log_event({EventKind::history_incomplete, now});
    past_error_ = now;
}

void CycleLog::tell_held(const Plan& plan) {
    std::map<std::string, LogEvent> now;
    for (const auto& held : plan.held)
        now.emplace(held.id(), event_of(held));
    const auto say = [](LogEvent event, EventKind kind, const char* what) {
        event.kind = kind;
        event.message.insert(0, what);
        log_event(std::move(event));
    };
    for (const auto& [id, event] : now)
        if (!held_.contains(id))
            say(event, EventKind::change_held, "held: ");
    for (const auto& [id, event] : held_)
        if (!now.contains(id))
            say(event, EventKind::change_no_longer_held, "no longer held: ");
    held_ = std::move(now);
}

std::string status_line(const CycleDone& done, const Settings& settings,
                        const std::map<DomainKey, std::string>& watching) {
    std::vector<std::string> incomplete;
    for (const auto& view : done.report.observation.domains)
        if (!view.complete())
            incomplete.push_back(view.domain.text());
    std::vector<std::string> lost;
    for (const auto& forest : done.report.topology.forests)
        if (forest.error)
            lost.push_back(forest.name);
    std::size_t failed = 0;
    for (const auto& [id, result] : done.report.results)
        failed += result.state != ChangeResult::State::done ? 1 : 0;
    std::string line = fmt::format("{} rules, {} domains, {} in sync, {} held",
                                   settings.rules.size(), done.report.observation.domains.size(),
                                   done.report.plan.in_sync, done.report.plan.held.size());
    if (failed != 0)
        line += fmt::format(", {} failed", failed);
    if (!incomplete.empty())
        line += fmt::format("; incomplete: {}", fmt::join(incomplete, ", "));
    if (!lost.empty())
        line += fmt::format("; not reached: forest {}", fmt::join(lost, ", "));
    if (done.report.state_error)
        line += "; all is held: " + done.report.state_error->message;
    if (done.report.error)
        line += "; cannot write: " + done.report.error->message;
    return line + fmt::format("; watching {}", watching.size());
}

} // namespace scp
