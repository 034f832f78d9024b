#include "daemon/watcher.hpp"

#include "daemon/patience.hpp"
#include "daemon/schedule.hpp"

#include <fmt/format.h>

#include <charconv>
#include <optional>

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

/// One domain's watch, on a thread of its own.
class DomainWatch {
  public:
    DomainWatch(Connector& connector, Mailbox& mailbox, WatchTarget target,
                const DaemonSettings& settings, std::stop_token stop)
        : connector_(connector), mailbox_(mailbox), target_(std::move(target)), settings_(settings),
          stop_(std::move(stop)) {}

    void run() {
        int failures = 0;
        while (!stop_.stop_requested()) {
            const auto began = std::chrono::steady_clock::now();
            const auto ended = watch_once();
            if (stop_.stop_requested())
                return;
            mailbox_.post(WatchState{target_.domain, "", ended ? "" : ended.error().message});
            // A session that held for a while starts the back-off anew.
            failures = std::chrono::steady_clock::now() - began > longest_wait ? 1 : failures + 1;
            if (wait_or_stop(stop_, back_off(failures, longest_wait)))
                return;
        }
    }

  private:
    Result<void> watch_once() {
        auto session = connector_.connect(target_.endpoint, stop_);
        if (!session)
            return fail(session.error());
        const auto kind = choose_watch(settings_.watch, (*session)->root_dse());
        if (!kind)
            return fail(kind.error());
        mailbox_.post(WatchState{target_.domain, to_string(*kind), ""});
        switch (*kind) {
        case WatchKind::syncrepl:
            return (*session)->persist(target_.nc, equals("objectClass", "serviceConnectionPoint"),
                                       stop_,
                                       [&] { mailbox_.post(DomainChanged{target_.domain}); });
        case WatchKind::usn:
            return watch_usn(**session);
        case WatchKind::poll:
            break;
        }
        // Every kind begins by asking for a look: what happened before it watched was not seen.
        do
            mailbox_.post(DomainChanged{target_.domain});
        while (!wait_or_stop(stop_, settings_.poll));
        return {};
    }

    /// The watermark is read before the search that it guards; it lives as long as this session
    /// with this one server.
    Result<void> watch_usn(Directory& server) {
        auto watermark = highest_usn(server);
        mailbox_.post(
            DomainChanged{target_.domain}); // what came between the cycle's read and the watermark
        while (watermark && !wait_or_stop(stop_, settings_.poll)) {
            const auto now = highest_usn(server);
            if (!now)
                return fail(now.error());
            if (*now == *watermark)
                continue;
            Search search;
            search.base.dn = target_.nc;
            search.filter = all_of({equals("objectClass", "serviceConnectionPoint"),
                                    Filter{Filter::Kind::greater_or_equal,
                                           {},
                                           "uSNChanged",
                                           std::to_string(*watermark + 1),
                                           {}}});
            search.attributes = {"1.1"};
            search.deleted = true;
            const Found found = server.search(search);
            if (!found.complete())
                return fail(*found.incomplete);
            if (!found.entries.empty())
                mailbox_.post(DomainChanged{target_.domain});
            watermark = now;
        }
        return watermark ? Result<void>() : fail(watermark.error());
    }

    static Result<std::uint64_t> highest_usn(Directory& server) {
        Search search;
        search.scope = Scope::base;
        search.attributes = {"highestCommittedUSN"};
        const Found found = server.search(search);
        if (!found.complete())
            return fail(*found.incomplete);
        if (!found.entries.empty())
            if (const auto usn =
                    parse_usn(first_of(found.entries.front().attributes, "highestCommittedUSN")))
                return *usn;
        return fail(ErrorKind::incomplete,
                    fmt::format("{} shows no highestCommittedUSN", server.server()));
    }

    Connector& connector_;
    Mailbox& mailbox_;
    WatchTarget target_;
    DaemonSettings settings_;
    std::stop_token stop_;
};

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

Watchers::Watchers(Connector& connector, Mailbox& mailbox)
    : connector_(connector), mailbox_(mailbox) {}

void Watchers::follow(const std::vector<WatchTarget>& targets, const DaemonSettings& settings) {
    for (const auto& target : targets) {
        auto& watch = watches_[target.domain];
        if (watch.thread.joinable() && watch.target == target)
            continue;
        watch.target = target;
        watch.thread = std::jthread([this, target, settings](std::stop_token stop) {
            DomainWatch(connector_, mailbox_, target, settings, std::move(stop)).run();
        });
    }
}

void Watchers::stop_all() {
    for (auto& [domain, watch] : watches_)
        watch.thread.request_stop();
    watches_.clear();
}

} // namespace scp
