#pragma once

#include "report/documents.hpp"
#include "scpctl/context.hpp"

#include <string>

namespace scp {

/// The write of a verb that writes by hand, as the plan of one object. Pure of the directory but
/// for the look at its place: nothing is written here.
struct HandWrite {
    std::vector<Change>
        changes; ///< what is to be written; empty where nothing is to be done or it is refused
    std::optional<Held> held;     ///< why it is refused
    std::string already;          ///< why nothing is to be done, for people
    std::optional<Error> missing; ///< a needed domain was not read to its end
};

/// A refusal about one object.
[[nodiscard]] Held refuse_by_hand(const Change& change, Reason reason, std::string detail,
                                  std::string hint);

/// Whether an SCP may be created as `change` says: looks at its place.
[[nodiscard]] Result<HandWrite> plan_creation(Context& context, const Topology& topology,
                                              Change change);

/// A copy of `source`, marked, as `rule` makes it in `domain`: what the whole decision table says.
[[nodiscard]] Result<HandWrite> plan_marked_copy(Context& context, const Topology& topology,
                                                 Rule rule, const Scp& source,
                                                 const Domain& domain);

/// Writes (unless `dry_run`), prints the document or text, and gives the exit code: 0 · 3 refused ·
/// 5 a write failed.
[[nodiscard]] Result<Exit> finish_by_hand(Context& context, const Topology& topology,
                                          const HandWrite& write, bool dry_run,
                                          const std::string& remark);

} // namespace scp
