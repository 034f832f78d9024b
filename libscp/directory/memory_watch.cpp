#include "base/text.hpp"
#include "directory/memory_session.hpp"

#include <fmt/format.h>

// How a directory in memory tells of its changes.

namespace scp {
namespace {

bool lies_in(const Dn& dn, const WatchedPlace& place) {
    switch (place.scope) {
    case Scope::base:
        return dn == place.base;
    case Scope::one:
        return dn.depth() == place.base.depth() + 1 && dn.is_within(place.base);
    case Scope::subtree:
        break;
    }
    return dn.is_within(place.base);
}

} // namespace

Result<void> MemorySession::persist(const Dn& nc, const Filter&, std::chrono::milliseconds,
                                    std::stop_token stop, const std::function<void()>& on_change) {
    std::unique_lock lock(forest_.mutex_);
    const MemoryPartition* partition = server_.holds(nc);
    if (server_.flavour == Flavour::ad || partition == nullptr) {
        return fail(ErrorKind::rejected, fmt::format("{} does not offer RFC 4533", name_));
    }
    // The session's own token ends it too; both wake the one wait.
    const std::stop_callback forward(stop_, [this] { forest_.changed(); });
    std::uint64_t seen = partition->usn() + 1; // the refresh itself is told of
    while (!stop.stop_requested()) {
        if (auto error = unusable()) {
            return stop_.stop_requested() ? Result<void>{} : fail(std::move(*error));
        }
        if (partition->usn() != seen) {
            seen = partition->usn();
            lock.unlock();
            on_change();
            lock.lock();
            continue;
        }
        forest_.any_change_.wait(lock, stop, [&] {
            return partition->usn() != seen || server_.unreachable || stop_.stop_requested();
        });
    }
    return {};
}

Result<void> MemorySession::listen(std::span<const WatchedPlace> places) {
    const std::lock_guard lock(forest_.mutex_);
    if (auto error = unusable()) {
        return fail(std::move(*error));
    }
    for (const WatchedPlace& place : places) {
        const std::string what = fmt::format("cannot be told of changes below {} on {}",
                                             printable(place.base.text()), name_);
        const MemoryPartition* partition = server_.holds(place.base);
        if (server_.flavour != Flavour::ad ||
            (listening_.size() >= server_.notifications && !server_.refuses_late)) {
            return fail(Error{ErrorKind::unreachable, what + ": LDAP 51 busy", {}, 51});
        }
        if (partition == nullptr || (!place.deleted && partition->find(place.base) == nullptr)) {
            return fail(Error{ErrorKind::not_found, what + ": LDAP 32 noSuchObject", {}, 32});
        }
        told_[listening_.size()] = partition->usn();
        listening_.emplace(listening_.size(), place);
    }
    return {};
}

Result<std::vector<Entry>> MemorySession::heard(std::chrono::milliseconds, std::stop_token) {
    const std::lock_guard lock(forest_.mutex_);
    if (auto error = unusable()) {
        return fail(std::move(*error));
    }
    if (listening_.size() > server_.notifications) {
        return fail(Error{ErrorKind::incomplete,
                          "cannot be told of changes on " + name_ + ": LDAP 11 adminLimitExceeded",
                          {},
                          11});
    }
    std::vector<Entry> told;
    for (const auto& [number, place] : listening_) {
        const MemoryPartition& partition = *server_.holds(place.base);
        Search as;
        as.base.dn = place.base;
        as.scope = place.scope;
        as.deleted = place.deleted;
        for (const auto& [key, object] : partition.objects_) {
            const Entry entry{object->dn, object->attributes};
            if (object->usn_changed > told_[number] && lies_in(object->dn, place) &&
                (!object->deleted || place.deleted) &&
                !(server_.hidden && server_.hidden(entry, as))) {
                told.push_back(entry);
            }
        }
        told_[number] = partition.usn();
    }
    return told;
}

} // namespace scp
