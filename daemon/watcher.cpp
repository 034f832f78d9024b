#include "daemon/watcher.hpp"

#include "daemon/patience.hpp"
#include "forest/parallel.hpp"

#include <utility>

namespace scp {

Watchers::Watchers(Connector& connector, Mailbox& mailbox)
    : connector_(connector), mailbox_(mailbox) {}

void Watchers::follow(const std::vector<WatchTarget>& targets, const DaemonSettings& settings) {
    for (const auto& target : targets) {
        auto& watch = watches_[target.domain];
        if (watch.thread.joinable() && watch.target == target)
            continue;
        watch.target = target;
        retired_.take(std::exchange(watch.thread, {}));
        watch.thread = std::jthread([this, target, settings](const std::stop_token& stop) {
            run_on_lasting_thread([&] { watch_until(stop, target, settings); });
        });
    }
}

void Watchers::watch_until(const std::stop_token& stop, const WatchTarget& target,
                           const DaemonSettings& settings) {
    DomainWatch steps(
        connector_,
        [&](Message message) {
            if (!stop.stop_requested()) // a watch that has been given up tells nothing
                mailbox_.post(std::move(message));
        },
        target, settings);
    while (!stop.stop_requested())
        wait_or_stop(stop, steps.step(stop));
}

void Watchers::stop_all() {
    for (auto& [domain, watch] : watches_)
        retired_.take(std::move(watch.thread));
    watches_.clear();
}

} // namespace scp
