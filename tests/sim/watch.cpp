#include "sim/run.hpp"

#include <algorithm>

// The watches of a daemon, driven step by step. A step that could see nothing new is left out: it
// tells nothing, and there would be thousands.

namespace scp::sim {
namespace {

/// Deleted ones too.
bool scp_changed_since(const MemoryPartition& objects, std::uint64_t usn) {
    return objects.any_of(
        [&](const MemoryObject& object) { return object.usn_changed > usn && is_scp(object); });
}

} // namespace

/// Those that are watched already go on, as Watchers has it.
void Run::follow(Daemon& daemon, const std::vector<WatchTarget>& targets) {
    for (const WatchTarget& target : targets) {
        Watch& watch = daemon.watches[target.domain];
        if (watch.steps && watch.target == target)
            continue;
        watch = {};
        watch.target = target;
        watch.dc = world.dc_of(target.endpoint.uri.host);
        watch.next = world.forest.now;
        watch.lost = true; // it has yet to begin
        const auto tell = [this, &daemon, &watch](const Message& message) {
            if (const auto* state = std::get_if<WatchState>(&message))
                watch.holds = !state->how.empty();
            if (!std::holds_alternative<DomainChanged>(message))
                return;
            watch.told = true;
            daemon.schedule.changed(clock());
        };
        watch.steps =
            std::make_unique<DomainWatch>(*this, tell, target, daemon.settings->daemon, [this] {
                return std::chrono::steady_clock::time_point(clock().time_since_epoch());
            });
    }
}

/// nullopt: not before something changes there.
std::optional<Timestamp> Run::due(const Watch& watch) const {
    const Timestamp soonest = std::max(watch.next, world.forest.now);
    if (watch.lost)
        return std::max(soonest, watch.dc->unreachable);
    return watch.dc->objects().usn() == watch.seen ? std::nullopt : std::optional(soonest);
}

void Run::look(Daemon& daemon, Watch& watch) {
    Daemon* const before = std::exchange(current, nullptr);
    const bool held = watch.holds;
    // What a server does not show is noticed by the resync alone.
    const bool shown = std::max(watch.dc->hidden, watch.dc->objects_hidden) <= world.forest.now;
    const bool is_new = shown && scp_changed_since(watch.dc->objects(), watch.seen);
    watch.told = false;
    const auto wait = watch.steps->step({});
    // Listening takes no time here: what notifications do not tell of is due one poll later.
    const bool listens = watch.holds && wait == std::chrono::milliseconds::zero();
    const auto pause = listens ? daemon.settings->daemon.poll : wait;
    watch.next = world.forest.now + std::chrono::ceil<std::chrono::seconds>(pause);
    watch.lost = !watch.holds && !watch.told;
    current = before;
    const bool missed = held && watch.holds && is_new && !watch.told;
    if (missed && listens && !watch.unheard) {
        watch.unheard = true;
        return;
    }
    watch.unheard = false;
    watch.seen = watch.dc->objects().usn();
    if (missed)
        throw Violation{"a change of an SCP is noticed before the next resync",
                        "daemon " + std::to_string(daemon.number) + " on " +
                            watch.dc->server->uri.host};
}

} // namespace scp::sim
