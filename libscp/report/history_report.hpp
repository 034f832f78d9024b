#pragma once

#include "history/history.hpp"
#include "report/json.hpp"
#include "report/style.hpp"

#include <string>
#include <vector>

namespace scp {

// The writes of the history, as `scpctl history` shows them. Pure.

/// scpd.history/1 (CONTRACT.md)
[[nodiscard]] Json history_document(const std::vector<HistoryRecord>& records);
[[nodiscard]] std::string history_text(const std::vector<HistoryRecord>& records,
                                       const Style& style);
/// Change records of what was written, each below a comment that tells its ID, time and writer; as
/// comments alone those that were not written, or not known to be.
[[nodiscard]] std::string history_ldif(const std::vector<HistoryRecord>& records);

} // namespace scp
