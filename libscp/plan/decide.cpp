#include "plan/decide.hpp"

#include "base/safeguard.hpp"
#include "plan/table.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace scp {

void DecisionTable::decide() {
    if (target_incomplete())
        return;
    out_.copies[rule().name] += ours_.size();
    if (rules_overlap())
        return;
    rule_gone();
    parked();
    if (not_a_target())
        return;
    duplicates();
    if (natives() || foreign() || source_marked() || source_gone() || choose_source())
        return;
    out_.retired.erase({cell_.target.forest, cell_.target.domain, source_->guid});
    if (ours() == nullptr)
        return create();
    if (replaced_unproved() || source_empty() || source_older())
        return;
    repair();
}

// Row 1.
bool DecisionTable::target_incomplete() {
    if (cell_.view != nullptr && cell_.view->complete())
        return false;
    out_.incomplete.emplace(rule().name, cell_.target);
    return true;
}

namespace {
bool same_writes(const RuleView& one, const RuleView& other) {
    const Rule& a = *one.rule;
    const Rule& b = *other.rule;
    return one.attributes == other.attributes && a.mode == b.mode &&
           a.container.kind == b.container.kind && a.container.relative == b.container.relative &&
           a.create_containers == b.create_containers && a.prefer == b.prefer;
}
} // namespace

bool DecisionTable::rules_overlap() {
    std::string others;
    bool differ = false;
    for (const auto* views : {&cell_.rules, &cell_.also})
        for (const auto* view : *views) {
            differ = differ || !same_writes(*cell_.rules.front(), *view);
            others += (others.empty() ? "" : ", ") + view->rule->name;
        }
    const bool at_stake = !cell_.sources.empty() || !ours_.empty();
    if (differ && at_stake)
        hold_cell(Reason::rules_overlap, ours_.empty() ? Dn{} : ours_.front().scp->dn,
                  "matched by rules " + others +
                      ", which differ in attributes, mode, container or on_conflict");
    return differ;
}

// Row 2. Where a trusted source of the copy's identity is there, row 13 pairs the copy with it.
void DecisionTable::rule_gone() {
    if (!cell_.sources.empty())
        return;
    std::erase_if(ours_, [&](const Copy& copy) {
        if (copy.matched)
            return false;
        const auto by_name = [&](const RuleView& view) {
            return equal_ascii_nocase(view.rule->name, copy.marker().rule);
        };
        const auto named = std::ranges::find_if(pairing_.rules, by_name);
        if (named == pairing_.rules.end())
            hold_copy(Reason::rule_gone, copy,
                      "its rule " + copy.marker().rule + " is not in the settings");
        else if (named->selector != copy.marker().sel && in_force(Safeguard::selector_hash))
            hold_copy(Reason::filter_changed, copy, "its rule's match was changed since");
        else
            return false;
        kept_ = true;
        return true;
    });
}

// Row 3.
void DecisionTable::parked() {
    std::erase_if(ours_, [&](const Copy& copy) {
        if (!copy.marker().parked || !in_force(Safeguard::parked))
            return false;
        std::string detail = "parked since " + to_rfc3339(*copy.marker().parked);
        if (const auto past = input_.past.find(copy.scp->guid);
            past != input_.past.end() && !past->second.parked.empty())
            detail += ": " + story_of(past->second.parked);
        hold_copy(Reason::parked, copy, std::move(detail));
        kept_ = true;
        return true;
    });
}

// Rows 4 and 5. A rule that was not asked for may want the copy here.
bool DecisionTable::not_a_target() {
    if (cell_.is_target)
        return false;
    if (!cell_.also.empty())
        return true;
    std::string unresolved;
    for (const auto* view : cell_.rules)
        for (const auto& account : view->unresolved)
            unresolved += (unresolved.empty() ? "" : "; ") + account;
    for (const auto& copy : ours_) {
        if (unresolved.empty() || !in_force(Safeguard::account_unresolved))
            retire(Reason::not_a_target, copy,
                   "no account of the rule is in " + cell_.target.domain.text() + " any more");
        else
            hold_copy(Reason::account_unresolved, copy,
                      "kept: an account that may be in this domain is unresolved: " + unresolved);
    }
    return true;
}

// Row 6.
void DecisionTable::duplicates() {
    if (ours_.size() < 2)
        return;
    const auto expected = [&](const Copy& copy) { return copy.scp->dn == expected_dn(copy); };
    const auto found = std::ranges::find_if(ours_, expected);
    const Copy kept = found == ours_.end() ? ours_.front() : *found;
    for (const auto& copy : ours_)
        if (copy.scp != kept.scp)
            retire(Reason::duplicate, copy,
                   "a second copy beside " + printable(kept.scp->dn.text()));
    ours_ = {kept};
}

void DecisionTable::hold_untrusted_native(const Scp& native) {
    const RuleView& view = *cell_.rules.front();
    hold_cell(Reason::untrusted_native, native.dn,
              "an SCP of the same name and keywords lies here" +
                  (in_trusted_place(native, *view.rule) ? ", and " + distrust_of_owner(native, view)
                                                        : " outside the trusted containers"));
}

// Rows 7, 8 and 9.
bool DecisionTable::natives() {
    if (!in_force(Safeguard::natives))
        return false;
    const bool at_stake = !cell_.sources.empty() || ours() != nullptr;
    std::vector<const Scp*> trusted;
    for (const auto* scp : cell_.natives)
        if (std::ranges::any_of(
                cell_.rules, [&](const RuleView* view) { return trusted_in_target(*scp, *view); }))
            trusted.push_back(scp);
    if (trusted.empty()) {
        blocked_ = !cell_.natives.empty();
        if (blocked_ && at_stake)
            hold_untrusted_native(*cell_.natives.front());
        return false;
    }
    const auto equal = [&](const Scp* scp) { return equals_source(*scp); };
    if (const auto found = std::ranges::find_if(trusted, equal); found != trusted.end()) {
        in_sync();
        if (ours() != nullptr)
            retire(Reason::duplicate, *ours(),
                   printable((*found)->dn.text()) + " serves this domain by itself");
        return true;
    }
    hold_cell(Reason::native_differs, trusted.front()->dn,
              "an SCP of the same name and keywords that is not ours is here, and differs from the "
              "source");
    return true;
}

// Row 10.
bool DecisionTable::foreign() {
    if (cell_.foreign.empty() || cell_.sources.empty() || !in_force(Safeguard::foreign_owner))
        return false;
    const auto equal = [&](const Scp* scp) { return equals_source(*scp); };
    const Scp& first = *cell_.foreign.front();
    if (ours() != nullptr)
        hold_copy(Reason::foreign_owner, *ours(),
                  "instance " + first.marker->instance +
                      " serves this domain too: " + printable(first.dn.text()));
    else if (std::ranges::any_of(cell_.foreign, equal))
        in_sync();
    else
        hold_cell(Reason::foreign_owner, first.dn,
                  "a copy of instance " + first.marker->instance +
                      " is here, and differs from the source");
    return true;
}

bool DecisionTable::source_marked() {
    const Scp* recorded = ours() == nullptr ? nullptr : ours()->source.scp;
    if (recorded == nullptr)
        return false;
    const std::string dn = printable(recorded->dn.text());
    if (recorded->marked && in_force(Safeguard::unmarked_source))
        hold_copy(Reason::source_marked, *ours(), "its source " + dn + " carries a marker itself");
    else if (recorded->conflict && cell_.sources.empty())
        hold_copy(Reason::name_collision, *ours(),
                  "its source is now the replication conflict object " + dn);
    else
        return false;
    return true;
}

// Row 11.
bool DecisionTable::source_gone() {
    if (!cell_.sources.empty())
        return false;
    if (ours() == nullptr)
        return true;
    const Copy& copy = *ours();
    const Reason why = why_gone(copy);
    if (why == Reason::source_not_seen || why == Reason::account_unresolved)
        hold_copy(why, copy, what_became(copy, why));
    else
        retire(why, copy, what_became(copy, why));
    return true;
}

/// What became of the recorded source, which is not in S.
Reason DecisionTable::why_gone(const Copy& copy) const {
    using State = RecordedSource::State;
    if (in_force(Safeguard::source_not_seen) &&
        (!copy.source.origin_complete || copy.source.state == State::unknown))
        return Reason::source_not_seen;
    if (copy.source.state != State::seen)
        return Reason::source_deleted;
    if (!copy.matched)
        return Reason::source_unmatched;
    // Which forests are trusted by default depends on the accounts: one that is unresolved must not
    // take trust away.
    const auto foreign_domain = [&](const RuleView* view) {
        return distrust(*copy.source.scp, *view) == Reason::untrusted_domain;
    };
    if (std::ranges::any_of(cell_.rules, [&](const auto* view) {
            return trust_is_open(*view) && foreign_domain(view);
        }))
        return Reason::account_unresolved;
    // No more does an owner's name that cannot be looked up.
    if (distrusted_owner(copy, owner_is_open) != nullptr)
        return Reason::source_not_seen;
    return Reason::source_untrusted;
}

/// A rule that does not believe the recorded source for its owner alone, and for which `holds`;
/// nullptr where there is none.
const RuleView* DecisionTable::distrusted_owner(const Copy& copy,
                                                bool (*holds)(const Scp&, const RuleView&)) const {
    const Scp& source = *copy.source.scp;
    for (const auto* view : cell_.rules)
        if (distrust(source, *view) == Reason::untrusted_owner && holds(source, *view))
            return view;
    return nullptr;
}

/// The same for people.
std::string DecisionTable::what_became(const Copy& copy, Reason why) const {
    const RecordedSource& source = copy.source;
    const std::string origin = copy.marker().origin.text();
    const std::string dn = source.scp == nullptr ? "" : printable(source.scp->dn.text());
    if (why == Reason::account_unresolved)
        return "its source's domain " + origin +
               " is trusted through the accounts, and one of them is unresolved";
    if (why == Reason::source_unmatched)
        return "its source " + dn + " no longer fits the rule's keywords and name";
    if (why == Reason::source_untrusted ||
        (why == Reason::source_not_seen && source.scp != nullptr))
        if (const auto* view = distrusted_owner(copy, [](auto&, auto&) { return true; }))
            return "its source " + dn + ": " + distrust_of_owner(*source.scp, *view);
    if (why == Reason::source_untrusted)
        return "its source " + dn + " lies where the rule does not trust SCPs";
    if (!source.detail.empty())
        return source.detail;
    if (why == Reason::source_deleted)
        return "its source is not in " + origin + " any more";
    if (source.origin.empty())
        return "no forest that was read has its source's domain " + origin;
    return "its source's domain " + origin +
           (source.origin_complete ? " did not show it" : " was not read whole");
}

// Row 12.
bool DecisionTable::choose_source() {
    if (in_force(Safeguard::source_agreement) && !sources_agree())
        return prefer_source();
    source_ = cell_.sources.front();
    if (ours() != nullptr)
        for (const auto* scp : cell_.sources)
            if (scp == ours()->source.scp)
                source_ = scp;
    return false;
}

/// Never past a preferred domain that was not read whole: the one preferred may be there, unseen.
bool DecisionTable::prefer_source() {
    const Dn dn = ours() != nullptr ? ours()->scp->dn
                                    : copy_dn(*cell_.sources.front(), rule(), cell_.view->nc);
    const auto disagree = [&](const std::string& detail) {
        hold_cell(Reason::sources_disagree, dn, detail);
        return true;
    };
    for (const auto& name : rule().prefer) {
        std::size_t known = 0;
        for (const auto& view : input_.observation.domains) {
            if (view.domain.dns() != name)
                continue;
            ++known;
            if (view.incomplete)
                return disagree("the preferred domain " + name.text() + " was not read whole");
        }
        if (known == 0)
            return disagree("the preferred domain " + name.text() + " was not read");
        std::vector<const Scp*> preferred;
        std::ranges::copy_if(cell_.sources, std::back_inserter(preferred),
                             [&](const Scp* scp) { return scp->domain.dns() == name; });
        if (preferred.empty())
            continue;
        source_ = preferred.front();
        const auto same = [&](const Scp* scp) { return content(*scp) == content(*source_); };
        if (std::ranges::all_of(preferred, same))
            return false;
        return disagree("the preferred domain " + name.text() + " holds several that differ");
    }
    return disagree(
        fmt::format("{} sources of this name and keywords differ", cell_.sources.size()));
}

Decisions decide(const PlanInput& input, const Pairing& pairing) {
    Decisions decisions;
    decisions.retired = still_remembered(input.retired, input.now);
    Contents contents;
    for (const auto& cell : pairing.cells)
        DecisionTable(input, pairing, cell, contents, decisions).decide();
    for (const auto& view : pairing.rules) {
        for (const auto& target : view.targets) {
            const auto found = std::ranges::find(input.observation.domains, target, ref);
            if (found == input.observation.domains.end() || found->incomplete)
                decisions.incomplete.emplace(view.rule->name, target);
        }
        for (const auto& target : view.unknown_targets)
            decisions.incomplete.emplace(view.rule->name, target);
    }
    return decisions;
}

} // namespace scp
