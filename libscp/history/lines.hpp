#pragma once

#include "history/history.hpp"

#include <string>
#include <string_view>

namespace scp {

/// The lines of a history file, each one JSON object without a line break, ended by one.
/// Byte strings are JSON strings where they are UTF-8, {"base64": …} where not.
[[nodiscard]] std::string record_line(const HistoryRecord& record);
[[nodiscard]] std::string result_line(const HistoryRecord& record);

/// A line of either kind: of a result line only id, result, error and change.guid are filled in.
struct HistoryLine {
    bool is_result = false;
    HistoryRecord record;
};
/// ErrorKind::io with what is wrong; any bytes are safe to pass.
[[nodiscard]] Result<HistoryLine> parse_history_line(std::string_view line);

/// The value of a string at the top of a whole line as record_line() and result_line() write it,
/// without parsing it; empty where there is none, or none without an escape. What is inside a value
/// of a record cannot be taken for it: a quote there has a backslash before it, and what stands
/// behind an attribute's name is a list.
[[nodiscard]] std::string_view field_of_line(std::string_view line, std::string_view name);

/// A line that past_of() has no use for (history/past.hpp). A daemon's cycles read the same files
/// again and again, and nearly all of their lines are such: they are told without being parsed.
[[nodiscard]] bool is_beside_the_past(std::string_view line);

} // namespace scp
