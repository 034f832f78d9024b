#pragma once

#include "plan/plan.hpp"
#include "plan/rule_view.hpp"

#include <optional>
#include <set>

namespace scp {

/// The domains that the rules need: where their sources may be, where their accounts live or, where
/// that is not known, may live, and the other targets.
[[nodiscard]] std::set<DomainRef> needed_domains(const PlanInput& input);

/// An error of the cause's kind, naming them, where one of `domains` was not read to a proved end.
[[nodiscard]] std::optional<Error> incomplete_among(const std::set<DomainRef>& domains,
                                                    const Observation& observation);

/// The same for what the rules need, and where a forest that they need could not be read at all.
[[nodiscard]] std::optional<Error> needed_but_incomplete(const PlanInput& input);

} // namespace scp
