#pragma once

#include "history/history.hpp"
#include "plan/fight.hpp"

#include <filesystem>
#include <optional>
#include <span>

namespace scp {

/// What the flap guard goes by, out of the records of a history, in their order. What failed or was
/// not tried has put nothing right; of what has no result (its writer died) it is taken that it
/// did. Pure.
[[nodiscard]] Past past_of(std::span<const HistoryRecord> records);

struct PastRead {
    Past past;
    /// A part of the history could not be read: there may have been more than `past` says.
    std::optional<Error> error;
};
/// Of as much of the history in DIR as the flap guard can have a use for at that time.
[[nodiscard]] PastRead read_past(const std::filesystem::path& dir, Timestamp now);

} // namespace scp
