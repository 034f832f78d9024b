#pragma once

#include "report/json.hpp"
#include "report/style.hpp"
#include "scpctl/explain.hpp"

#include <span>
#include <string>
#include <vector>

namespace scp {

/// scpd.explain/1. Times of a log that names no zone are given as if they were UTC, with
/// "zone_known": false and the log's own text beside them.
[[nodiscard]] Json explain_document(std::span<const ExplainResult> results);

/// What people read: for each search who asks what and where, what it finds, why, and the cure.
[[nodiscard]] std::string explain_text(std::span<const ExplainResult> results, const Style& style);

/// What a log's lines came to besides its filters; each line for stderr. Empty where there is
/// nothing to say.
[[nodiscard]] std::vector<std::string> log_remarks(const AgentLog& log, std::size_t explained);
/// The same as a member of the document.
[[nodiscard]] Json log_json(const AgentLog& log, std::size_t explained);

} // namespace scp
