#include "plan/by_hand.hpp"

#include "base/hash.hpp"
#include "plan/hold.hpp"
#include "plan/identity.hpp"

#include "plan/roles.hpp"
#include "plan/rule_view.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace scp {
namespace {

HandVerdict refuse(const Change& change, Reason reason, std::string detail, std::string hint = {}) {
    if (hint.empty())
        hint = remedy(reason);
    return {std::nullopt, refusal(change, reason, std::move(detail), std::move(hint)), {}};
}

/// The values that claim to be markers.
Values markers_of(const Scp& scp, const PlanInput& input) {
    Values markers = values_of(scp.attributes, input.settings.marker_attribute);
    std::erase_if(markers, [](const std::string& value) { return !looks_like_marker(value); });
    return markers;
}

Change change_of(const Scp& scp, Op op, const PlanInput& input) {
    Change change;
    change.op = op;
    change.rule = scp.marker ? scp.marker->rule : "";
    change.forest = scp.forest;
    change.domain = scp.domain;
    change.nc = scp.nc;
    change.dn = scp.dn;
    change.guid = scp.guid;
    change.reason = Reason::by_hand;
    change.before = content_by_hand(scp, input.settings);
    if (const Values markers = markers_of(scp, input); scp.marker)
        change.marker_before = scp.marker_value;
    else if (!markers.empty())
        change.marker_before = markers.front();
    return change;
}

/// DESIGN.md, "copy". Where no rule of the settings knows it any more, its place cannot be judged,
/// and does not count against it.
std::optional<Held> not_ours(const Scp& scp, const Change& change, const PlanInput& input,
                             const std::string& hint) {
    const auto no = [&](Reason reason, std::string detail) {
        return refusal(change, reason, std::move(detail), hint);
    };
    if (!scp.marked)
        return no(Reason::by_hand, "it carries no marker, so it is not ours");
    if (!scp.marker)
        return no(Reason::suspect_marker, "its marker is not well formed, or of a newer version");
    if (!equal_ascii_nocase(scp.marker->instance, input.settings.instance))
        return no(Reason::foreign_owner,
                  "it carries the marker of instance " + printable(scp.marker->instance));
    const auto view = std::ranges::find(input.observation.domains, domain_of(scp), ref);
    if (view == input.observation.domains.end() || !owned_by_us(scp, *view, copy_owners(input)))
        return no(Reason::suspect_marker,
                  "it carries our marker, but is not known to be owned by us");
    bool known = false;
    for (const Rule& rule : input.rules) {
        const RoleOf role = role_of(scp, rule, input);
        if (role.role == Role::copy)
            return std::nullopt;
        known = known || role.role != Role::unrelated;
    }
    if (!known)
        return std::nullopt;
    return no(view->has_owners ? Reason::copy_moved : Reason::suspect_marker,
              "it carries our marker, but lies outside the place that the rule writes to");
}

/// Finds the source of an object that is to be adopted.
class SourceFinder {
  public:
    SourceFinder(const Scp& object, const RuleView& view, const PlanInput& input)
        : object_(object), view_(view), input_(input) {}

    const Scp* source = nullptr;
    std::optional<Reason> why_not;
    std::string detail;
    std::vector<SourceRef> candidates;

    /// By what a person or the object's old marker says.
    void take(const Scp& scp) {
        if (domain_of(scp) == domain_of(object_))
            return reject(Reason::not_a_target, "it lies in the same domain as", scp);
        if (scp.marked)
            return reject(Reason::source_marked, "a marker is on", scp);
        if (scp.conflict)
            return reject(Reason::name_collision, "a replication conflict is", scp);
        if (!matches(*view_.rule, identity_of(scp)))
            return reject(Reason::source_unmatched,
                          "rule " + printable(view_.rule->name) + " does not match", scp);
        if (const auto why = distrust(scp, view_))
            return reject(*why, "the rule does not trust", scp);
        source = &scp;
    }

    void find(const Guid& guid) {
        for (const DomainView& domain : input_.observation.domains)
            for (const Scp& scp : domain.scps)
                if (scp.guid == guid)
                    return take(scp);
    }

    void find_by_identity() {
        std::vector<const Scp*> trusted;
        const Identity identity = identity_of(object_);
        for (const DomainView& domain : input_.observation.domains)
            for (const Scp& scp : domain.scps) {
                if (scp.marked || scp.conflict || domain_of(scp) == domain_of(object_) ||
                    identity_of(scp) != identity)
                    continue;
                take(scp);
                if (std::exchange(source, nullptr) != nullptr)
                    trusted.push_back(&scp);
            }
        std::ranges::sort(trusted, {}, [](const Scp* scp) { return scp->guid; });
        if (!trusted.empty())
            choose(trusted);
        else if (!why_not) {
            why_not = Reason::source_not_seen;
            detail = "no SCP of its name and keywords is in another domain";
        }
    }

  private:
    void reject(Reason reason, const std::string& what, const Scp& scp) {
        why_not = reason;
        detail = what + " " + printable(scp.dn.text());
        candidates = {{scp.dn, scp.domain, scp.guid}};
    }

    [[nodiscard]] bool agree(const std::vector<const Scp*>& scps) const {
        return std::ranges::all_of(scps, [&](const Scp* scp) {
            return copied_content(*scp, *view_.rule) == copied_content(*scps.front(), *view_.rule);
        });
    }

    /// As row 12 of the decision table.
    void choose(const std::vector<const Scp*>& trusted) {
        why_not.reset();
        if (agree(trusted)) {
            source = trusted.front();
            return;
        }
        for (const DomainName& name : view_.rule->prefer) {
            std::vector<const Scp*> preferred;
            std::ranges::copy_if(trusted, std::back_inserter(preferred),
                                 [&](const Scp* scp) { return scp->domain == name; });
            if (preferred.empty())
                continue;
            if (!agree(preferred))
                break;
            source = preferred.front();
            return;
        }
        why_not = Reason::sources_disagree;
        detail = "several SCPs of its name and keywords differ";
        candidates.clear();
        for (const Scp* scp : trusted)
            candidates.push_back({scp->dn, scp->domain, scp->guid});
    }

    const Scp& object_;
    const RuleView& view_;
    const PlanInput& input_;
};

/// What its marker says against adopting it.
std::optional<HandVerdict> marker_forbids(const Scp& object, const Change& change,
                                          const AdoptWish& wish, const PlanInput& input) {
    if (!object.marked && !wish.from_instance.empty())
        return refuse(change, Reason::by_hand,
                      "it carries no marker of instance " + printable(wish.from_instance),
                      "leave --from-instance away");
    if (!object.marked)
        return std::nullopt;
    if (!object.marker || markers_of(object, input).size() > 1)
        return refuse(change, Reason::suspect_marker,
                      object.marker ? "it carries several markers"
                                    : "its marker is not well formed, or of a newer version");
    const Marker& marker = *object.marker;
    if (equal_ascii_nocase(marker.instance, input.settings.instance)) {
        if (auto held = not_ours(object, change, input, {})) {
            held->hint = remedy(held->reason);
            return HandVerdict{std::nullopt, std::move(held), {}};
        }
        const bool same = equal_ascii_nocase(marker.rule, change.rule) &&
                          (wish.from == nullptr || wish.from->guid == marker.source);
        if (same)
            return HandVerdict{std::nullopt, std::nullopt,
                               printable(object.dn.text()) + " is ours already"};
        return refuse(change, Reason::by_hand,
                      "it is a copy of ours already, by rule " + printable(marker.rule) +
                          " of the source " + marker.source.to_string(),
                      "take that marker off first: scpctl release DN");
    }
    if (!equal_ascii_nocase(marker.instance, wish.from_instance))
        return refuse(change, Reason::foreign_owner,
                      "it carries the marker of instance " + printable(marker.instance),
                      "if that instance does not run any more: --from-instance " +
                          printable(marker.instance));
    return std::nullopt;
}

/// What is against a copy of the rule being there.
std::optional<HandVerdict> place_forbids(const Scp& object, const Change& change,
                                         const RuleView& view, const PlanInput& input) {
    if (object.conflict)
        return refuse(change, Reason::name_collision, "it is a replication conflict object (CNF)");
    if (!in_allowed_place(object, *view.rule))
        return refuse(change, Reason::untrusted_place,
                      "it does not lie where rule " + printable(view.rule->name) + " writes to",
                      "move it there, or set the rule's targets.container to where it lies");
    const auto domain = std::ranges::find(input.observation.domains, domain_of(object), ref);
    if (domain == input.observation.domains.end() ||
        !owned_by_us(object, *domain, copy_owners(input)))
        return refuse(change, Reason::untrusted_owner,
                      "it is owned by neither scpd's account nor one of its groups, so it could "
                      "not be told from a planted one",
                      "change its owner, or delete it and let scpd create its own");
    if (view.targets.contains(domain_of(object)))
        return std::nullopt;
    if (!view.unresolved.empty())
        return refuse(change, Reason::account_unresolved,
                      "whether the rule needs a copy here is not known: " +
                          view.unresolved.front());
    return refuse(change, Reason::not_a_target,
                  "rule " + printable(view.rule->name) + " needs no copy in " +
                      object.domain.text(),
                  "name the domain in the rule's targets.domains, or an account in it");
}

bool is_another_copy(const Scp& scp, const Scp& object, const Scp& source, const PlanInput& input) {
    return scp.guid != object.guid && scp.marker && scp.marker->source == source.guid &&
           domain_of(scp) == domain_of(object) &&
           equal_ascii_nocase(scp.marker->instance, input.settings.instance);
}

/// The first retire mark is the old instance's to answer for; what a person parked stays parked.
std::string marker_for(const Scp& object, const Scp& source, const Rule& rule,
                       const PlanInput& input) {
    Marker marker;
    marker.instance = input.settings.instance;
    marker.rule = rule.name;
    marker.source = source.guid;
    marker.origin = source.domain;
    marker.sel = selector_hash(rule);
    marker.attrs = attributes_hash(rule);
    marker.hash = content_hash(copied_content(object, rule));
    marker.version = source.version;
    if (object.marker)
        marker.parked = object.marker->parked;
    return to_string(marker);
}

} // namespace

Held refusal(const Change& change, Reason reason, std::string detail, std::string hint) {
    Held held = hold(reason, change, std::move(detail));
    held.hint = std::move(hint);
    return held;
}

Attributes content_by_hand(const Scp& scp, const Settings& settings) {
    Rule all;
    all.attributes = default_attributes();
    for (const Rule& rule : settings.rules)
        all.attributes.insert(all.attributes.end(), rule.attributes.begin(), rule.attributes.end());
    Attributes content;
    all.attributes.emplace_back("keywords");
    for (const std::string& name : all.attributes)
        if (const Values& values = values_of(scp.attributes, name); !values.empty())
            content[name] = sorted(values);
    return content;
}

HandVerdict deletion(const Scp& scp, const PlanInput& input, bool force) {
    Change change = change_of(scp, Op::remove, input);
    auto foreign = not_ours(scp, change, input, "--force deletes it all the same");
    if (foreign && !force)
        return {std::nullopt, std::move(foreign), {}};
    if (!foreign) {
        Marker marker = *scp.marker;
        marker.gone = input.now; // whoever repairs it in between finds another marker than he read
        change.marker_after = to_string(marker);
    }
    return {std::move(change), std::nullopt, {}};
}

HandVerdict releasing(const Scp& scp, const PlanInput& input, bool force) {
    Change change = change_of(scp, Op::mark, input);
    change.after = change.before;
    if (!scp.marked)
        return {std::nullopt, std::nullopt, printable(scp.dn.text()) + " carries no marker"};
    if (auto foreign = not_ours(scp, change, input, "--force takes the marker off all the same");
        foreign && !force)
        return {std::nullopt, std::move(foreign), {}};
    if (markers_of(scp, input).size() > 1)
        return refuse(change, Reason::suspect_marker, "it carries several markers",
                      "find out who wrote them, and take off those that are not right with an "
                      "LDAP editor");
    return {std::move(change), std::nullopt, {}};
}

HandVerdict unparking(const Scp& scp, const PlanInput& input) {
    Change change = change_of(scp, Op::mark, input);
    change.after = change.before;
    if (auto foreign = not_ours(scp, change, input, "only a copy of ours can be parked by scpd"))
        return {std::nullopt, std::move(foreign), {}};
    if (markers_of(scp, input).size() > 1)
        return refuse(change, Reason::suspect_marker, "it carries several markers",
                      "find out who wrote them, and take off those that are not right with an "
                      "LDAP editor");
    if (!scp.marker->parked)
        return {std::nullopt, std::nullopt, printable(scp.dn.text()) + " is not parked"};
    Marker marker = *scp.marker;
    marker.parked.reset();
    change.marker_after = to_string(marker);
    return {std::move(change), std::nullopt, {}};
}

HandVerdict adoption(const Scp& object, const Rule& rule, const AdoptWish& wish,
                     const PlanInput& input) {
    const RuleView view = view_rule(rule, input);
    Change change = change_of(object, Op::mark, input);
    change.rule = rule.name;
    change.before = copied_content(object, rule);
    change.after = change.before;
    if (auto verdict = marker_forbids(object, change, wish, input))
        return *verdict;
    if (auto verdict = place_forbids(object, change, view, input))
        return *verdict;

    SourceFinder finder(object, view, input);
    if (wish.from != nullptr)
        finder.take(*wish.from);
    else if (object.marker)
        finder.find(object.marker->source);
    if (finder.source == nullptr && wish.from == nullptr && !finder.why_not)
        finder.find_by_identity();
    if (finder.source == nullptr) {
        const bool name_it = *finder.why_not == Reason::source_not_seen ||
                             *finder.why_not == Reason::sources_disagree;
        auto verdict = refuse(change, *finder.why_not, finder.detail,
                              name_it ? "name its source: --from DN|GUID" : "");
        verdict.held->sources = finder.candidates;
        return verdict;
    }
    const Scp& source = *finder.source;
    change.source = SourceRef{source.dn, source.domain, source.guid};
    for (const DomainView& domain : input.observation.domains)
        for (const Scp& scp : domain.scps)
            if (is_another_copy(scp, object, source, input))
                return refuse(change, Reason::duplicate,
                              "the domain has a copy of that source already: " +
                                  printable(scp.dn.text()),
                              "delete one of the two with scpctl delete");
    change.marker_after = marker_for(object, source, rule, input);
    return {std::move(change), std::nullopt, {}};
}

std::optional<Change> repair_after_adoption(const Scp& object, const Scp& source,
                                            const Rule& rule) {
    Change change;
    change.op = Op::update;
    change.rule = rule.name;
    change.forest = object.forest;
    change.domain = object.domain;
    change.nc = object.nc;
    change.dn = object.dn;
    change.guid = object.guid;
    change.reason = Reason::source_changed;
    change.source = SourceRef{source.dn, source.domain, source.guid};
    change.before = copied_content(object, rule);
    change.after = copied_content(source, rule);
    if (fold_case(object.name) != fold_case(source.name)) {
        change.op = Op::rename;
        change.reason = Reason::renamed;
        change.new_dn = object.dn.parent().child(source.dn.rdn_type(), source.name);
    } else if (change.before == change.after) {
        return std::nullopt;
    }
    return change;
}

} // namespace scp
