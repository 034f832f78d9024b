#pragma once

#include "plan/rule_view.hpp"

namespace scp {

[[nodiscard]] SourceRef source_ref(const Scp& scp);
/// About one object.
[[nodiscard]] Held hold(Reason reason, const std::string& rule, const Scp& scp, std::string detail);
/// About a rule in a domain; `dn` may be empty.
[[nodiscard]] Held hold(Reason reason, const std::string& rule, const DomainRef& domain,
                        const Dn& nc, const Dn& dn, std::string detail);
/// A change that is not made.
[[nodiscard]] Held hold(Reason reason, const Change& change, std::string detail);
/// Row 1, and what waits for a source domain. `view`: of the domain, which is incomplete; nullptr
/// where it is not known.
[[nodiscard]] Held hold_incomplete(const std::string& rule, const DomainRef& domain,
                                   const DomainView* view);

} // namespace scp
