#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

/// What happens to a simulated world, as a list that a seed gives: each event stands for itself, so
/// that any of them can be left out of a run.
namespace scp::sim {

enum class What {
    // what applications and persons do
    source_add,
    source_change,
    source_describe,
    source_delete,
    source_recreate,
    source_rename,
    source_move,
    source_back,
    source_empty,
    source_unmatch,
    source_mark,
    source_taken,
    plant_outside,
    plant_forged,
    plant_owned,
    native_add,
    native_remove,
    foreign_add,
    edit_copy,
    edit_bindings,
    release_copy,
    park_copy,
    delete_copy,
    rename_copy,
    move_copy,
    duplicate_copy,
    account_move,
    account_vanish,
    account_back,
    settings,
    approve,
    pause,
    resume,
    resync,
    new_service_account,
    old_service_account,
    // what goes wrong
    unreachable,
    partial_answers,
    reads_hidden,
    objects_hidden,
    writes_refused,
    lose_answer,
    lose_request,
    replication_stops,
    snapshot,
    restore,
    history_full,
    kill,
    stop,
    other_daemon, ///< runs a whole cycle between two operations of this one's
    time_passes,
};
inline constexpr int what_count = static_cast<int>(What::time_passes) + 1;

/// When it happens.
enum class Moment {
    between,        ///< cycles
    operation,      ///< of the daemon's next cycle, counted by Event::inside
    planned,        ///< the next time that a plan has changes: before any pre-image is read
    delete_planned, ///< likewise, where one of them deletes
    write,          ///< between a pre-image and a write, after Event::inside other writes
    delete_write,   ///< between a delete's marker and the delete
};

struct Event {
    What what = What::time_passes;
    int delay = 0;  ///< seconds after the one before
    int daemon = 0; ///< which daemon it concerns
    Moment moment = Moment::between;
    int inside = 0;
    unsigned a = 0;    ///< which object, domain or kind, modulo what there is
    unsigned b = 0;    ///< which name or value
    unsigned c = 0;    ///< which DC, or for how long
    bool same = false; ///< of objects, that which was last published, or is about to be written
    int told = 1;      ///< 0: all connections are lost; 2: each daemon is told once too often
};

/// The shape of a world, and what happens in it.
struct Story {
    std::uint64_t seed = 0;
    unsigned shape = 0; ///< which domains and settings
    std::vector<Event> events;
};

/// What belongs together, and seldom comes together by chance.
void add_plot(Story& story, const std::function<unsigned(unsigned)>& below);

[[nodiscard]] Story make_story(std::uint64_t seed);
[[nodiscard]] std::string to_string(What what);
[[nodiscard]] std::string describe(const Event& event);

} // namespace scp::sim
