#pragma once

#include "base/result.hpp"
#include "daemon/mailbox.hpp"
#include "plan/plan.hpp"
#include "settings/settings.hpp"

#include <map>
#include <set>
#include <string>

namespace scp {

/// The journal where stderr leads there (or where asked for), else stderr.
void set_up_log(const LogSettings& settings);

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

    std::map<std::string, std::string> held_; ///< by Held::id()
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
