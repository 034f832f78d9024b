#pragma once

#include "directory/entry.hpp"
#include "history/history.hpp"
#include "plan/by_hand.hpp"

#include <optional>
#include <string>

namespace scp {

// What takes a write of the history back. Pure.

/// An object as it was just read.
struct ObjectNow {
    Dn dn;
    Attributes attributes;
};

struct UndoWhen {
    Timestamp now;
    /// The rule of the write is paused, only observes, or is not in the settings: it would not
    /// make again at once what an undo deletes.
    bool rule_rests = false;
    std::string marker_attribute = "msDS-Settings";
};

/// Where the object of the record is to be looked for now.
[[nodiscard]] ObjectRef object_of(const HistoryRecord& record);

/// The change that puts back what was there before, where the object has not changed since: content
/// and marker are as the write left them, or parked since. Of
///   update, rename  the values before, and the copy is parked (an undo taken back is not: that
///                   restores just what was there)
///   mark            the marker before
///   create          a delete; refused unless `rule_rests`
///   delete          a create from the pre-image, with its marker but for a retire mark: its grace
///                   begins anew
/// `now` is the object at object_of(); nullopt where it is not there.
[[nodiscard]] HandVerdict undo_of(const HistoryRecord& record, const std::optional<ObjectNow>& now,
                                  const UndoWhen& when);

} // namespace scp
