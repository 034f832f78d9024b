#pragma once

#include "report/documents.hpp"
#include "report/style.hpp"

#include <string>

namespace scp {

// What people read. Every value that came from a directory goes through printable().

/// Changes and held by domain with reasons and differences, and a line of totals.
[[nodiscard]] std::string plan_text(const CycleReport& report, const Style& style);
/// "2 to create, 1 to update, 1 held, 3 in sync"; after a write "2 created, …, 1 failed".
[[nodiscard]] std::string summary_line(const CycleReport& report);
/// Each change as source against copy: unified, value by value, unchanged values as context.
[[nodiscard]] std::string diff_text(const CycleReport& report, const Style& style);
[[nodiscard]] std::string change_text(const Change& change, const ApplyResults& results,
                                      const Style& style);
[[nodiscard]] std::string held_text(const Held& held, const Style& style);

[[nodiscard]] std::string list_text(const std::vector<ListedScp>& scps, const Style& style);
[[nodiscard]] std::string show_text(const ShownScp& shown, const Style& style);
[[nodiscard]] std::string topology_text(const Topology& topology, const Style& style);
/// Graphviz: domains, parents and trusts.
[[nodiscard]] std::string topology_dot(const Topology& topology);

} // namespace scp
