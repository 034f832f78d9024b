#include "base/hash.hpp"
#include "base/safeguard.hpp"
#include "plan/table.hpp"

#include <algorithm>

// The second half of the table: there is a source, and what is to be written is worked out.

namespace scp {

// Row 13, where it may not be carried out: the recorded source may still be there.
bool DecisionTable::replaced_unproved() {
    const Copy& copy = *ours();
    const bool in_s = std::ranges::find(cell_.sources, copy.source.scp) != cell_.sources.end();
    if (in_s)
        return false;
    const Reason why = why_gone(copy);
    if (why != Reason::source_not_seen && why != Reason::account_unresolved)
        return false;
    hold_copy(
        why, copy,
        "another source of this name and keywords is there, but the one copied was not seen to go");
    return true;
}

// Row 14.
bool DecisionTable::source_empty() {
    const auto bindings = [&](const Scp& scp) {
        return !values_of(content(scp), "serviceBindingInformation").empty();
    };
    if (bindings(*source_) || !bindings(*ours()->scp) || !in_force(Safeguard::source_empty))
        return false;
    out_.held.push_back(hold(Reason::source_empty, repair_change(),
                             "the source has no serviceBindingInformation left, the copy has"));
    return true;
}

// Row 15. A list of attributes that grew shorter may leave an older version behind with nothing
// changed.
bool DecisionTable::source_older() {
    const Copy& copy = *ours();
    if (source_ != copy.source.scp || !source_->version.older_than(copy.marker().version) ||
        !in_force(Safeguard::version_check))
        return false;
    const bool same = content(*source_) == content(*copy.scp);
    if (same && copy.marker().attrs != cell_.rules.front()->attributes)
        return false;
    const std::string detail = "the source was read in version " +
                               printable(source_->version.text) + ", copied was " +
                               printable(copy.marker().version.text);
    const Change repair = repair_change();
    if (repair.op == Op::mark)
        hold_copy(Reason::source_older, copy, detail);
    else
        out_.held.push_back(hold(Reason::source_older, repair, detail));
    return true;
}

/// Row 17's other proof that a domain which was not read whole holds no source of this cell. A
/// global catalog lags and is never believed for a source: its answer only lets a create go on
/// whose own source was read in its own domain. It has no markers, so a copy of ours over there
/// looks like a source, and the create waits. So it does for what has the name and other keywords:
/// that might want the same place (row 16).
bool DecisionTable::catalog_clears(const DomainRef& domain) const {
    const auto shown = pairing_.catalogs.find(domain);
    const auto lies_there = [&](const Scp* scp) { return domain_of(*scp) == domain; };
    return shown != pairing_.catalogs.end() && !shown->second.contains(cell_.identity.name) &&
           std::ranges::none_of(cell_.sources, lies_there);
}

// Row 17, but for what settle.cpp looks at.
void DecisionTable::create() {
    if (blocked_ || kept_ || cell_.moved)
        return;
    std::set<DomainRef> waits_for;
    for (const auto* view : cell_.rules) {
        if (!view->targets.contains(cell_.target))
            continue;
        waits_for.insert(view->unknown_trusted.begin(), view->unknown_trusted.end());
        for (const auto& domain : input_.observation.domains)
            if (domain.incomplete && view->trusted.contains(ref(domain)) &&
                !catalog_clears(ref(domain)))
                waits_for.insert(ref(domain));
    }
    Change create = change(Op::create, Reason::missing);
    create.dn = copy_dn(*source_, rule(), cell_.view->nc);
    create.after = content(*source_);
    create.marker_after = marker_for(create.after);
    create.first_use = !pairing_.copied.contains(source_->guid);
    if (!in_force(Safeguard::all_sources_read))
        waits_for.clear();
    propose(std::move(create), std::move(waits_for));
}

// Rows 13, 18, 19 and 20. Only the recorded source's domain and T need to have been read whole.
void DecisionTable::repair() {
    const Copy& copy = *ours();
    Change repair = repair_change();
    if (repair.op == Op::mark && !copy.marker().gone) {
        in_sync();
        return;
    }
    const auto from = std::ranges::find(input_.observation.domains, domain_of(*source_), ref);
    if (from->incomplete)
        out_.held.push_back(hold(Reason::domain_incomplete, repair,
                                 "the source's domain " + source_->domain.text() +
                                     " was not read whole: " + from->incomplete->message));
    else if (!park(repair))
        propose(std::move(repair));
}

/// A fight is not won by writing more: the copy is left as the other side wants it, until a person
/// has looked.
bool DecisionTable::park(const Change& repair) {
    const Copy& copy = *ours();
    const auto past = input_.past.find(copy.scp->guid);
    if (past == input_.past.end() || !may_be_contested(repair.reason))
        return false;
    const auto repairs = undone_repairs(past->second.repairs, wanted_marker(repair.after),
                                        source_->name, input_.now);
    if (repairs.size() < fight_limit || !in_force(Safeguard::fights))
        return false;
    Marker marker = copy.marker();
    marker.parked = input_.now;
    marker.gone.reset(); // its source is there
    Change mark = change(Op::mark, Reason::parked);
    mark.dn = copy.scp->dn;
    mark.guid = copy.scp->guid;
    mark.before = repair.before;
    mark.after = repair.before;
    mark.marker_before = repair.marker_before;
    mark.marker_after = to_string(marker);
    mark.detail = story_of(repairs) + "; it is left as it is now";
    propose(std::move(mark));
    return true;
}

/// Rows 18 and 19; op mark where nothing differs.
Change DecisionTable::repair_change() const {
    const Copy& copy = *ours();
    const auto why = difference(copy);
    Change repair = change(why ? Op::update : Op::mark, why.value_or(Reason::grace));
    repair.dn = copy.scp->dn;
    repair.guid = copy.scp->guid;
    repair.before = content(*copy.scp);
    repair.after = content(*source_);
    repair.marker_before = copy.scp->marker_value;
    repair.marker_after = marker_for(repair.after);
    repair.first_use = source_ != copy.source.scp;
    if (fold_case(copy.scp->name) != fold_case(source_->name)) {
        repair.op = Op::rename;
        repair.reason = Reason::renamed;
        repair.new_dn = copy.scp->dn.parent().child(source_->dn.rdn_type(), source_->name);
    }
    return repair;
}

/// Why the copy is to be updated; nullopt where it is equal. Who edited it can be told only while
/// the attributes are those that its hash was made over.
std::optional<Reason> DecisionTable::difference(const Copy& copy) const {
    if (source_ != copy.source.scp)
        return Reason::source_replaced;
    const bool attributes = copy.marker().attrs != cell_.rules.front()->attributes;
    const bool settings = attributes || !selector_known(copy.marker());
    const bool differs = content(*copy.scp) != content(*source_);
    if (!differs)
        return settings ? std::optional(Reason::settings_changed) : std::nullopt;
    if (!attributes && content_hash(content(*copy.scp)) != copy.marker().hash)
        return Reason::edited_by_hand;
    return settings ? Reason::settings_changed : Reason::source_changed;
}

/// Of any rule that matches: which of several wrote the marker makes no difference.
bool DecisionTable::selector_known(const Marker& marker) const {
    const auto is_its = [&](const RuleView* view) { return view->selector == marker.sel; };
    return std::ranges::any_of(cell_.rules, is_its) || std::ranges::any_of(cell_.also, is_its);
}

const Attributes& DecisionTable::content(const Scp& scp) const {
    const auto [found, added] = contents_.try_emplace({&scp, &rule()});
    if (added)
        found->second = copied_content(scp, rule());
    return found->second;
}

bool DecisionTable::sources_agree() const {
    const auto same = [&](const Scp* scp) {
        return content(*scp) == content(*cell_.sources.front());
    };
    return std::ranges::all_of(cell_.sources, same);
}

/// Equal to a source; with no source left, to our copy; with neither, it stands for itself.
bool DecisionTable::equals_source(const Scp& scp) const {
    if (cell_.sources.empty())
        return ours() == nullptr || content(scp) == content(*ours()->scp);
    return std::ranges::any_of(cell_.sources,
                               [&](const Scp* one) { return content(scp) == content(*one); });
}

Dn DecisionTable::expected_dn(const Copy& copy) const {
    const Scp* source = copy.source.scp;
    if (source == nullptr && !cell_.sources.empty())
        source = cell_.sources.front();
    return source == nullptr ? Dn{} : copy_dn(*source, rule(), cell_.view->nc);
}

Change DecisionTable::change(Op op, Reason reason) const {
    Change change;
    change.op = op;
    change.rule = rule().name;
    change.forest = cell_.target.forest;
    change.domain = cell_.target.domain;
    change.nc = cell_.view->nc;
    change.reason = reason;
    for (const auto* views : {&cell_.rules, &cell_.also})
        for (const auto* view : *views)
            if (view->rule != &rule() &&
                (!view->selected || !cell_.is_target || view->targets.contains(cell_.target)))
                change.also.push_back(view->rule->name);
    std::ranges::sort(change.also);
    if (source_ != nullptr)
        change.source = source_ref(*source_);
    return change;
}

std::string DecisionTable::marker_for(const Attributes& after) const {
    return to_string(wanted_marker(after));
}

Marker DecisionTable::wanted_marker(const Attributes& after) const {
    Marker marker;
    marker.instance = input_.settings.instance;
    marker.rule = rule().name;
    marker.source = source_->guid;
    marker.origin = source_->domain;
    marker.sel = cell_.rules.front()->selector;
    marker.attrs = cell_.rules.front()->attributes;
    marker.hash = content_hash(after);
    marker.version = source_->version;
    return marker;
}

void DecisionTable::hold_cell(Reason reason, const Dn& dn, std::string detail) {
    Held held = hold(reason, rule().name, cell_.target, cell_.view->nc, dn, std::move(detail));
    for (const auto* scp : cell_.sources)
        held.sources.push_back(source_ref(*scp));
    std::ranges::sort(held.sources);
    out_.held.push_back(std::move(held));
}

void DecisionTable::hold_copy(Reason reason, const Copy& copy, std::string detail) {
    Held held = hold(reason, rule().name, *copy.scp, std::move(detail));
    if (copy.source.scp != nullptr)
        held.sources = {source_ref(*copy.source.scp)};
    out_.held.push_back(std::move(held));
}

void DecisionTable::in_sync() {
    ++out_.in_sync;
    ++out_.in_sync_of[rule().name];
}

void DecisionTable::propose(Change change, std::set<DomainRef> waits_for) {
    out_.proposals.push_back({std::move(change), &rule(), std::move(waits_for)});
}

} // namespace scp
