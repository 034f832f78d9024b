#include "guard/guard.hpp"

#include "plan/hold.hpp"
#include "plan/order.hpp"

#include <fmt/format.h>

namespace scp {

Plan guard(Plan plan, const LimitSettings& limits, const std::optional<std::string>& approved) {
    if (plan.changes.size() <= limits.changes || approved == plan.hash())
        return plan;
    const std::string why =
        fmt::format("{} changes, limits.changes is {}", plan.changes.size(), limits.changes);
    for (const auto& change : plan.changes)
        plan.held.push_back(hold(Reason::limit_exceeded, change, why));
    plan.changes.clear();
    put_in_order(plan);
    return plan;
}

} // namespace scp
