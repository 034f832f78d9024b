#pragma once

#include "daemon/mailbox.hpp"
#include "report/status.hpp"

#include <map>
#include <string>

namespace scp {

/// What scpd knows of itself between cycles, for whoever asks. Pure: time comes in.
class ServiceState {
  public:
    ServiceState(const Settings& settings, Timestamp since);

    void cycle_done(const CycleDone& done, const std::string& trigger, Timestamp at);
    void settings_loaded(const Settings& settings);
    /// New settings were wrong: said until good ones are loaded.
    void settings_refused(std::string why) { refused_ = std::move(why); }
    void paused_and_approved(HostState host) { host_ = std::move(host); }
    [[nodiscard]] const HostState& host() const { return host_; }
    /// Empty, or what status lines are to end with.
    [[nodiscard]] std::string warning() const;

    [[nodiscard]] ServiceStatus status(const std::map<DomainKey, std::string>& watching) const;

  private:
    [[nodiscard]] bool all_paused() const;

    std::string instance_;
    Timestamp since_;
    std::optional<LastCycle> last_cycle_;
    std::vector<std::string> problems_;
    std::string refused_;
    std::map<DomainKey, DomainStatus> domains_;
    std::vector<RuleStatus> rules_;
    HostState host_;
};

} // namespace scp
