#include "daemon/watch_kind.hpp"

#include "base/text.hpp"

#include <fmt/ranges.h>

namespace scp {
namespace {

constexpr std::string_view sync_request = "1.3.6.1.4.1.4203.1.9.1.1"; // RFC 4533
constexpr const char* take_auto = "set daemon.watch: auto, which takes what each server has";

} // namespace

std::string to_string(WatchKind kind) {
    switch (kind) {
    case WatchKind::notify:
        return "notify";
    case WatchKind::usn:
        return "usn";
    case WatchKind::syncrepl:
        return "syncrepl";
    case WatchKind::poll:
        break;
    }
    return "poll";
}

Result<WatchKind> choose_watch(DaemonSettings::Watch wanted, const RootDse& root) {
    const bool can_sync = root.supports_control(sync_request);
    const bool has_usn = root.highest_committed_usn.has_value();
    const bool notifies = has_usn && root.supports_control(notification_control);
    const auto lacks = [](const char* what) {
        return fail(ErrorKind::settings, fmt::format("the server {}", what), take_auto);
    };
    switch (wanted) {
    case DaemonSettings::Watch::automatic:
        return can_sync   ? WatchKind::syncrepl
               : notifies ? WatchKind::notify
               : has_usn  ? WatchKind::usn
                          : WatchKind::poll;
    case DaemonSettings::Watch::notify:
        if (!notifies)
            return lacks("has no change notifications (notify), as AD has them");
        return WatchKind::notify;
    case DaemonSettings::Watch::usn:
        if (!has_usn)
            return lacks("shows no highestCommittedUSN (usn), as AD does");
        return WatchKind::usn;
    case DaemonSettings::Watch::syncrepl:
        if (!can_sync)
            return lacks("does not know RFC 4533 (syncrepl), as OpenLDAP with syncprov does");
        return WatchKind::syncrepl;
    case DaemonSettings::Watch::poll:
        break;
    }
    return WatchKind::poll;
}

std::vector<WatchedPlace> places_to_hear(const WatchTarget& target, bool deleted_objects) {
    std::vector<WatchedPlace> places;
    const std::size_t room = most_notifications - (deleted_objects ? 1 : 0);
    if (target.containers.empty() || target.containers.size() > room)
        places.push_back({target.nc, Scope::subtree, false});
    else
        for (const auto& container : target.containers)
            places.push_back({container, Scope::one, false});
    if (deleted_objects)
        places.push_back({deleted_objects_of(target.nc), Scope::one, true});
    return places;
}

std::string to_string(const std::vector<WatchedPlace>& places) {
    std::vector<std::string> texts;
    for (const auto& place : places)
        texts.push_back((place.scope == Scope::subtree ? "all of " : "in ") +
                        printable(place.base.text()));
    return fmt::format("{}", fmt::join(texts, ", "));
}

Dn deleted_objects_of(const Dn& nc) {
    return nc.child("CN", "Deleted Objects");
}

} // namespace scp
