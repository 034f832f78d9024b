#include "guard/guard.hpp"

#include "base/safeguard.hpp"
#include "base/text.hpp"
#include "plan/hold.hpp"
#include "plan/order.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>

namespace scp {
namespace {

/// Below so many copies of a rule a percentage says little: there, deleting all of them is too
/// much.
constexpr std::size_t few_copies = 10;

/// Why the deletes of one rule are too many of its copies; empty: they are not.
std::string too_large_a_share(const std::string& rule, std::size_t deletes, std::size_t copies,
                              std::size_t percent) {
    if (copies < few_copies)
        return deletes >= 2 && deletes >= copies
                   ? fmt::format("all {} copies of rule {} would be deleted", deletes, rule)
                   : "";
    return deletes * 100 > percent * copies
               ? fmt::format(
                     "{} of {} copies of rule {} would be deleted, limits.delete_percent is {}",
                     deletes, copies, rule, percent)
               : "";
}

/// The first limit that the plan is over, for people; empty: none.
std::string over_limits(const Plan& plan, const LimitSettings& limits) {
    if (plan.changes.size() > limits.changes)
        return fmt::format("{} changes, limits.changes is {}", plan.changes.size(), limits.changes);
    std::map<std::string, std::size_t, LessNoCase> deletes;
    std::size_t all = 0;
    for (const auto& change : plan.changes)
        if (change.op == Op::remove) {
            ++deletes[change.rule];
            ++all;
        }
    if (all > limits.deletes)
        return fmt::format("{} deletes, limits.deletes is {}", all, limits.deletes);
    for (const auto& [rule, count] : deletes) {
        const auto copies = plan.copies.find(rule);
        auto why = too_large_a_share(rule, count, copies == plan.copies.end() ? 0 : copies->second,
                                     limits.delete_percent);
        if (!why.empty())
            return why;
    }
    return {};
}

/// Why a change is held; nothing: it may pass.
using Judge = std::function<std::optional<Held>(const Change&)>;

std::vector<const Rule*> rules_of(const Change& change, const GuardInput& input) {
    std::vector<const Rule*> rules;
    for (const auto* rule : input.rules) {
        const auto is_it = [&](const std::string& name) {
            return equal_ascii_nocase(name, rule->name);
        };
        if (is_it(change.rule) || std::ranges::any_of(change.also, is_it))
            rules.push_back(rule);
    }
    return rules;
}

std::string pause_text(const Pause& pause) {
    return fmt::format("{} since {} by {}{}{}",
                       pause.rule.empty() ? "all rules are paused"
                                          : "rule " + printable(pause.rule) + " is paused",
                       to_rfc3339(pause.since), printable(pause.who),
                       pause.reason.empty() ? "" : ": ", printable(pause.reason));
}

std::optional<Held> paused(const Change& change, const GuardInput& input) {
    if (input.state_error) {
        Held held = hold(Reason::paused, change,
                         "whether it is paused is not known: " + input.state_error->message);
        held.hint = input.state_error->hint;
        return held;
    }
    const Pause* found = find_pause(input.state, "");
    if (found == nullptr)
        found = find_pause(input.state, change.rule);
    for (const auto& name : change.also)
        if (found == nullptr)
            found = find_pause(input.state, name);
    if (found == nullptr)
        return std::nullopt;
    Held held = hold(Reason::paused, change, pause_text(*found));
    if (found->rule.empty())
        held.hint = "scpctl resume, without a rule's name.";
    return held;
}

/// Why the rule does not let the value through; empty: it does.
std::string not_allowed(const std::string& value, const Rule& rule) {
    using Verdict = Pattern::Verdict;
    const auto about = [&](const std::string& what) {
        return fmt::format("serviceBindingInformation \"{}\" {} of rule {}", printable(value, 200),
                           what, rule.name);
    };
    for (const auto& pattern : rule.bindings.deny) {
        const Verdict verdict = pattern.match(value, Pattern::Dot::any);
        if (verdict == Verdict::yes)
            return about("matches bindings.deny \"" + printable(pattern.text(), 200) + "\"");
        if (verdict == Verdict::too_complex)
            return about("is too complex to try on it bindings.deny \"" +
                         printable(pattern.text(), 200) + "\"");
    }
    std::string given_up;
    for (const auto& pattern : rule.bindings.allow) {
        const Verdict verdict = pattern.match(value, Pattern::Dot::but_newline);
        if (verdict == Verdict::yes)
            return {};
        if (verdict == Verdict::too_complex)
            given_up = " (too complex to try: \"" + printable(pattern.text(), 200) + "\")";
    }
    return rule.bindings.allow.empty() ? "" : about("matches none of bindings.allow" + given_up);
}

/// What carries no values (a delete, a mark) is not concerned.
std::optional<Held> denied(const Change& change, const GuardInput& input) {
    if (change.op == Op::mark || change.op == Op::remove)
        return std::nullopt;
    for (const auto* rule : rules_of(change, input))
        for (const auto& value : sorted(values_of(change.after, "serviceBindingInformation")))
            if (const std::string why = not_allowed(value, *rule); !why.empty())
                return hold(Reason::binding_not_allowed, change, why);
    return std::nullopt;
}

std::optional<Held> unseen(const Change& change, const GuardInput& input) {
    if (!change.first_use)
        return std::nullopt;
    for (const auto* rule : rules_of(change, input))
        if (rule->first_use == FirstUse::approve)
            return hold(Reason::awaiting_approval, change,
                        change.op == Op::create
                            ? "rule " + rule->name +
                                  " asks for an approval of a source that was never copied before"
                            : "rule " + rule->name +
                                  " asks for an approval of a source that takes another one's "
                                  "place");
    return std::nullopt;
}

bool is_for(const Change& container, const Change& change) {
    const Dn& dn = change.new_dn ? *change.new_dn : change.dn;
    return change.forest == container.forest && change.domain == container.domain &&
           dn.is_within(container.dn);
}

/// Moves what `judge` holds. Containers are judged by what is to be created in them: one for which
/// nothing is left is held with the first of that.
void sift(Plan& plan, const Judge& judge) {
    std::vector<Change> containers;
    std::vector<Change> passed;
    std::vector<Held> held;
    for (auto& change : plan.changes) {
        if (change.op == Op::create_container)
            containers.push_back(std::move(change));
        else if (auto why = judge(change))
            held.push_back(std::move(*why));
        else
            passed.push_back(std::move(change));
    }
    plan.changes.clear();
    for (auto& container : containers) {
        const auto in_it = [&](const Change& change) { return is_for(container, change); };
        const auto first =
            std::ranges::find_if(held, [&](const Held& one) { return in_it(*one.change); });
        if (first == held.end() || std::ranges::any_of(passed, in_it)) {
            plan.changes.push_back(std::move(container));
            continue;
        }
        plan.held.push_back(hold(first->reason, container, first->detail));
        plan.held.back().hint = first->hint;
    }
    std::ranges::move(passed, std::back_inserter(plan.changes));
    std::ranges::move(held, std::back_inserter(plan.held));
}

} // namespace

Plan guard(Plan plan, const GuardInput& input) {
    if (in_force(Safeguard::pauses))
        sift(plan, [&](const Change& change) { return paused(change, input); });
    if (in_force(Safeguard::bindings))
        sift(plan, [&](const Change& change) { return denied(change, input); });
    if (input.approved.empty() || !input.approved.contains(plan.hash())) {
        if (in_force(Safeguard::first_use))
            sift(plan, [&](const Change& change) { return unseen(change, input); });
        if (const std::string why = over_limits(plan, input.limits);
            !why.empty() && in_force(Safeguard::limits)) {
            for (const auto& change : plan.changes)
                plan.held.push_back(hold(Reason::limit_exceeded, change, why));
            plan.changes.clear();
        }
    }
    put_in_order(plan);
    return plan;
}

} // namespace scp
