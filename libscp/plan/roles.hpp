#pragma once

#include "plan/plan.hpp"
#include "plan/rule_view.hpp"

namespace scp {

enum class Role { source, copy, native, foreign, suspect, untrusted, unrelated };
[[nodiscard]] std::string to_string(Role role);

/// What an SCP is to a rule (DESIGN.md "The words"). An SCP may be the source of one target domain
/// and the native of another: `source` is said where the rule would mirror it, `native` where it
/// lies in a target domain.
struct RoleOf {
    Role role = Role::unrelated;
    /// untrusted: untrusted-place/-domain/-owner, name-collision (a replication conflict object);
    /// suspect: suspect-marker
    std::optional<Reason> why;
};
[[nodiscard]] RoleOf role_of(const Scp& scp, const Rule& rule, const PlanInput& input);
/// The same for many SCPs of one rule: view_rule() once.
[[nodiscard]] RoleOf role_of(const Scp& scp, const RuleView& view, const PlanInput& input);

/// Hash of the rule's match (keywords, name), in markers as `sel`.
[[nodiscard]] std::string selector_hash(const Rule& rule);
/// Hash of the rule's attribute list, in markers as `attrs`.
[[nodiscard]] std::string attributes_hash(const Rule& rule);
/// keywords and the rule's attributes of an SCP: what is compared and copied, and nothing else of
/// it. Sorted; values that differ in case alone are one value. An attribute that leaves the rule's
/// list is let alone from then on.
[[nodiscard]] Attributes copied_content(const Scp& scp, const Rule& rule);

} // namespace scp
