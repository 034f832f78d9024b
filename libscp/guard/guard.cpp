#include "guard/guard.hpp"

#include "plan/hold.hpp"
#include "plan/order.hpp"

#include <fmt/format.h>

#include <algorithm>

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

} // namespace

Plan guard(Plan plan, const LimitSettings& limits, const std::optional<std::string>& approved) {
    const std::string why = over_limits(plan, limits);
    if (why.empty() || approved == plan.hash())
        return plan;
    for (const auto& change : plan.changes)
        plan.held.push_back(hold(Reason::limit_exceeded, change, why));
    plan.changes.clear();
    put_in_order(plan);
    return plan;
}

} // namespace scp
