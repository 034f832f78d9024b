#include "daemon/watcher.hpp"

#include "daemon/patience.hpp"

namespace scp {

Watchers::Watchers(Connector& connector, Mailbox& mailbox)
    : connector_(connector), mailbox_(mailbox) {}

void Watchers::follow(const std::vector<WatchTarget>& targets, const DaemonSettings& settings) {
    for (const auto& target : targets) {
        auto& watch = watches_[target.domain];
        if (watch.thread.joinable() && watch.target == target)
            continue;
        watch.target = target;
        watch.thread = std::jthread([this, target, settings](const std::stop_token& stop) {
            DomainWatch steps(
                connector_, [this](Message message) { mailbox_.post(std::move(message)); }, target,
                settings);
            while (!stop.stop_requested())
                wait_or_stop(stop, steps.step(stop));
        });
    }
}

void Watchers::stop_all() {
    for (auto& [domain, watch] : watches_)
        watch.thread.request_stop();
    watches_.clear();
}

} // namespace scp
