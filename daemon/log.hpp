#pragma once

#include "base/result.hpp"
#include "daemon/log_pipe.hpp"
#include "daemon/mailbox.hpp"
#include "plan/plan.hpp"
#include "settings/settings.hpp"

#include <map>
#include <memory>
#include <set>
#include <string>

namespace scp {

/// The journal where stderr leads there (or where asked for), else stderr, as text or JSON. May be
/// called again with new settings.
void set_up_log(const LogSettings& settings);
/// For tests: all that is said goes there.
void set_up_log(std::unique_ptr<LogSink> sink, spdlog::level::level_enum level);
/// Says that something has happened, at the level that the table has for it, or another one. From
/// any thread; never waits.
void log_event(LogEvent event);
void log_event(LogEvent event, spdlog::level::level_enum level);
/// Waits, for a second at most, until all that was said is written.
void finish_log();

/// Says each thing once: a held change or a lost domain is told when it begins and when it ends,
/// not at every cycle.
class CycleLog {
  public:
    void tell(const CycleDone& done, const std::string& trigger);

  private:
    void tell_domains(const CycleReport& report);
    void tell_state(const CycleReport& report);
    void tell_past(const CycleReport& report);
    void tell_approval(const CycleReport& report);
    void tell_held(const Plan& plan);
    void tell_accounts(const Observation& observation);

    std::map<std::string, LogEvent> held_; ///< by Held::id()
    std::map<DomainKey, std::string> incomplete_;
    std::set<std::string> disabled_;
    std::string state_error_;
    std::string past_error_;
    std::string to_approve_;
};

/// One line for `systemctl status`.
[[nodiscard]] std::string status_line(const CycleDone& done, const Settings& settings,
                                      const std::map<DomainKey, std::string>& watching);

} // namespace scp
