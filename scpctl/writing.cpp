#include "scpctl/writing.hpp"

#include "base/text.hpp"
#include "guard/guard.hpp"
#include "observe/observe.hpp"
#include "report/ldif.hpp"
#include "report/text.hpp"
#include "scpctl/lookup.hpp"
#include "scpctl/needed.hpp"
#include "scpctl/planning.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace scp {

namespace {

/// Content that `create` can give is the same; what else stands in the object is not its business.
bool has_content(const Attributes& object, const Attributes& wanted,
                 const std::vector<std::string>& names) {
    const auto same = [&](const std::string& name) {
        return same_values(values_of(object, name), values_of(wanted, name));
    };
    const auto given = [&](const auto& attribute) { return same(attribute.first); };
    return std::ranges::all_of(names, same) && std::ranges::all_of(wanted, given);
}

std::vector<std::string> content_names() {
    std::vector<std::string> names = default_attributes();
    names.emplace_back("keywords");
    return names;
}

void refuse(HandWrite& write, const Change& change, Reason reason, std::string detail,
            std::string hint) {
    write.held.push_back(refusal(change, reason, std::move(detail), std::move(hint)));
}

/// Somebody is there already: equal, or in the way.
HandWrite judge_occupant(const Lookup& lookup, const Change& change, const Dn& occupant) {
    HandWrite write;
    if (lookup.found.empty()) {
        refuse(
            write, change, Reason::name_collision,
            fmt::format("{} exists and is no serviceConnectionPoint", printable(occupant.text())),
            "choose another --name or --container");
        return write;
    }
    const FoundScp& there = lookup.found.front();
    if (there.scp.marked)
        refuse(
            write, change, Reason::name_collision,
            fmt::format("{} exists and is a copy: it carries a marker", printable(occupant.text())),
            "choose another --name or --container");
    else if (has_content(there.entry.attributes, change.after, content_names()))
        write.already.push_back(fmt::format("{} exists and is equal", printable(occupant.text())));
    else
        refuse(write, change, Reason::name_collision,
               fmt::format("{} exists and differs", printable(occupant.text())),
               fmt::format("see it with: scpctl show '{}'", printable(occupant.text())));
    return write;
}

bool is_about(const std::optional<SourceRef>& source, const Guid& guid) {
    return source && source->guid == guid;
}

/// Several sources may agree, and the plan records one of them: a person has named which.
void record_source(Change& change, const Scp& source) {
    auto marker = parse_marker(change.marker_after);
    if (!marker)
        return;
    marker->source = source.guid;
    marker->origin = source.domain;
    marker->version = source.version;
    change.marker_after = to_string(*marker);
    change.source = SourceRef{source.dn, source.domain, source.guid};
}

/// A copy of the source, or a native that serves in its place.
bool is_served(const Scp& source, const Rule& rule, const Domain& domain, const PlanInput& input) {
    const DomainView* view = input.observation.find(domain.forest, domain.name);
    const Attributes wanted = copied_content(source, rule);
    return view != nullptr && std::ranges::any_of(view->scps, [&](const Scp& scp) {
               const bool copy = scp.marker && scp.marker->source == source.guid;
               return copy || copied_content(scp, rule) == wanted;
           });
}

/// What the rule's bindings do not let pass is held. A pause, a first use and limits are not asked:
/// a person names this one copy.
Plan judged_by_hand(Plan plan, Rule rule) {
    std::erase_if(plan.changes, [](const Change& change) { return change.op == Op::remove; });
    rule.first_use = FirstUse::allow;
    const LimitSettings none{SIZE_MAX, SIZE_MAX, 100};
    return guard(std::move(plan), {none, {&rule}, {}, {}, {}});
}

/// The part of a plan that concerns one source, wanted in one domain at one place.
void pick_from_plan(const Plan& plan, const Scp& source, const Change& wanted, HandWrite& write) {
    const auto here = [&](const auto& one) {
        return one.forest == wanted.forest && one.domain == wanted.domain;
    };
    for (const Change& change : plan.changes) {
        if (!here(change) || !(is_about(change.source, source.guid) || change.dn == wanted.dn))
            continue;
        if (change.op == Op::create) {
            write.changes.push_back(change);
            record_source(write.changes.back(), source);
        } else if (change.op != Op::create_container) {
            refuse(write, change, change.reason, "a copy exists and differs",
                   "scpctl sync brings it into line");
        }
    }
    for (const Change& change : plan.changes) // the containers that it needs go first
        if (here(change) && change.op == Op::create_container && !write.changes.empty() &&
            write.changes.back().dn.is_within(change.dn))
            write.changes.insert(write.changes.begin(), change);
    std::ranges::sort(write.changes, {}, [](const Change& change) { return change.dn.depth(); });
    for (Change& change : write.changes)
        change.reason = Reason::by_hand;
    for (const Held& held : plan.held) {
        const auto names_it = [&](const SourceRef& one) { return one.guid == source.guid; };
        const bool about = (held.change && is_about(held.change->source, source.guid)) ||
                           held.dn == wanted.dn || std::ranges::any_of(held.sources, names_it);
        if (write.changes.empty() && write.held.empty() && here(held) && about)
            write.held.push_back(held);
    }
}

void print_writes(Context& context, const WriteReport& report, const HandWrite& write, bool dry_run,
                  const std::string& remark) {
    Output& out = context.out();
    if (out.structured()) {
        Json document = write_document(report);
        if (!write.errors.empty())
            document["error"] = error_json(write.errors.front());
        if (write.missing)
            document["error"] = error_json(*write.missing);
        out.document(document);
        return;
    }
    if (out.format() == Format::ldif) {
        out.text(changes_ldif(report.writes, report.held, (*context.settings())->marker_attribute));
        return;
    }
    std::string text;
    for (const Change& change : report.writes)
        text += change_text(change, report.results, out.style());
    for (const Held& held : report.held)
        text += held_text(held, out.style());
    for (const std::string& already : write.already)
        text += already + ": nothing to do\n";
    if (dry_run && !report.writes.empty())
        text += out.style().bold("nothing was written (--dry-run)") + "\n";
    out.text(text);
    if (!remark.empty() && report.held.empty())
        out.note(remark);
}

Exit exit_of(const ChangeResult& result) {
    if (result.state == ChangeResult::State::done)
        return Exit::ok;
    if (result.state == ChangeResult::State::failed || !result.error)
        return Exit::write_failed;
    switch (result.error->kind) {
    case ErrorKind::unreachable:
    case ErrorKind::refused:
    case ErrorKind::incomplete:
        return Exit::unreachable;
    case ErrorKind::conflict:
        return Exit::held;
    case ErrorKind::interrupted:
        return Exit::interrupted;
    default:
        return Exit::write_failed;
    }
}

} // namespace

void HandWrite::add(HandVerdict verdict) {
    if (verdict.change)
        changes.push_back(std::move(*verdict.change));
    if (verdict.held)
        held.push_back(std::move(*verdict.held));
    if (!verdict.already.empty())
        already.push_back(std::move(verdict.already));
}

Timestamp now_to_the_second() {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

Result<HandWrite> plan_creation(Context& context, const Topology& topology, Change change) {
    Sessions& sessions = **context.sessions();
    context.progress().stage("looking at the place");
    const auto views =
        observe_places(topology, sessions, {{change.forest, change.domain, change.dn}});
    context.progress().clear();
    if (views.size() != 1)
        return fail(ErrorKind::internal, "the place was not looked at");
    const PlaceView& view = views.front();
    if (view.error)
        return fail(*view.error);
    if (view.occupant || !view.occupant_dn.empty()) {
        ScpName name;
        name.kind = ScpName::Kind::dn;
        name.dn = change.dn;
        const Lookup lookup = find_scps(topology, sessions, name);
        if (const auto missing = first_incomplete(lookup))
            return fail(*missing);
        return judge_occupant(lookup, change, view.occupant_dn);
    }
    HandWrite write;
    if (!view.missing_parents.empty())
        refuse(write, change, Reason::parent_missing,
               fmt::format("{} does not exist", printable(view.missing_parents.front().text())),
               "create the container first, or choose another --container");
    else
        write.changes.push_back(std::move(change));
    return write;
}

Result<HandWrite> plan_marked_copy(Context& context, const Topology& topology, Rule rule,
                                   const Scp& source, const Domain& domain) {
    Sessions& sessions = **context.sessions();
    const DomainName target = domain.name.dns();
    if (std::ranges::find(rule.target_domains, target) == rule.target_domains.end())
        rule.target_domains.push_back(target);
    const std::vector<Rule> rules{rule};
    context.progress().stage("reading the domains");
    Observation observation = observe(topology, sessions, rules);
    const PlanInput input{sessions.settings(), rules, topology, observation};
    observation.places = observe_places(topology, sessions, places_needed(input));
    context.progress().clear();

    const RoleOf role = role_of(source, rule, input);
    if (role.role == Role::unrelated)
        return fail(
            ErrorKind::usage,
            fmt::format("rule {} does not match {}", rule.name, printable(source.dn.text())),
            "another --rule, or without --rule an unmarked SCP");
    Change wanted;
    wanted.rule = rule.name;
    wanted.forest = domain.forest;
    wanted.domain = domain.name;
    wanted.nc = domain.nc;
    wanted.dn = copy_dn(source, rule, domain.nc);
    wanted.source = SourceRef{source.dn, source.domain, source.guid};
    HandWrite write;
    write.missing = needed_but_incomplete(input);
    if (role.role == Role::untrusted) {
        refuse(write, wanted, role.why.value_or(Reason::untrusted_place),
               "the rule does not trust this source", "");
        return write;
    }
    pick_from_plan(judged_by_hand(make_plan(input), rules.front()), source, wanted, write);
    if (!write.held.empty() || !write.changes.empty())
        return write;
    if (!is_served(source, rule, domain, input))
        refuse(write, wanted, Reason::not_a_target,
               fmt::format("rule {} makes no copy of it in {}", rule.name, domain.name.text()),
               "see the rule's targets.exclude: scpctl config show");
    else
        write.already.push_back(fmt::format("{} is served in {} as it should be",
                                            printable(source.dn.text()), domain.name.text()));
    return write;
}

std::optional<Error> write_by_hand(Context& context, const Topology& topology,
                                   const std::vector<Change>& changes, WriteReport& report) {
    const auto history = context.open_history();
    if (!history) {
        Error error = history.error();
        error.message += "; nothing was written";
        return error;
    }
    Plan plan;
    plan.changes = changes;
    context.progress().stage("writing");
    for (auto& [id, result] : apply(plan, topology, **context.sessions(), **history)) {
        report.changed = report.changed || result.state == ChangeResult::State::done;
        report.results.insert_or_assign(id, std::move(result));
    }
    context.progress().clear();
    return std::nullopt;
}

Exit exit_of_writes(const WriteReport& report) {
    Exit code = report.held.empty() ? Exit::ok : Exit::held;
    for (const auto& [id, result] : report.results)
        code = more_urgent(code, exit_of(result));
    return code;
}

Exit close_by_hand(Context& context, const WriteReport& report, const HandWrite& write,
                   bool dry_run, const std::string& remark) {
    print_writes(context, report, write, dry_run, remark);
    Exit code = exit_of_writes(report);
    for (const Error& error : write.errors) {
        context.out().error(error);
        code = more_urgent(code, exit_for(error));
    }
    return exit_of_read(context, write.missing, code);
}

Result<Exit> finish_by_hand(Context& context, const Topology& topology, const HandWrite& write,
                            bool dry_run, const std::string& remark) {
    WriteReport report;
    report.writes = write.changes;
    report.held = write.held;
    if (!dry_run && !write.changes.empty() && !context.stop().stop_requested()) {
        if (const auto error = write_by_hand(context, topology, write.changes, report)) {
            if (context.out().structured()) {
                Json document = write_document(report);
                document["error"] = error_json(*error);
                context.out().document(document);
            }
            context.out().error(*error);
            return Exit::write_failed;
        }
    }
    return close_by_hand(context, report, write, dry_run, remark);
}

} // namespace scp
