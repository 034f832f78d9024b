#pragma once

#include "forest/sessions.hpp"
#include "history/history.hpp"
#include "plan/plan.hpp"

#include <functional>
#include <map>
#include <string>

namespace scp {

struct ChangeResult {
    enum class State { done, failed, skipped };
    State state = State::skipped;
    std::optional<Error> error;
    /// The write turned out to be one that is held: no-rights, write-dc-unavailable, cannot-copy, parent-missing.
    std::optional<Reason> held;
};

/// By Change::id().
using ApplyResults = std::map<std::string, ChangeResult>;

/// Several domains at once, pipelined within one; pre-images to the history first, marker compare-and-swap, each write
/// read back from the same server. Stops between windows when asked to; what was not begun is skipped.
[[nodiscard]] ApplyResults apply(const Plan& plan, const Topology& topology, Sessions& sessions, History& history);

} // namespace scp
