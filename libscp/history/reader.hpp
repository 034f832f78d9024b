#pragma once

#include "history/history.hpp"

#include <functional>
#include <string_view>

namespace scp {

/// True of a line, as it stands in a file, that is of no use to who reads.
using LineFilter = std::function<bool(std::string_view line)>;

/// As read_history() of history.hpp; what is passed over is not even parsed.
[[nodiscard]] Result<HistoryListing> read_history(const std::filesystem::path& dir,
                                                  std::optional<Timestamp> since,
                                                  const LineFilter& passed_over);

} // namespace scp
