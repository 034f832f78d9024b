#include "daemon/domain_watch.hpp"

#include "base/text.hpp"
#include "daemon/schedule.hpp"
#include "directory/replica.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

namespace scp {
namespace {

constexpr std::chrono::milliseconds longest_wait{60'000};
/// Well below the fifteen minutes after which AD ends an idle session (MaxConnIdleTime).
constexpr std::chrono::milliseconds longest_silence{300'000};

std::optional<std::uint64_t> parse_usn(const std::string& text) {
    std::uint64_t usn = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), usn);
    return error == std::errc() && end == text.data() + text.size() ? std::optional(usn)
                                                                    : std::nullopt;
}

bool is_about_scps(const Entry& entry) {
    return std::ranges::any_of(values_of(entry.attributes, "objectClass"), [](const auto& name) {
        return equal_ascii_nocase(name, "serviceConnectionPoint");
    });
}

/// An ordinary account may see that the container is there, but nothing in it.
bool shows_deleted_objects(Directory& session, const Dn& nc) {
    Search search;
    search.base.dn = deleted_objects_of(nc);
    search.scope = Scope::base;
    search.attributes = {"objectClass"};
    search.deleted = true;
    const Found found = session.search(search);
    return found.complete() && !found.entries.empty() && !found.entries.front().attributes.empty();
}

constexpr const char* deletes_later =
    "deletes show at the next resync: CN=Deleted Objects cannot be read";

} // namespace

std::vector<WatchTarget> watch_targets(const Observation& observation, Sessions& sessions) {
    std::vector<WatchTarget> targets;
    for (const auto& view : observation.domains) {
        auto endpoint = sessions.endpoint(view.forest, view.domain);
        if (!endpoint || !view.complete())
            continue;
        std::set<Dn> containers;
        const auto session = sessions.reader(view.forest, view.domain);
        if (session && (*session)->root_dse().supports_control(notification_control))
            for (const auto& scp : view.scps)
                containers.insert(scp.dn.parent());
        targets.push_back({{view.forest, view.domain},
                           view.nc,
                           std::move(*endpoint),
                           {containers.begin(), containers.end()}});
    }
    return targets;
}

DomainWatch::DomainWatch(Connector& connector, std::function<void(Message)> tell,
                         WatchTarget target, const DaemonSettings& settings, Clock clock)
    : connector_(connector), tell_(std::move(tell)), target_(std::move(target)),
      settings_(settings), clock_(std::move(clock)) {}

std::chrono::milliseconds DomainWatch::heartbeat() const {
    return std::min(settings_.poll, longest_silence);
}

std::chrono::milliseconds DomainWatch::step(const std::stop_token& stop) {
    if (!session_)
        began_ = clock_();
    const auto done = session_ ? look(stop) : begin(stop);
    if (done && session_) // a session that listens does the waiting itself
        return kind_ == WatchKind::notify ? std::chrono::milliseconds::zero() : heartbeat();
    session_.reset();
    Error why = done ? Error{} : done.error();
    if (clock_() - began_ > longest_wait) {
        ended_ = std::move(why);
        failures_ = 0;
        return std::chrono::milliseconds::zero();
    }
    if (!stop.stop_requested())
        tell_(
            WatchState{target_.domain, "", std::exchange(ended_, {}).value_or(std::move(why)), ""});
    return back_off(++failures_, longest_wait);
}

void DomainWatch::tell_how(WatchKind kind, std::string detail) {
    ended_.reset();
    tell_(WatchState{target_.domain, to_string(kind), {}, std::move(detail)});
}

/// Every kind begins by asking for a look: what happened before it watched was not seen.
Result<void> DomainWatch::begin(const std::stop_token& stop) {
    auto opened = connector_.connect(target_.endpoint, stop);
    if (!opened)
        return fail(opened.error());
    Directory& session = **opened;
    auto kind = choose_watch(settings_.watch, session.root_dse());
    if (!kind)
        return fail(kind.error());
    std::string detail;
    if (*kind == WatchKind::notify && refused_) {
        kind = WatchKind::usn;
        detail = "no notifications: " + *std::exchange(refused_, {});
    } else if (*kind == WatchKind::notify) {
        auto listening = listen(session);
        if (!listening)
            return fail(refusal(listening.error()));
        detail = std::move(*listening);
    }
    if (*kind == WatchKind::usn && !shows_deleted_objects(session, target_.nc))
        detail += (detail.empty() ? "" : "; ") + std::string(deletes_later);
    if (*kind == WatchKind::syncrepl) {
        tell_how(*kind, detail);
        return session.persist(target_.nc, equals("objectClass", "serviceConnectionPoint"),
                               heartbeat(), stop, [&] { tell_(DomainChanged{target_.domain}); });
    }
    session_ = std::move(*opened);
    kind_ = *kind;
    if (kind_ != WatchKind::poll) {
        auto mark = read_watermark();
        if (!mark)
            return fail(mark.error());
        watermark_ = std::move(*mark);
    }
    next_look_ = clock_() + (kind_ == WatchKind::poll ? settings_.poll : heartbeat());
    tell_how(kind_, std::move(detail));
    tell_(DomainChanged{target_.domain}); // what came between the cycle's read and the watermark
    return {};
}

/// Registers; what for, for the log.
Result<std::string> DomainWatch::listen(Directory& session) const {
    const bool deleted = shows_deleted_objects(session, target_.nc);
    const auto places = places_to_hear(target_, deleted);
    if (const auto listening = session.listen(places); !listening)
        return fail(listening.error());
    return to_string(places) + (deleted ? "" : std::string("; ") + deletes_later);
}

/// A registration that the server refuses, at once or (Samba) when there is something to tell: auto
/// does without until its next session, whoever asked for notifications is told what to set.
Error DomainWatch::refusal(Error error) {
    if (error.ldap_code <= 0) // the session is lost
        return error;
    if (settings_.watch == DaemonSettings::Watch::automatic)
        refused_ = error.message;
    else
        error.hint = "set daemon.watch: auto, or usn";
    return error;
}

Result<void> DomainWatch::look(const std::stop_token& stop) {
    switch (kind_) {
    case WatchKind::notify:
        return hear(stop);
    case WatchKind::usn:
        return look_at_usn();
    default:
        return beat();
    }
}

/// Of a busy domain everything is heard: what is no SCP costs nothing but this look at its class.
/// What left its container, or was deleted, may not be told of: so the USNs are looked at, too.
Result<void> DomainWatch::hear(const std::stop_token& stop) {
    const auto left = std::max(next_look_ - clock_(), std::chrono::steady_clock::duration::zero());
    const auto heard = session_->heard(std::chrono::ceil<std::chrono::milliseconds>(left), stop);
    if (!heard)
        return fail(refusal(heard.error()));
    if (std::ranges::any_of(*heard, is_about_scps))
        tell_(DomainChanged{target_.domain});
    if (clock_() < next_look_ || stop.stop_requested())
        return {};
    next_look_ = clock_() + heartbeat();
    return look_at_usn();
}

/// Polling needs no session but to show that the server lives, between cycles that may be hours
/// apart.
Result<void> DomainWatch::beat() {
    Search search;
    search.scope = Scope::base;
    search.attributes = {"1.1"};
    if (const Found found = session_->search(search); !found.complete())
        return fail(*found.incomplete);
    if (clock_() >= next_look_) {
        next_look_ = clock_() + settings_.poll;
        tell_(DomainChanged{target_.domain});
    }
    return {};
}

Result<void> DomainWatch::look_at_usn() {
    auto now = read_watermark();
    if (!now)
        return fail(now.error());
    const bool same = now->replica == watermark_.replica;
    if (same && now->usn == watermark_.usn)
        return {};
    // Another replica, or below the watermark: restored, and its numbers say nothing of ours.
    bool changed = !same || now->usn < watermark_.usn;
    if (!changed) {
        Search search;
        search.base.dn = target_.nc;
        search.filter = all_of({equals("objectClass", "serviceConnectionPoint"),
                                Filter{Filter::Kind::greater_or_equal,
                                       {},
                                       "uSNChanged",
                                       std::to_string(watermark_.usn + 1),
                                       {}}});
        search.attributes = {"1.1"};
        search.deleted = true;
        const Found found = session_->search(search);
        if (!found.complete())
            return fail(*found.incomplete);
        changed = !found.entries.empty();
    }
    if (changed)
        tell_(DomainChanged{target_.domain});
    watermark_ = std::move(*now);
    return {};
}

Result<DomainWatch::Watermark> DomainWatch::read_watermark() {
    auto replica = replica_of(*session_);
    if (!replica)
        return fail(replica.error());
    Search search;
    search.scope = Scope::base;
    search.attributes = {"highestCommittedUSN"};
    const Found found = session_->search(search);
    if (!found.complete())
        return fail(*found.incomplete);
    if (!found.entries.empty())
        if (const auto usn =
                parse_usn(first_of(found.entries.front().attributes, "highestCommittedUSN")))
            return Watermark{std::move(*replica), *usn};
    return fail(ErrorKind::incomplete,
                fmt::format("{} shows no highestCommittedUSN", session_->server()));
}

} // namespace scp
