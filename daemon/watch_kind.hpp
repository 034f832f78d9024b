#pragma once

#include "daemon/mailbox.hpp"
#include "directory/directory.hpp"
#include "settings/settings.hpp"

#include <string>
#include <vector>

namespace scp {

/// How one server can be watched.
enum class WatchKind {
    notify,   ///< AD's change notifications; what they do not tell of, by usn beside them
    usn,      ///< what has a higher uSNChanged than the last time
    syncrepl, ///< RFC 4533
    poll,     ///< reading all again
};
[[nodiscard]] std::string to_string(WatchKind kind);

/// `automatic` chooses: RFC 4533 on OpenLDAP, notifications on AD, else uSNChanged, else polling.
/// ErrorKind::settings where a forced kind is one that the server does not have. Pure.
[[nodiscard]] Result<WatchKind> choose_watch(DaemonSettings::Watch wanted, const RootDse& root);

/// So many notifications a connection: AD takes 5, Samba 4.
inline constexpr std::size_t most_notifications = 4;

/// What to register: the containers in which sources and copies lie where they are few, else the
/// whole domain; and where deleted objects go, if they can be read. Pure.
[[nodiscard]] std::vector<WatchedPlace> places_to_hear(const WatchTarget& target,
                                                       bool deleted_objects);
/// For the log.
[[nodiscard]] std::string to_string(const std::vector<WatchedPlace>& places);

/// Where AD keeps deleted objects.
[[nodiscard]] Dn deleted_objects_of(const Dn& nc);

} // namespace scp
