#pragma once

#include "scpctl/context.hpp"

#include <optional>
#include <vector>

namespace scp {

/// What plan, diff and sync have in common.
struct Planned {
    CycleReport report;
    std::string instance;
    std::string marker_attribute;
    std::optional<Error> incomplete; ///< a needed domain was not read to its end
    std::optional<Error> refused;    ///< sync: it is not the plan that was asked for
};

/// The rules to plan with: at least one, each with an account or a target. ErrorKind::usage.
[[nodiscard]] Result<std::vector<Rule>> rules_to_plan(Context& context, const RuleOptions& options);

/// One cycle over `options.rules`; fills in progress and the opening of the history.
[[nodiscard]] Result<Planned> run_planned(Context& context, CycleOptions options);

/// The plan as the document of CONTRACT.md, with "error" where a needed domain was not read to its
/// end.
[[nodiscard]] Json planned_json(const Planned& planned);

/// Prints the plan in the format asked for. `text`: how, as text.
void print_planned(Context& context, const Planned& planned,
                   std::string (*text)(const CycleReport&, const Style&));

/// A remark where something waits for an approval only.
void say_how_to_approve(Context& context, const CycleReport& report);

/// Interrupted, or unreachable (says so on stderr) where a needed domain was not read to its end,
/// unless --partial; usage where it was not read for a mistake of the caller's; else `otherwise`.
[[nodiscard]] Exit exit_of_read(Context& context, const std::optional<Error>& incomplete,
                                Exit otherwise);

/// 1 where there are changes or held ones, or all would be held, else 0.
[[nodiscard]] Exit exit_of_plan(const CycleReport& report);

} // namespace scp
