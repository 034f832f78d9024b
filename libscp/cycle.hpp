#pragma once

#include "apply/apply.hpp"
#include "forest/sessions.hpp"
#include "guard/host_state.hpp"
#include "history/past.hpp"
#include "observe/observation.hpp"
#include "plan/plan.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace scp {

struct CycleOptions {
    std::vector<Rule> rules;             ///< those selected
    std::optional<std::string> approved; ///< hash of a plan that a person approves just now
    /// This host's pauses and approvals, asked when the plan is made and again before it is carried
    /// out. Where they cannot be read, everything is held. Null: there are none.
    std::function<Result<HostState>()> read_state;
    /// The approval of the plan that is about to go out is taken away, durably; false: it was not
    /// there any more. Not null where read_state is not.
    std::function<Result<bool>(const std::string& hash)> use_up;
    /// Of the reads before, as their last plan left them: a daemon's cycles confirm each other.
    Confirmations confirmations;
    Replicas replicas;     ///< likewise
    RetiredBefore retired; ///< likewise
    /// A retire that waits for nothing but more reads gets them at once.
    bool confirm_at_once = false;
    /// This host's history, for the flap guard; asked only where the plan would repair a copy that
    /// somebody may have changed, or where one is parked. Null: nothing is known.
    std::function<PastRead(Timestamp now)> read_past;
    /// The wall clock, to the second.
    std::function<Timestamp()> now = [] {
        return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    };
    /// When that clock was last set, asked straight after `now`. Null: nobody has watched it.
    std::function<std::optional<Timestamp>()> clock_set;
    /// Asked with the guarded plan before anything is written; false: nothing is written. Null: a
    /// dry run.
    std::function<bool(const Plan&)> go_ahead;
    /// Called only where there is something to write; a daemon gives the same one each time.
    std::function<Result<History*>()> open_history;
    std::function<void(const std::string&)>
        progress; ///< one short line as each stage begins; may be null
};

/// All that one cycle saw, decided and did. Text, JSON, journal and metrics are renderings of it.
struct CycleReport {
    Topology topology;
    Observation observation;
    Plan plan;
    ApplyResults results;             ///< empty on a dry run
    std::optional<Error> error;       ///< why nothing was written: the history, the host's state
    HostState host;                   ///< pauses and approvals, as the guard went by them
    std::optional<Error> state_error; ///< pauses and approvals could not be read: all is held
    /// The history could not be read whole: a copy that somebody changes back again and again may
    /// be repaired more often than it should. All else is as always.
    std::optional<Error> past_error;
    bool written = false; ///< anything was written
};

/// What a person approves who wants what is held for limits or as a first use: the hash of the plan
/// without what was just done, which is what the next cycle plans. Empty where nothing waits.
[[nodiscard]] std::string hash_to_approve(const CycleReport& report);

/// Worth another cycle soon: an answer that did not come, or somebody who was faster.
[[nodiscard]] bool worth_retrying(const CycleReport& report);

[[nodiscard]] CycleReport run_cycle(Sessions& sessions, const CycleOptions& options);

} // namespace scp
