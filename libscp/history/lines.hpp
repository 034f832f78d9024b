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

} // namespace scp
