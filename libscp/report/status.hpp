#pragma once

#include "cycle.hpp"
#include "guard/host_state.hpp"
#include "report/json.hpp"
#include "report/style.hpp"

#include <optional>
#include <string>
#include <vector>

namespace scp {

/// What a rule came to in the last cycle.
struct RuleStatus {
    std::string name;
    Mode mode = Mode::upsert;
    std::size_t sources = 0; ///< SCPs that it mirrors somewhere
    std::size_t targets = 0; ///< domains
    std::size_t in_sync = 0; ///< copies and natives that serve a target as they are
    std::size_t held = 0;
};

struct DomainStatus {
    std::string forest;
    std::string domain;
    std::string server;                 ///< that was read; empty: none
    std::string watch;                  ///< notify | usn | syncrepl | poll; empty: not watched
    std::optional<Timestamp> last_seen; ///< read whole
    std::string error;                  ///< why not the last time; empty: it was
};

struct LastCycle {
    Timestamp at; ///< its end
    std::chrono::milliseconds took{0};
    std::string trigger;
    std::size_t changes = 0; ///< written
    std::size_t held = 0;
    std::size_t failed = 0; ///< writes that failed or were not tried
};

/// How a running scpd is.
struct ServiceStatus {
    enum class State {
        starting, ///< the first cycle has not ended
        ok,
        degraded, ///< something keeps it from its work: `problems` says what
        paused,   ///< all is well, but every rule is paused
    };
    State state = State::starting;
    std::string version;
    std::string instance;
    Timestamp since;
    std::optional<LastCycle> last_cycle;
    std::vector<std::string> problems; ///< for people; escaped
    std::vector<DomainStatus> domains; ///< by forest and domain
    std::vector<RuleStatus> rules;     ///< by name
    HostState host;                    ///< pauses and approvals
};
[[nodiscard]] std::string to_string(ServiceStatus::State state);

/// What keeps scpd from its work after this cycle: domains that were not read whole, writes that
/// failed, a history or state file that cannot be used. Pure.
[[nodiscard]] std::vector<std::string> problems_of(const CycleReport& report);
/// Sorted by name. Pure.
[[nodiscard]] std::vector<RuleStatus> rules_of(const CycleReport& report, const Settings& settings);
[[nodiscard]] LastCycle last_cycle_of(const CycleReport& report);

/// scpd.status/1
[[nodiscard]] Json status_document(const ServiceStatus& status);
/// Its keys pauses and approvals.
[[nodiscard]] Json host_state_json(const HostState& state);
/// Its key last_cycle; null where there is none.
[[nodiscard]] Json last_cycle_json(const std::optional<LastCycle>& cycle);
/// What people read, of any document that calls itself scpd.status/1: it may come from another
/// version.
[[nodiscard]] std::string status_text(const Json& document, const Style& style);

} // namespace scp
