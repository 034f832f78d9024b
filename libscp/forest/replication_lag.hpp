#pragma once

#include "base/attributes.hpp"
#include "base/time.hpp"

#include <chrono>
#include <optional>

namespace scp {

/// How long ago, by `now`, the replica last had everything that any of its partners had: from its
/// repsFrom ([MS-DRSR] 5.170, REPS_FROM), which the server keeps one value a partner in. A DC that
/// hears from one partner hears of all, so the best counts. nullopt where it has no partner.
[[nodiscard]] std::optional<std::chrono::seconds> replication_lag(const Values& reps_from,
                                                                  Timestamp now);

} // namespace scp
