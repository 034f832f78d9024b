#pragma once

#include "daemon/watch_kind.hpp"
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

/// What a daemon watches after a cycle: the domains that were read whole, at the server that was
/// read.
[[nodiscard]] std::vector<WatchTarget> watch_targets(const Observation& observation,
                                                     Sessions& sessions);

/// The watch of one domain, a step at a time; it has no thread. It says DomainChanged when there
/// may be something to see, and WatchState when it begins and when it was lost; then it comes back
/// by itself. Whatever the kind, the server is asked something every daemon.poll, and at least
/// every five minutes: AD ends sessions that are idle for fifteen, and a dead server is noticed
/// within that and timeouts.operation.
class DomainWatch {
  public:
    using Clock = std::function<std::chrono::steady_clock::time_point()>;

    DomainWatch(Connector& connector, std::function<void(Message)> tell, WatchTarget target,
                const DaemonSettings& settings, Clock clock = std::chrono::steady_clock::now);
    /// Opens a session, looks once, listens until there is something to hear or to ask, or (RFC
    /// 4533) until that ends. Returns how long to wait before the next step.
    [[nodiscard]] std::chrono::milliseconds step(const std::stop_token& stop);

  private:
    /// USNs of one replica: another DC's, or those after a restore, have nothing to do with them.
    struct Watermark {
        std::string replica;
        std::uint64_t usn = 0;
    };
    [[nodiscard]] Result<void> begin(const std::stop_token& stop);
    [[nodiscard]] Result<std::string> listen(Directory& session) const;
    [[nodiscard]] Error refusal(Error error);
    void tell_how(WatchKind kind, std::string detail);
    [[nodiscard]] Result<void> look(const std::stop_token& stop);
    [[nodiscard]] Result<void> hear(const std::stop_token& stop);
    [[nodiscard]] Result<void> look_at_usn();
    [[nodiscard]] Result<void> beat();
    [[nodiscard]] Result<Watermark> read_watermark();
    [[nodiscard]] std::chrono::milliseconds heartbeat() const;

    Connector& connector_;
    std::function<void(Message)> tell_;
    WatchTarget target_;
    DaemonSettings settings_;
    Clock clock_;
    std::unique_ptr<Directory> session_; ///< null: not watching
    WatchKind kind_ = WatchKind::poll;
    Watermark watermark_; ///< read before the search that it guards
    std::chrono::steady_clock::time_point began_;
    std::chrono::steady_clock::time_point next_look_; ///< notify: by uSNChanged; poll: a cycle
    /// Why a session ended that had held for a while: with its ticket, as servers do, or with the
    /// server. Told only if the next session is not to be had.
    std::optional<Error> ended_;
    std::optional<std::string> refused_; ///< why the next session does without notifications
    int failures_ = 0;
};

} // namespace scp
