#include "report/documents.hpp"

#include <algorithm>
#include <iterator>
#include <map>

namespace scp {

namespace {

Json source_json(const SourceRef& source) {
    return {{"dn", json_value(source.dn.text())},
            {"domain", source.domain.text()},
            {"guid", source.guid.to_string()}};
}

Json diffs_json(const AttributeDiffs& diffs) {
    Json object = Json::object();
    for (const auto& [name, diff] : diffs)
        object[name] = {{"add", json_values(diff.add)}, {"remove", json_values(diff.remove)}};
    return object;
}

std::string state_name(ChangeResult::State state) {
    switch (state) {
    case ChangeResult::State::done:
        return "done";
    case ChangeResult::State::failed:
        return "failed";
    case ChangeResult::State::skipped:
        break;
    }
    return "skipped";
}

Json held_json(const Held& held) {
    Json sources = Json::array();
    for (const SourceRef& source : held.sources)
        sources.push_back(source_json(source));
    return {
        {"id", held.id()},
        {"op", held.change ? Json(to_string(held.change->op)) : Json()},
        {"rule", held.rule},
        {"forest", held.forest},
        {"domain", held.domain.text()},
        {"nc", json_value(held.nc.text())},
        {"dn", json_value(held.dn.text())},
        {"reason", to_string(held.reason)},
        {"detail", held.detail},
        {"hint", held.hint.empty() ? std::string(explain(held.reason)) : held.hint},
        {"attributes", held.change ? diffs_json(attribute_diffs(*held.change)) : Json::object()},
        {"sources", std::move(sources)}};
}

Json domain_json(const DomainView& view, const std::vector<ResolvedAccount>& accounts) {
    std::map<std::string, bool> here; // and whether disabled
    for (const ResolvedAccount& account : accounts)
        for (const auto& location : account.locations)
            if (location.forest == view.forest && location.domain == view.domain)
                here[location.dn.text()] = location.disabled;
    Json names = Json::array();
    Json disabled = Json::array();
    for (const auto& [dn, is_disabled] : here) {
        names.push_back(json_value(dn));
        if (is_disabled)
            disabled.push_back(json_value(dn));
    }
    return {{"forest", view.forest},
            {"nc", json_value(view.nc.text())},
            {"domain", view.domain.text()},
            {"server", view.server},
            {"complete", view.complete()},
            {"error", view.incomplete ? Json(view.incomplete->message) : Json()},
            {"accounts", std::move(names)},
            {"disabled", std::move(disabled)}};
}

/// A forest that could not be read has no domains: it stands for itself, so that the failure is
/// seen.
Json lost_forest_json(const Forest& forest) {
    return {{"forest", forest.name},
            {"nc", ""},
            {"domain", forest.root.text()},
            {"server", ""},
            {"complete", false},
            {"error", forest.error->message},
            {"accounts", Json::array()},
            {"disabled", Json::array()}};
}

} // namespace

AttributeDiffs attribute_diffs(const Change& change) {
    AttributeDiffs diffs;
    const auto missing_from = [](const Values& values, const Values& other) {
        Values result;
        std::ranges::set_difference(sorted(values), sorted(other), std::back_inserter(result));
        return result;
    };
    for (const auto& [name, values] : change.after)
        diffs[name].add = missing_from(values, values_of(change.before, name));
    for (const auto& [name, values] : change.before)
        diffs[name].remove = missing_from(values, values_of(change.after, name));
    if (change.new_dn)
        diffs[change.dn.rdn_type()] = {{change.new_dn->rdn_value()}, {change.dn.rdn_value()}};
    std::erase_if(diffs, [](const auto& item) {
        return item.second.add.empty() && item.second.remove.empty();
    });
    return diffs;
}

Json change_json(const Change& change, const ApplyResults& results) {
    Json result;
    Json error;
    if (const auto found = results.find(change.id()); found != results.end()) {
        result = state_name(found->second.state);
        if (found->second.error)
            error = found->second.error->message;
    }
    Json json{{"id", change.id()},
              {"op", to_string(change.op)},
              {"rule", change.rule},
              {"forest", change.forest},
              {"domain", change.domain.text()},
              {"nc", json_value(change.nc.text())},
              {"dn", json_value(change.dn.text())},
              {"guid", change.guid ? Json(change.guid->to_string()) : Json()},
              {"reason", to_string(change.reason)},
              {"detail", change.detail},
              {"source", change.source ? source_json(*change.source) : Json()},
              {"attributes", diffs_json(attribute_diffs(change))},
              {"result", std::move(result)},
              {"error", std::move(error)}};
    if (change.new_dn)
        json["new_dn"] = json_value(change.new_dn->text());
    return json;
}

std::vector<Held> all_held(const CycleReport& report) {
    std::vector<Held> all = report.plan.held;
    for (const Change& change : report.plan.changes) {
        const auto found = report.results.find(change.id());
        if (found == report.results.end() || !found->second.held)
            continue;
        Held held;
        held.reason = *found->second.held;
        held.rule = change.rule;
        held.forest = change.forest;
        held.domain = change.domain;
        held.nc = change.nc;
        held.dn = change.dn;
        if (found->second.error) {
            held.detail = found->second.error->message;
            held.hint = found->second.error->hint;
        }
        if (change.source)
            held.sources.push_back(*change.source);
        held.change = change;
        all.push_back(std::move(held));
    }
    return all;
}

Json plan_document(const CycleReport& report, const std::string& instance, bool complete) {
    Json domains = Json::array();
    for (const DomainView& view : report.observation.domains)
        domains.push_back(domain_json(view, report.observation.accounts));
    for (const Forest& forest : report.topology.forests)
        if (forest.error && forest.domains.empty())
            domains.push_back(lost_forest_json(forest));
    Json changes = Json::array();
    for (const Change& change : report.plan.changes)
        changes.push_back(change_json(change, report.results));
    Json held = Json::array();
    for (const Held& one : all_held(report))
        held.push_back(held_json(one));
    return {{"schema", "scpd.plan/1"},       {"instance", instance},
            {"complete", complete},          {"hash", report.plan.hash()},
            {"domains", std::move(domains)}, {"changes", std::move(changes)},
            {"held", std::move(held)},       {"in_sync", report.plan.in_sync},
            {"changed", report.written}};
}

Json write_document(const WriteReport& report) {
    Json writes = Json::array();
    for (const Change& change : report.writes)
        writes.push_back(change_json(change, report.results));
    Json document{
        {"schema", "scpd.write/1"}, {"changed", report.changed}, {"writes", std::move(writes)}};
    for (const Held& held : report.held)
        document["held"].push_back(held_json(held));
    return document;
}

Json problems_document(const std::vector<Problem>& problems, const std::vector<Problem>& warnings) {
    const auto list = [](const std::vector<Problem>& of) {
        Json out = Json::array();
        for (const Problem& problem : of)
            out.push_back({{"file", problem.file},
                           {"line", problem.line},
                           {"column", problem.column},
                           {"key", problem.key},
                           {"message", problem.message}});
        return out;
    };
    return {{"schema", "scpd.config/1"},
            {"ok", problems.empty()},
            {"problems", list(problems)},
            {"warnings", list(warnings)}};
}

} // namespace scp
