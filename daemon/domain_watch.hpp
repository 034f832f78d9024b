#pragma once

#include "daemon/mailbox.hpp"
#include "directory/directory.hpp"
#include "forest/sessions.hpp"
#include "observe/observation.hpp"
#include "settings/settings.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace scp {

/// How one server can be watched.
enum class WatchKind { syncrepl, usn, poll };
/// `automatic` chooses: RFC 4533 on OpenLDAP, uSNChanged on AD, else polling. ErrorKind::settings
/// where a forced kind is one that the server does not have. Pure.
[[nodiscard]] Result<WatchKind> choose_watch(DaemonSettings::Watch wanted, const RootDse& root);
[[nodiscard]] std::string to_string(WatchKind kind);

/// What a daemon watches after a cycle: the domains that were read whole, at the server that was
/// read.
[[nodiscard]] std::vector<WatchTarget> watch_targets(const Observation& observation,
                                                     Sessions& sessions);

/// The watch of one domain, a step at a time; it has no thread. It says DomainChanged when there
/// may be something to see, and WatchState when it begins and when it was lost; then it comes back
/// by itself.
class DomainWatch {
  public:
    using Clock = std::function<std::chrono::steady_clock::time_point()>;

    DomainWatch(Connector& connector, std::function<void(Message)> tell, WatchTarget target,
                const DaemonSettings& settings, Clock clock = std::chrono::steady_clock::now);
    /// Opens a session, looks once, or (RFC 4533) listens until that ends. Returns how long to wait
    /// before the next step.
    [[nodiscard]] std::chrono::milliseconds step(const std::stop_token& stop);

  private:
    [[nodiscard]] Result<void> begin(const std::stop_token& stop);
    [[nodiscard]] Result<void> look();
    [[nodiscard]] Result<void> look_at_usn();
    [[nodiscard]] Result<std::uint64_t> highest_usn();

    Connector& connector_;
    std::function<void(Message)> tell_;
    WatchTarget target_;
    DaemonSettings settings_;
    Clock clock_;
    std::unique_ptr<Directory> session_; ///< null: not watching
    WatchKind kind_ = WatchKind::poll;
    /// Read before the search that it guards; it lives as long as the session with this one server.
    std::uint64_t watermark_ = 0;
    std::chrono::steady_clock::time_point began_;
    int failures_ = 0;
};

} // namespace scp
