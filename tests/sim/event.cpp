#include "sim/event.hpp"

#include <fmt/format.h>

#include <array>
#include <random>

namespace scp::sim {
namespace {

struct Kind {
    What what;
    const char* name;
    unsigned weight;
};

constexpr std::array<Kind, what_count> kinds{{
    {What::source_add, "an application publishes an SCP", 14},
    {What::source_change, "an application changes its bindings", 12},
    {What::source_describe, "an application changes its description", 3},
    {What::source_delete, "an application takes its SCP away", 8},
    {What::source_recreate, "an application makes its SCP anew", 3},
    {What::source_rename, "an application renames its SCP", 3},
    {What::source_move, "a source is moved out of the trusted containers", 2},
    {What::source_back, "a source is moved back", 2},
    {What::source_empty, "a source loses its bindings", 3},
    {What::source_unmatch, "a source loses its keyword", 2},
    {What::source_mark, "somebody puts a marker on a source", 2},
    {What::source_taken, "a source gets an untrusted owner, and his bindings", 3},
    {What::plant_outside, "somebody plants an SCP outside the trusted containers", 4},
    {What::plant_forged, "somebody plants an SCP with a forged marker", 4},
    {What::plant_owned, "somebody untrusted plants an SCP in a trusted container", 5},
    {What::native_add, "somebody publishes by hand in a target domain", 3},
    {What::native_remove, "what was published by hand goes", 2},
    {What::foreign_add, "another instance writes a copy", 2},
    {What::edit_copy, "somebody edits a copy", 4},
    {What::edit_bindings, "somebody replaces the bindings of a copy", 3},
    {What::release_copy, "somebody takes the marker off a copy", 2},
    {What::park_copy, "somebody parks a copy", 2},
    {What::delete_copy, "somebody deletes a copy", 3},
    {What::rename_copy, "somebody renames a copy", 2},
    {What::move_copy, "somebody moves a copy", 2},
    {What::duplicate_copy, "somebody duplicates a copy, marker and all", 2},
    {What::account_move, "an agent's account moves to another domain", 4},
    {What::account_vanish, "an agent's account is deleted", 3},
    {What::account_back, "an agent's account is there again", 3},
    {What::settings, "the settings are changed", 10},
    {What::approve, "a person approves what waits", 3},
    {What::pause, "a person pauses a rule", 2},
    {What::resume, "a person resumes all rules", 2},
    {What::resync, "a person asks for a cycle", 3},
    {What::new_service_account, "scpd gets another service account", 1},
    {What::old_service_account, "scpd gets its old service account back", 1},
    {What::unreachable, "a server does not answer", 10},
    {What::partial_answers, "a server ends its answers early", 6},
    {What::reads_hidden, "a server shows nothing (a lost read right)", 3},
    {What::objects_hidden, "a server shows no SCP", 1},
    {What::writes_refused, "a server refuses writes", 3},
    {What::lose_answer, "a write is done, its answer lost", 4},
    {What::lose_request, "a write is lost", 3},
    {What::replication_stops, "replication stops", 4},
    {What::snapshot, "a DC is backed up", 3},
    {What::restore, "a DC is restored", 3},
    {What::history_full, "the history cannot be written", 2},
    {What::kill, "the daemon is killed", 6},
    {What::stop, "the daemon is told to stop", 2},
    {What::other_daemon, "the other daemon runs in between", 6},
    {What::time_passes, "time passes", 8},
}};

const Kind& kind_of(What what) {
    return kinds.at(static_cast<std::size_t>(what));
}

unsigned all_weights() {
    unsigned sum = 0;
    for (const Kind& kind : kinds)
        sum += kind.weight;
    return sum;
}

void set_moment(Event& event, const std::function<unsigned(unsigned)>& below) {
    if (below(3) != 0 && event.what < What::kill)
        return;
    // Another account comes with another process: it is nothing that happens to a session.
    if (event.what == What::new_service_account || event.what == What::old_service_account)
        return;
    event.moment = Moment::operation;
    event.inside = static_cast<int>(below(70));
    if (below(3) != 0)
        return;
    event.moment = std::array{Moment::planned, Moment::delete_planned, Moment::write,
                              Moment::write,   Moment::write,          Moment::delete_write}
                       .at(below(6));
    event.inside = static_cast<int>(below(3));
    event.same = below(4) != 0;
}

} // namespace

std::string to_string(What what) {
    return kind_of(what).name;
}

std::string describe(const Event& event) {
    std::string text = fmt::format("{:>6} s later", event.delay);
    switch (event.moment) {
    case Moment::between:
        text += fmt::format(" (daemon {})", event.daemon);
        break;
    case Moment::operation:
        text +=
            fmt::format(", at operation {} of daemon {}'s next cycle", event.inside, event.daemon);
        break;
    case Moment::planned:
    case Moment::delete_planned:
        text += fmt::format(", when daemon {} has planned {}", event.daemon,
                            event.moment == Moment::planned ? "changes" : "a delete");
        break;
    case Moment::write:
        text += fmt::format(", {} writes later, just before one of daemon {}", event.inside,
                            event.daemon);
        break;
    case Moment::delete_write:
        text += fmt::format(", just before a delete of daemon {}", event.daemon);
        break;
    }
    return text + fmt::format(": {} [{} {} {}]{}{}", to_string(event.what), event.a, event.b,
                              event.c, event.same ? ", the same object" : "",
                              event.told == 1   ? ""
                              : event.told == 0 ? ", all connections are lost"
                                                : ", told twice");
}

Story make_story(std::uint64_t seed) {
    std::mt19937_64 random(seed * 0x9e3779b97f4a7c15ULL + 0x5ca1ab1eULL);
    const auto below = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
    static const unsigned weights = all_weights();
    static constexpr std::array delays{0, 1, 5, 30, 120, 600, 1200, 2400};
    Story story;
    story.seed = seed;
    story.shape = static_cast<unsigned>(random() & 0xffffffffU);
    const unsigned count = 4 + below(4) * below(9);
    const unsigned plot_at = below(2) == 0 ? below(4) : count;
    for (unsigned i = 0; i < count; ++i) {
        Event event;
        unsigned at = below(weights);
        for (const Kind& kind : kinds) {
            if (at < kind.weight) {
                event.what = kind.what;
                break;
            }
            at -= kind.weight;
        }
        event.delay = delays.at(below(delays.size())) + static_cast<int>(below(5));
        event.daemon = static_cast<int>(below(2));
        set_moment(event, below);
        event.a = below(64);
        event.b = below(64);
        event.c = below(64);
        event.told = below(8) == 0 ? 0 : below(8) == 0 ? 2 : 1;
        story.events.push_back(event);
        if (i == plot_at)
            add_plot(story, below);
    }
    return story;
}

} // namespace scp::sim
