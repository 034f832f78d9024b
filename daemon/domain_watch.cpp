#include "daemon/domain_watch.hpp"

#include "daemon/schedule.hpp"

#include <fmt/format.h>

#include <charconv>

namespace scp {
namespace {

constexpr std::string_view sync_request = "1.3.6.1.4.1.4203.1.9.1.1"; // RFC 4533
constexpr std::chrono::milliseconds longest_wait{60'000};

std::optional<std::uint64_t> parse_usn(const std::string& text) {
    std::uint64_t usn = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), usn);
    return error == std::errc() && end == text.data() + text.size() ? std::optional(usn)
                                                                    : std::nullopt;
}

} // namespace

std::string to_string(WatchKind kind) {
    switch (kind) {
    case WatchKind::syncrepl:
        return "syncrepl";
    case WatchKind::usn:
        return "usn";
    case WatchKind::poll:
        break;
    }
    return "poll";
}

Result<WatchKind> choose_watch(DaemonSettings::Watch wanted, const RootDse& root) {
    const bool can_sync = root.supports_control(sync_request);
    const bool has_usn = root.highest_committed_usn.has_value();
    switch (wanted) {
    case DaemonSettings::Watch::automatic:
        return can_sync ? WatchKind::syncrepl : has_usn ? WatchKind::usn : WatchKind::poll;
    case DaemonSettings::Watch::syncrepl:
        if (!can_sync)
            return fail(ErrorKind::settings, "the server does not know RFC 4533 (syncrepl)",
                        "set daemon.watch: auto");
        return WatchKind::syncrepl;
    case DaemonSettings::Watch::usn:
        if (!has_usn)
            return fail(ErrorKind::settings, "the server shows no highestCommittedUSN",
                        "set daemon.watch: auto");
        return WatchKind::usn;
    case DaemonSettings::Watch::poll:
        break;
    }
    return WatchKind::poll;
}

std::vector<WatchTarget> watch_targets(const Observation& observation, Sessions& sessions) {
    std::vector<WatchTarget> targets;
    for (const auto& view : observation.domains)
        if (auto endpoint = sessions.endpoint(view.forest, view.domain);
            endpoint && view.complete())
            targets.push_back({{view.forest, view.domain}, view.nc, std::move(*endpoint)});
    return targets;
}

DomainWatch::DomainWatch(Connector& connector, std::function<void(Message)> tell,
                         WatchTarget target, const DaemonSettings& settings, Clock clock)
    : connector_(connector), tell_(std::move(tell)), target_(std::move(target)),
      settings_(settings), clock_(std::move(clock)) {}

std::chrono::milliseconds DomainWatch::step(const std::stop_token& stop) {
    if (!session_)
        began_ = clock_();
    const auto done = session_ ? look() : begin(stop);
    if (done && session_)
        return settings_.poll;
    session_.reset();
    if (!stop.stop_requested())
        tell_(WatchState{target_.domain, "", done ? "" : done.error().message});
    // A session that held for a while starts the back-off anew.
    failures_ = clock_() - began_ > longest_wait ? 1 : failures_ + 1;
    return back_off(failures_, longest_wait);
}

/// Every kind begins by asking for a look: what happened before it watched was not seen.
Result<void> DomainWatch::begin(const std::stop_token& stop) {
    auto session = connector_.connect(target_.endpoint, stop);
    if (!session)
        return fail(session.error());
    const auto kind = choose_watch(settings_.watch, (*session)->root_dse());
    if (!kind)
        return fail(kind.error());
    tell_(WatchState{target_.domain, to_string(*kind), ""});
    if (*kind == WatchKind::syncrepl)
        return (*session)->persist(target_.nc, equals("objectClass", "serviceConnectionPoint"),
                                   stop, [&] { tell_(DomainChanged{target_.domain}); });
    session_ = std::move(*session);
    kind_ = *kind;
    if (kind_ == WatchKind::usn) {
        const auto usn = highest_usn();
        if (!usn)
            return fail(usn.error());
        watermark_ = *usn;
    }
    tell_(DomainChanged{target_.domain}); // what came between the cycle's read and the watermark
    return {};
}

Result<void> DomainWatch::look() {
    if (kind_ == WatchKind::usn)
        return look_at_usn();
    tell_(DomainChanged{target_.domain});
    return {};
}

Result<void> DomainWatch::look_at_usn() {
    const auto now = highest_usn();
    if (!now)
        return fail(now.error());
    if (*now == watermark_)
        return {};
    // Below the watermark: a restored DC, whose numbers say nothing of ours.
    bool changed = *now < watermark_;
    if (!changed) {
        Search search;
        search.base.dn = target_.nc;
        search.filter = all_of(
            {equals("objectClass", "serviceConnectionPoint"), Filter{Filter::Kind::greater_or_equal,
                                                                     {},
                                                                     "uSNChanged",
                                                                     std::to_string(watermark_ + 1),
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
    watermark_ = *now;
    return {};
}

Result<std::uint64_t> DomainWatch::highest_usn() {
    Search search;
    search.scope = Scope::base;
    search.attributes = {"highestCommittedUSN"};
    const Found found = session_->search(search);
    if (!found.complete())
        return fail(*found.incomplete);
    if (!found.entries.empty())
        if (const auto usn =
                parse_usn(first_of(found.entries.front().attributes, "highestCommittedUSN")))
            return *usn;
    return fail(ErrorKind::incomplete,
                fmt::format("{} shows no highestCommittedUSN", session_->server()));
}

} // namespace scp
