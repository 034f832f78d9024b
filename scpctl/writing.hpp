#pragma once

#include "plan/by_hand.hpp"
#include "report/documents.hpp"
#include "scpctl/context.hpp"

#include <string>

namespace scp {

/// The write of a verb that writes by hand, as the plan of a few objects. Pure of the directory but
/// for the look at their places: nothing is written here.
struct HandWrite {
    std::vector<Change>
        changes; ///< what is to be written; empty where nothing is to be done or it is refused
    std::vector<Held> held;           ///< what is refused, and why
    std::vector<std::string> already; ///< why nothing is to be done, for people
    std::vector<Error> errors;        ///< objects that are not there, or could not be looked at
    std::optional<Error> missing;     ///< a needed domain was not read to its end

    void add(HandVerdict verdict);
};

/// What a mark or a delete is stamped with.
[[nodiscard]] Timestamp now_to_the_second();

/// Whether an SCP may be created as `change` says: looks at its place.
[[nodiscard]] Result<HandWrite> plan_creation(Context& context, const Topology& topology,
                                              Change change);

/// A copy of `source`, marked, as `rule` makes it in `domain`: what the whole decision table says.
[[nodiscard]] Result<HandWrite> plan_marked_copy(Context& context, const Topology& topology,
                                                 Rule rule, const Scp& source,
                                                 const Domain& domain);

/// Makes the changes, with the history opened before; what came of them goes into `report`. An
/// error where the history could not be opened: nothing was written.
[[nodiscard]] std::optional<Error> write_by_hand(Context& context, const Topology& topology,
                                                 const std::vector<Change>& changes,
                                                 WriteReport& report);

/// What the results mean: 0 · 3 changed since it was looked at · 4 its server was not reached · 5 a
/// write failed.
[[nodiscard]] Exit exit_of_writes(const WriteReport& report);

/// Prints what came of it, and gives the exit code, `write`'s errors counted in.
[[nodiscard]] Exit close_by_hand(Context& context, const WriteReport& report,
                                 const HandWrite& write, bool dry_run, const std::string& remark);

/// Writes (unless `dry_run`), prints the document or text, and gives the exit code: 0 · 3 refused ·
/// 5 a write failed.
[[nodiscard]] Result<Exit> finish_by_hand(Context& context, const Topology& topology,
                                          const HandWrite& write, bool dry_run,
                                          const std::string& remark);

} // namespace scp
