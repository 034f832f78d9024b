#pragma once

#include "plan/pairing.hpp"

#include <set>
#include <tuple>

namespace scp {

/// A change that the table wants, before it is known whether its place is free (rows 16 and 17) and
/// its mode lets it.
struct Proposal {
    Change change;
    const Rule* rule = nullptr;
    std::set<DomainRef> waits_for; ///< create: source domains that were not read whole
};

struct Decisions {
    std::vector<Proposal> proposals;
    std::vector<Held> held;
    std::size_t in_sync = 0;
    std::map<std::string, std::size_t, LessNoCase> in_sync_of; ///< by rule
    Confirmations confirmations;
    RetiredBefore retired;
    bool unconfirmed = false;
    std::map<std::string, std::size_t, LessNoCase> copies;
    /// (rule, domain) where row 1 decided: reported once each.
    std::set<std::tuple<std::string, DomainRef>> incomplete;
};

/// Without what is so long ago that it says nothing any more; the newest, where it is very much.
/// Pure.
[[nodiscard]] RetiredBefore still_remembered(const RetiredBefore& before, Timestamp now);

/// Rows 1 to 15 and 16a to 20 for every cell. Pure.
[[nodiscard]] Decisions decide(const PlanInput& input, const Pairing& pairing);

} // namespace scp
