#pragma once

#include "plan/plan.hpp"
#include "report/documents.hpp"
#include "scpctl/lookup.hpp"

#include <string>
#include <vector>

namespace scp {

/// A rule that matches SCPs with these keywords and has no target: to look for them.
[[nodiscard]] Rule rule_for_keywords(const std::vector<std::string>& keywords);

/// A one-off rule of `list` may name neither account nor target, and so no forest whose domains are
/// trusted: all are.
void trust_everywhere_without_target(std::vector<Rule>& rules, const Topology& topology);

/// Adds what was found to the views of its domains, unless it is there; a domain not read to its
/// end is incomplete.
void add_all_scps(Observation& observation, const Lookup& lookup);

/// All SCPs observed with their role for each rule of `input`, sorted by forest, domain and DN.
[[nodiscard]] std::vector<ListedScp> listed_scps(const PlanInput& input);
[[nodiscard]] ListedScp listed_scp(const Scp& scp, const PlanInput& input);

} // namespace scp
