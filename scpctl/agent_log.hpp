#pragma once

#include "base/filter.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace scp {

/// When a line of a log says it was written. Agents write local time and no zone.
struct LogTime {
    std::string text;             ///< as the log has it: 2015-01-16 23:07:58.0656
    std::optional<Timestamp> utc; ///< taken as UTC where the log names no zone
    bool zone_known = false;      ///< the log names one
    friend bool operator==(const LogTime&, const LogTime&) = default;
};
/// The time that `line` begins with: YYYY-MM-DD, a blank or T, HH:MM:SS, then fraction and zone if
/// there are any.
[[nodiscard]] std::optional<LogTime> parse_log_time(std::string_view line);

/// One search that found nothing, however often the log has it (compared without case).
struct AskedFilter {
    Filter filter;
    std::uint64_t count = 0;
    std::optional<LogTime> first, last; ///< of the first and last of its lines that bear a time
};

/// A "Not found: (…" line whose filter is not taken.
struct RefusedFilter {
    std::uint64_t line = 0; ///< counted from 1
    std::string excerpt;    ///< escaped, cut
    std::string why;
};

struct AgentLog {
    std::vector<AskedFilter> filters;   ///< most frequent first, then by text
    std::vector<RefusedFilter> refused; ///< the first few, in the log's order
    std::uint64_t refused_count = 0;
    std::uint64_t more_filters =
        0; ///< lines whose filter is not in `filters`: too many different ones
    std::uint64_t lines = 0;
    std::uint64_t long_lines = 0; ///< longer than LogLimits::line: passed over
    bool interrupted = false;
};

struct LogLimits {
    std::size_t line = std::size_t{64} * 1024;               ///< bytes, in UTF-8
    std::size_t depth = 8;                                   ///< of a filter
    std::size_t filters = 1000;                              ///< different ones that are kept
    std::size_t filter_bytes = std::size_t{4} * 1024 * 1024; ///< of all of them together
    std::size_t refused = 10;                                ///< that are kept as excerpts
};

/// Reads an agent's log to its end in constant memory, whatever its size and bytes: UTF-8, UTF-16
/// with or without a byte order mark, anything else byte by byte. DESIGN.md, "The problem", has the
/// line that is looked for: "…Not found: (filter)…". ErrorKind::io where the stream fails.
[[nodiscard]] Result<AgentLog> read_agent_log(std::istream& in, const LogLimits& limits = {},
                                              const std::stop_token& stop = {});

/// Why this filter is not one that an agent asks for its SCP with; nullopt where it is: and, or,
/// equality, presence and substring over attributes of an SCP. A log is a stranger's text, so
/// nothing else is sent to a directory.
[[nodiscard]] std::optional<std::string> not_an_agents(const Filter& filter);

} // namespace scp
