#include "plan/plan.hpp"

#include "plan/hold.hpp"
#include "plan/order.hpp"
#include "plan/pairing.hpp"
#include "plan/settle.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace scp {
namespace {

void report_accounts(const Pairing& pairing, Plan& plan) {
    for (const auto& view : pairing.rules)
        if (!view.unresolved.empty())
            plan.held.push_back(hold(Reason::account_unresolved, view.rule->name, DomainRef{}, {},
                                     {}, fmt::format("{}", fmt::join(view.unresolved, "; "))));
}

} // namespace

// pair up → decide → settle: who belongs together, what the table says of each, what is left of it
// once all that wants a name is compared.
Plan make_plan(const PlanInput& input) {
    Pairing pairing = pair_up(input);
    Plan plan = settle(input, decide(input, pairing));
    std::ranges::move(pairing.held, std::back_inserter(plan.held));
    report_accounts(pairing, plan);
    put_in_order(plan);
    return plan;
}

std::vector<Place> places_needed(const PlanInput& input) {
    const Pairing pairing = pair_up(input);
    std::set<Place> places;
    for (const auto& proposal : decide(input, pairing).proposals)
        if (auto place = wanted_place(proposal.change))
            places.insert(std::move(*place));
    return {places.begin(), places.end()};
}

} // namespace scp
