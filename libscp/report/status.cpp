#include "report/status.hpp"

#include "base/text.hpp"
#include "plan/roles.hpp"
#include "report/documents.hpp"

#include <algorithm>

namespace scp {

namespace {

Json or_null(const std::string& text) {
    return text.empty() ? Json() : json_value(text);
}

Json pauses_json(const std::vector<Pause>& pauses) {
    Json list = Json::array();
    for (const Pause& one : pauses)
        list.push_back({{"rule", or_null(one.rule)},
                        {"reason", json_value(one.reason)},
                        {"who", json_value(one.who)},
                        {"since", to_rfc3339(one.since)}});
    return list;
}

Json approvals_json(const std::vector<Approval>& approvals) {
    Json list = Json::array();
    for (const Approval& one : approvals)
        list.push_back({{"hash", json_value(one.hash)},
                        {"who", json_value(one.who)},
                        {"at", to_rfc3339(one.at)}});
    return list;
}

Json domain_status_json(const DomainStatus& one) {
    return {{"forest", json_value(one.forest)},
            {"domain", json_value(one.domain)},
            {"server", or_null(one.server)},
            {"watch", or_null(one.watch)},
            {"state", one.error.empty() ? "complete" : "incomplete"},
            {"last_seen", one.last_seen ? Json(to_rfc3339(*one.last_seen)) : Json()},
            {"error", or_null(one.error)}};
}

/// A plan's input as its rules are looked at afterwards: only who is what counts.
PlanInput input_of(const CycleReport& report, const Settings& settings) {
    return {.settings = settings,
            .rules = settings.rules,
            .topology = report.topology,
            .observation = report.observation};
}

} // namespace

std::string to_string(ServiceStatus::State state) {
    switch (state) {
    case ServiceStatus::State::starting:
        return "starting";
    case ServiceStatus::State::ok:
        return "ok";
    case ServiceStatus::State::degraded:
        return "degraded";
    case ServiceStatus::State::paused:
        break;
    }
    return "paused";
}

std::vector<std::string> problems_of(const CycleReport& report) {
    std::vector<std::string> problems;
    for (const Forest& forest : report.topology.forests)
        if (forest.error)
            problems.push_back("forest " + forest.name + ": " + forest.error->message);
    for (const DomainView& view : report.observation.domains)
        if (view.incomplete)
            problems.push_back("domain " + view.domain.text() +
                               " was not read whole: " + view.incomplete->message);
    const LastCycle cycle = last_cycle_of(report);
    if (cycle.failed != 0)
        problems.push_back(counted(cycle.failed, "write") +
                           " failed or could not be tried; the log and scpctl plan tell why");
    if (report.state_error)
        problems.push_back("all is held: " + report.state_error->message);
    if (report.error)
        problems.push_back("nothing was written: " + report.error->message);
    return problems;
}

std::vector<RuleStatus> rules_of(const CycleReport& report, const Settings& settings) {
    const PlanInput input = input_of(report, settings);
    const std::vector<Held> held = all_held(report);
    std::vector<RuleStatus> rules;
    for (const Rule& rule : settings.rules) {
        const RuleView view = view_rule(rule, input);
        RuleStatus status{rule.name, rule.mode, 0, view.targets.size(), 0, 0};
        for (const DomainView& domain : report.observation.domains)
            status.sources +=
                static_cast<std::size_t>(std::ranges::count_if(domain.scps, [&](const Scp& scp) {
                    return role_of(scp, view, input).role == Role::source;
                }));
        if (const auto found = report.plan.in_sync_of.find(rule.name);
            found != report.plan.in_sync_of.end())
            status.in_sync = found->second;
        status.held = static_cast<std::size_t>(std::ranges::count_if(
            held, [&](const Held& one) { return equal_ascii_nocase(one.rule, rule.name); }));
        rules.push_back(std::move(status));
    }
    std::ranges::sort(rules, {}, &RuleStatus::name);
    return rules;
}

LastCycle last_cycle_of(const CycleReport& report) {
    LastCycle cycle;
    cycle.held = all_held(report).size();
    for (const Change& change : report.plan.changes) {
        const auto found = report.results.find(change.id());
        if (found != report.results.end() && found->second.state == ChangeResult::State::done)
            ++cycle.changes;
        else if (found == report.results.end() || !found->second.held)
            ++cycle.failed;
    }
    return cycle;
}

Json last_cycle_json(const std::optional<LastCycle>& cycle) {
    if (!cycle)
        return {};
    return {{"at", to_rfc3339(cycle->at)}, {"took_ms", cycle->took.count()},
            {"trigger", cycle->trigger},   {"changes", cycle->changes},
            {"held", cycle->held},         {"failed", cycle->failed}};
}

Json status_document(const ServiceStatus& status) {
    Json problems = Json::array();
    for (const std::string& problem : status.problems)
        problems.push_back(json_value(problem));
    Json domains = Json::array();
    for (const DomainStatus& one : status.domains)
        domains.push_back(domain_status_json(one));
    Json rules = Json::array();
    for (const RuleStatus& one : status.rules)
        rules.push_back({{"name", one.name},
                         {"mode", to_string(one.mode)},
                         {"sources", one.sources},
                         {"targets", one.targets},
                         {"in_sync", one.in_sync},
                         {"held", one.held}});
    return {{"schema", "scpd.status/1"},
            {"state", to_string(status.state)},
            {"version", status.version},
            {"instance", status.instance},
            {"since", to_rfc3339(status.since)},
            {"last_cycle", last_cycle_json(status.last_cycle)},
            {"problems", std::move(problems)},
            {"domains", std::move(domains)},
            {"rules", std::move(rules)},
            {"pauses", pauses_json(status.host.pauses)},
            {"approvals", approvals_json(status.host.approvals)}};
}

Json host_state_json(const HostState& state) {
    return {{"pauses", pauses_json(state.pauses)}, {"approvals", approvals_json(state.approvals)}};
}

} // namespace scp
