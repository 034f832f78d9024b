#include "plan/pairing.hpp"

#include "base/safeguard.hpp"
#include "plan/hold.hpp"

#include <algorithm>
#include <map>
#include <tuple>

namespace scp {
namespace {

using Rules = std::vector<const RuleView*>;

struct Unmarked {
    const Scp* scp = nullptr;
    Rules trusted_by;
};

struct Members {
    std::vector<Unmarked> unmarked;
    std::vector<const Scp*> foreign;
};

class Pairer {
  public:
    explicit Pairer(const PlanInput& input) : input_(input) {
        out_.rules = view_rules(input);
        copy_owners_ = copy_owners(input);
        partial_ = !std::ranges::all_of(out_.rules, &RuleView::selected);
    }

    Pairing run() &&;

  private:
    using CellKey = std::tuple<Identity, Rules, DomainRef>;

    void index();
    void add(const Scp& scp);
    void take_unmarked(const Scp& scp);
    void take_foreign(const Scp& scp);
    void take_ours(const Scp& scp);
    void take_orphan(const Scp& scp, const DomainView& view);
    void take_member(const Scp& scp, Copy copy, const Identity& identity, const Rules& rules);
    void suspect(const Scp& scp, const std::string& rule, const std::string& detail);

    [[nodiscard]] Rules matching(const Identity& identity, bool selected) const;
    [[nodiscard]] Rules matching_here(const Scp& scp) const;
    [[nodiscard]] const RuleView* named(const std::string& name) const;
    [[nodiscard]] bool trusted_source(const Scp& scp) const;
    [[nodiscard]] RecordedSource recorded(const Marker& marker) const;
    [[nodiscard]] const SourceFate* fate_of(const Marker& marker) const;
    [[nodiscard]] const DomainView* view(const DomainRef& domain) const;
    Cell& cell(const Identity& identity, const Rules& rules, const DomainRef& target);
    void fill(Cell& cell) const;

    const PlanInput& input_;
    Pairing out_;
    bool partial_ =
        false; ///< some rules of the settings are not selected: their copies are not our matter now
    std::set<Sid> copy_owners_;
    std::vector<const Scp*> scps_;
    std::map<DomainRef, const DomainView*> views_;
    std::map<Guid, std::vector<const Scp*>> by_guid_;
    std::map<Guid, std::vector<const SourceFate*>> fates_;
    std::map<Identity, Members> members_;
    std::map<CellKey, Cell> cells_;
};

/// Each object once: what is read while it moves may come twice, and must not look like two copies.
void Pairer::index() {
    for (const auto& view : input_.observation.domains) {
        views_.emplace(ref(view), &view);
        for (const auto& scp : view.scps)
            scps_.push_back(&scp);
    }
    for (const auto& fate : input_.observation.fates) {
        fates_[fate.source].push_back(&fate);
        if (fate.scp)
            scps_.push_back(&*fate.scp);
    }
    const auto key = [](const Scp* scp) {
        return std::tuple(domain_of(*scp), scp->guid, scp->dn.key());
    };
    std::ranges::stable_sort(scps_, {}, key);
    const auto one_object = [](const Scp* a, const Scp* b) {
        return a->guid == b->guid && domain_of(*a) == domain_of(*b);
    };
    scps_.erase(std::unique(scps_.begin(), scps_.end(), one_object), scps_.end());
    for (const auto* scp : scps_)
        by_guid_[scp->guid].push_back(scp);
}

const DomainView* Pairer::view(const DomainRef& domain) const {
    const auto found = views_.find(domain);
    return found == views_.end() ? nullptr : found->second;
}

Rules Pairer::matching(const Identity& identity, bool selected) const {
    Rules rules;
    for (const auto& one : out_.rules)
        if (one.selected == selected && matches(*one.rule, identity))
            rules.push_back(&one);
    return rules;
}

/// Those selected that look where it lies.
Rules Pairer::matching_here(const Scp& scp) const {
    Rules rules = matching(identity_of(scp), true);
    std::erase_if(rules, [&](const RuleView* one) { return !looks_in(*one, domain_of(scp)); });
    return rules;
}

const RuleView* Pairer::named(const std::string& name) const {
    const auto found = std::ranges::find_if(
        out_.rules, [&](const RuleView& one) { return equal_ascii_nocase(one.rule->name, name); });
    return found == out_.rules.end() ? nullptr : &*found;
}

void Pairer::suspect(const Scp& scp, const std::string& rule, const std::string& detail) {
    out_.held.push_back(hold(Reason::suspect_marker, rule, scp, detail));
}

void Pairer::add(const Scp& scp) {
    if (!scp.marked || !in_force(Safeguard::unmarked_source))
        take_unmarked(scp);
    if (!scp.marked)
        return;
    if (scp.marker && (equal_ascii_nocase(scp.marker->instance, input_.settings.instance) ||
                       !in_force(Safeguard::instance)))
        return take_ours(scp);
    if (scp.marker)
        return take_foreign(scp);
    const Rules rules = matching(identity_of(scp), true);
    if (!rules.empty() || !partial_)
        suspect(scp, rules.empty() ? "" : rules.front()->rule->name,
                "its marker is not well formed, or of a newer version");
}

void Pairer::take_unmarked(const Scp& scp) {
    const Identity identity = identity_of(scp);
    const DomainRef domain = domain_of(scp);
    const Rules rules = matching_here(scp);
    Rules trusted_by;
    for (const auto* one : rules) {
        const auto why = distrust(scp, *one);
        if (!why)
            trusted_by.push_back(one);
        const bool native = one->targets.contains(domain) && trusted_in_target(scp, *one);
        // While an account is unresolved that alone is reported: its forest may be this one.
        if (why == Reason::untrusted_domain && !native && !trust_is_open(*one) &&
            may_hold_sources(*one, domain))
            out_.held.push_back(hold(*why, one->rule->name, scp,
                                     domain.domain.is_configuration()
                                         ? "the rule matches it, but its forest's root is not "
                                           "among the trusted domains"
                                         : "the rule matches it, but its domain is not trusted"));
        else if (why == Reason::untrusted_place)
            out_.held.push_back(
                hold(*why, one->rule->name, scp,
                     "the rule matches it, but it lies outside the trusted containers"));
        else if (why == Reason::untrusted_owner)
            out_.held.push_back(hold(*why, one->rule->name, scp,
                                     "the rule matches it, but " + distrust_of_owner(scp, *one)));
        else if (scp.conflict && in_force(Safeguard::conflict_object))
            out_.held.push_back(hold(Reason::name_collision, one->rule->name, scp,
                                     "a replication conflict object (CNF): never a source"));
    }
    if (!rules.empty() && (!scp.conflict || !in_force(Safeguard::conflict_object)))
        members_[identity].unmarked.push_back({&scp, std::move(trusted_by)});
}

void Pairer::take_foreign(const Scp& scp) {
    const Identity identity = identity_of(scp);
    const Rules rules = matching_here(scp);
    if (rules.empty())
        return; // another instance's business altogether
    if (std::ranges::any_of(rules, [&](const auto* one) { return trusted_in_target(scp, *one); }))
        members_[identity].foreign.push_back(&scp);
    else
        suspect(scp, rules.front()->rule->name,
                "it carries the marker of instance " + scp.marker->instance +
                    (in_trusted_place(scp, *rules.front()->rule)
                         ? ", but " + distrust_of_owner(scp, *rules.front())
                         : ", but lies outside the trusted containers"));
}

bool Pairer::trusted_source(const Scp& scp) const {
    if (scp.marked || scp.conflict)
        return false;
    return std::ranges::any_of(matching(identity_of(scp), true),
                               [&](const auto* one) { return !distrust(scp, *one); });
}

/// What carries our instance's marker: find the rules that it belongs to, then whether it is where
/// they may write and of our owner.
void Pairer::take_ours(const Scp& scp) {
    const DomainView* at = view(domain_of(scp));
    if (at == nullptr || !owned_by_us(scp, *at, copy_owners_)) {
        if (named(scp.marker->rule) != nullptr || !partial_)
            suspect(scp, scp.marker->rule,
                    "it carries our marker, but is not known to be owned by us");
        return;
    }
    // Where servers have no owners, the place alone tells a copy from a planted one.
    if (at->has_owners || std::ranges::any_of(out_.rules, [&](const RuleView& one) {
            return in_allowed_place(scp, *one.rule);
        }))
        out_.copied.insert(scp.marker->source);
    Copy copy{&scp, recorded(*scp.marker), false};
    const Scp* source = copy.source.scp;
    const Identity from = source != nullptr ? identity_of(*source) : Identity{};
    const bool paired = source != nullptr && trusted_source(*source);
    const Identity identity = paired ? from : identity_of(scp);

    Rules rules = matching(identity, true);
    if (source != nullptr) {
        const Rules of_source = matching(from, true);
        copy.matched = std::ranges::any_of(of_source, [&](const RuleView* one) {
            return may_hold_sources(*one, domain_of(*source));
        });
        if (rules.empty())
            rules = of_source;
    }
    if (!rules.empty())
        return take_member(scp, std::move(copy), identity, rules);
    const Rules not_asked = matching(identity, false);
    if (!not_asked.empty() || (source != nullptr && !matching(from, false).empty()))
        return; // a rule's that was not asked for
    const RuleView* rule = named(scp.marker->rule);
    if (rule == nullptr)
        return take_orphan(scp, *at);
    if (rule->selected)
        take_member(scp, std::move(copy), identity, {rule});
}

/// Rows 1 and 2 for what no rule of ours knows.
void Pairer::take_orphan(const Scp& scp, const DomainView& at) {
    if (partial_)
        return;
    if (at.incomplete)
        out_.held.push_back(hold_incomplete(scp.marker->rule, ref(at), &at));
    else
        out_.held.push_back(hold(Reason::rule_gone, scp.marker->rule, scp,
                                 "its rule " + scp.marker->rule + " is not in the settings"));
}

void Pairer::take_member(const Scp& scp, Copy copy, const Identity& identity, const Rules& rules) {
    const auto others = matching(identity, false);
    const auto allowed = [&](const auto* one) { return in_allowed_place(scp, *one->rule); };
    const bool in_place =
        std::ranges::any_of(rules, allowed) || std::ranges::any_of(others, allowed);
    const std::string& name = rules.front()->rule->name;
    const std::string where =
        "it carries our marker, but lies outside the place that the rule writes to";
    if (in_place) {
        cell(identity, rules, domain_of(scp)).copies.push_back(std::move(copy));
    } else if (view(domain_of(scp))->has_owners) {
        cell(identity, rules, domain_of(scp)).moved = true;
        out_.held.push_back(hold(Reason::copy_moved, name, scp, where));
    } else {
        suspect(scp, name, where);
    }
}

const SourceFate* Pairer::fate_of(const Marker& marker) const {
    const auto found = fates_.find(marker.source);
    if (found == fates_.end())
        return nullptr;
    const auto fate = std::ranges::find(found->second, marker.origin, &SourceFate::origin);
    return fate == found->second.end() ? nullptr : *fate;
}

RecordedSource Pairer::recorded(const Marker& marker) const {
    using State = RecordedSource::State;
    RecordedSource source;
    if (const auto found = by_guid_.find(marker.source); found != by_guid_.end()) {
        const auto home = std::ranges::find(found->second, marker.origin, &Scp::domain);
        source.scp = home != found->second.end() ? *home : found->second.front();
        source.state = State::seen;
        source.origin = {domain_of(*source.scp)};
    } else {
        for (const auto& [domain, view] : views_)
            if (domain.domain == marker.origin)
                source.origin.push_back(domain);
        if (const auto* fate = fate_of(marker)) {
            source.detail = fate->detail;
            if (fate->state == SourceFate::State::deleted)
                source.state = State::deleted;
            else if (fate->state == SourceFate::State::absent)
                source.state = State::absent;
        }
    }
    source.origin_complete =
        !source.origin.empty() && std::ranges::all_of(source.origin, [&](const DomainRef& domain) {
            const DomainView* at = view(domain);
            return at != nullptr && at->complete();
        });
    return source;
}

Cell& Pairer::cell(const Identity& identity, const Rules& rules, const DomainRef& target) {
    auto& cell = cells_[CellKey(identity, rules, target)];
    if (cell.rules.empty()) {
        cell.identity = identity;
        cell.target = target;
        cell.rules = rules;
    }
    return cell;
}

void Pairer::fill(Cell& cell) const {
    cell.view = view(cell.target);
    cell.also = matching(cell.identity, false);
    const auto aims_here = [&](const RuleView* one) { return one->targets.contains(cell.target); };
    cell.is_target = std::ranges::any_of(cell.rules, aims_here);
    std::ranges::sort(cell.copies, {}, [](const Copy& copy) { return copy.scp->guid; });
    const auto found = members_.find(cell.identity);
    if (found == members_.end())
        return;
    for (const auto& [scp, trusted_by] : found->second.unmarked) {
        if (scp->forest == cell.target.forest && scp->domain == cell.target.domain)
            cell.natives.push_back(scp);
        else if (std::ranges::any_of(trusted_by, aims_here))
            cell.sources.push_back(scp);
    }
    for (const auto* scp : found->second.foreign)
        if (domain_of(*scp) == cell.target)
            cell.foreign.push_back(scp);
    const auto by_dn = [](const Scp* scp) -> const std::string& { return scp->dn.key(); };
    std::ranges::sort(cell.sources, {}, [](const Scp* scp) { return scp->guid; });
    std::ranges::sort(cell.natives, {}, by_dn);
    std::ranges::sort(cell.foreign, {}, by_dn);
}

Pairing Pairer::run() && {
    index();
    for (const auto* scp : scps_)
        add(*scp);
    for (const auto& [identity, members] : members_) {
        const Rules rules = matching(identity, true);
        for (const auto* one : rules)
            for (const auto& target : one->targets)
                cell(identity, rules, target);
    }
    for (auto& [key, cell] : cells_) {
        fill(cell);
        out_.cells.push_back(std::move(cell));
    }
    for (const auto& catalog : input_.observation.catalogs)
        if (catalog.complete())
            for (auto& names = out_.catalogs[{catalog.forest, catalog.domain}];
                 const auto& dn : catalog.scps)
                names.insert(identity_name(dn.rdn_value()));
    return std::move(out_);
}

} // namespace

Pairing pair_up(const PlanInput& input) {
    return Pairer(input).run();
}

} // namespace scp
