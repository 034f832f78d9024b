#pragma once

#include "daemon/events.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace scp {

/// A line of the log on its way out.
struct LogRecord {
    std::chrono::system_clock::time_point at;
    spdlog::level::level_enum level = spdlog::level::info;
    std::string message;
    /// MESSAGE_ID, SCPD_RULE, … in the order of all log fields; those that are empty are left out.
    /// None: a line for developers.
    std::vector<std::pair<std::string_view, std::string>> fields;
};

[[nodiscard]] LogRecord to_record(LogEvent event, spdlog::level::level_enum level,
                                  std::chrono::system_clock::time_point at);

/// 2 (critical) to 7 (debug), as syslog(3) counts.
[[nodiscard]] int syslog_priority(spdlog::level::level_enum level);

/// 2026-11-28T16:14:20.123+01:00 info the message
[[nodiscard]] std::string to_text(const LogRecord& record);
/// One JSON object without a line break: TIMESTAMP (RFC 3339, UTC), PRIORITY, SYSLOG_IDENTIFIER,
/// MESSAGE and the fields, all texts, by the names that `journalctl -o json` has for them.
[[nodiscard]] std::string to_json_line(const LogRecord& record);
/// NAME=value, for sd_journal_sendv(3).
[[nodiscard]] std::vector<std::string> to_journal(const LogRecord& record);

} // namespace scp
