#include "plan/fight.hpp"

#include "base/text.hpp"
#include "plan/plan.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace scp {

bool may_be_contested(Reason reason) {
    return reason == Reason::edited_by_hand || reason == Reason::settings_changed ||
           reason == Reason::source_replaced || reason == Reason::renamed;
}

bool asks_for_past(const Plan& plan) {
    return std::ranges::any_of(plan.changes, may_be_contested, &Change::reason) ||
           std::ranges::any_of(plan.held,
                               [](const Held& held) { return held.reason == Reason::parked; });
}

std::vector<PastRepair> undone_repairs(const std::vector<PastRepair>& repairs, const Marker& wanted,
                                       const std::string& name, Timestamp now) {
    std::vector<PastRepair> found;
    for (const auto& repair : repairs) {
        const bool recent = repair.at > now - fight_window && repair.at < now + fight_window;
        // What it wants now, it has had before: so in between somebody wanted something else. Of
        // settings, sources and names only; which content the source had does not matter.
        const bool same = repair.left.instance == wanted.instance &&
                          repair.left.source == wanted.source && repair.left.sel == wanted.sel &&
                          repair.left.attrs == wanted.attrs && equal_folded(repair.name, name);
        if (recent && same)
            found.push_back(repair);
    }
    if (found.size() > fight_limit)
        found.erase(found.begin(), found.end() - fight_limit);
    return found;
}

std::string story_of(const std::vector<PastRepair>& repairs) {
    std::vector<std::string> times;
    for (const auto& repair : repairs) {
        std::vector<std::string> names;
        for (const auto& name : repair.changed)
            names.push_back(printable(name));
        times.push_back(fmt::format("{} ({})", to_rfc3339(repair.at),
                                    names.empty() ? "its marker alone"
                                                  : fmt::format("{}", fmt::join(names, ", "))));
    }
    return fmt::format("somebody has changed it back {} times within an hour; it was put right at "
                       "{}",
                       repairs.size(), fmt::join(times, ", "));
}

} // namespace scp
