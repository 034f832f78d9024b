#include "history/past.hpp"

#include "base/marker.hpp"
#include "base/text.hpp"
#include "history/lines.hpp"
#include "history/reader.hpp"

#include <algorithm>
#include <set>

namespace scp {
namespace {

std::vector<std::string> what_differed(const Change& change) {
    std::set<std::string> names;
    for (const auto* side : {&change.before, &change.after})
        for (const auto& [name, values] : *side)
            if (sorted(values_of(change.before, name)) != sorted(values_of(change.after, name)))
                names.insert(name);
    if (change.new_dn)
        names.insert("name");
    return {names.begin(), names.end()};
}

bool is_parked(const std::string& marker_value) {
    const auto marker = parse_marker(marker_value);
    return marker && marker->parked;
}

/// Once a copy is parked or resumed, what was before counts no more: or it would be parked again at
/// once. Why the flap guard parked it is kept to be told.
void take_parking(CopyPast& past, const Change& change) {
    past.parked.clear();
    if (change.reason == Reason::parked)
        past.parked.swap(past.repairs);
    past.repairs.clear();
}

} // namespace

Past past_of(std::span<const HistoryRecord> records) {
    Past all;
    for (const auto& record : records) {
        const Change& change = record.change;
        const bool may_be_done =
            record.result.empty() || record.result == "done" || record.overtaken;
        if (!change.guid || !may_be_done)
            continue;
        if (is_parked(change.marker_before) != is_parked(change.marker_after)) {
            take_parking(all[*change.guid], change);
            continue;
        }
        auto left = parse_marker(change.marker_after);
        if (!may_be_contested(change.reason) || !left)
            continue;
        const Dn& dn = change.new_dn ? *change.new_dn : change.dn;
        all[*change.guid].repairs.push_back(
            {record.at, std::move(*left), dn.rdn_value(), what_differed(change)});
    }
    // What was told of is what lies within one window, and its newest.
    for (auto& [guid, past] : all)
        if (!past.parked.empty()) {
            const PastRepair last = past.parked.back();
            past.parked = undone_repairs(past.parked, last.left, last.name, last.at);
        }
    return all;
}

PastRead read_past(const std::filesystem::path& dir, Timestamp now) {
    const auto known_in_part = [](Error error) {
        error.message += "; so a copy that somebody changes back again and again may be written "
                         "more often than it should before it is parked";
        return error;
    };
    const auto listing = read_history(dir, now - fight_memory, is_beside_the_past);
    if (!listing)
        return {{}, known_in_part(listing.error())};
    PastRead read{past_of(listing->records), {}};
    if (!listing->unreadable.empty())
        read.error = known_in_part(listing->unreadable.front());
    else if (!listing->problems.empty())
        read.error = known_in_part(
            {ErrorKind::io, "a line of the history cannot be read: " + listing->problems.front(),
             "scpctl history names all such lines", 0});
    return read;
}

} // namespace scp
