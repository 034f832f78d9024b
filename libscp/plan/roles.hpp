#pragma once

#include "plan/plan.hpp"

namespace scp {

enum class Role { source, copy, native, foreign, suspect, untrusted, unrelated };
[[nodiscard]] std::string to_string(Role role);

/// What an SCP is to a rule (DESIGN.md "The words"). An SCP may be the source of one target domain and the native of
/// another: `source` is said where the rule would mirror it, `native` where it lies in a target domain.
struct RoleOf {
    Role role = Role::unrelated;
    std::optional<Reason> why; ///< untrusted: untrusted-place/-domain; suspect: suspect-marker
};
[[nodiscard]] RoleOf role_of(const Scp& scp, const Rule& rule, const PlanInput& input);

/// Hash of the rule's match (keywords, name), in markers as `sel`.
[[nodiscard]] std::string selector_hash(const Rule& rule);
/// Hash of the rule's attribute list, in markers as `attrs`.
[[nodiscard]] std::string attributes_hash(const Rule& rule);
/// keywords and the rule's attributes of an SCP: what is compared and copied.
[[nodiscard]] Attributes copied_content(const Scp& scp, const Rule& rule);

} // namespace scp
