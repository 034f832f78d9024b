#pragma once

#include "daemon/mailbox.hpp"
#include "directory/directory.hpp"
#include "settings/settings.hpp"

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace scp {

/// How one server can be watched.
enum class WatchKind { syncrepl, usn, poll };
/// `automatic` chooses: RFC 4533 on OpenLDAP, uSNChanged on AD, else polling. ErrorKind::settings
/// where a forced kind is one that the server does not have. Pure.
[[nodiscard]] Result<WatchKind> choose_watch(DaemonSettings::Watch wanted, const RootDse& root);
[[nodiscard]] std::string to_string(WatchKind kind);

/// One thread a domain; each says DomainChanged when there may be something to see, and comes back
/// by itself.
class Watchers {
  public:
    Watchers(Connector& connector, Mailbox& mailbox);
    /// Watches these too; those that are watched already go on, also while their domain is down.
    void follow(const std::vector<WatchTarget>& targets, const DaemonSettings& settings);
    void stop_all();

  private:
    struct Watch {
        WatchTarget target;
        std::jthread thread;
    };
    Connector& connector_;
    Mailbox& mailbox_;
    std::map<DomainKey, Watch> watches_;
};

} // namespace scp
