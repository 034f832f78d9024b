#include "apply/domain_writer.hpp"

#include "apply/operations.hpp"
#include "apply/outcome.hpp"
#include "base/safeguard.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <tuple>

namespace scp {
namespace {

using State = ChangeResult::State;

int phase_of(Op op) {
    switch (op) {
    case Op::create_container:
        return 0;
    case Op::create:
        return 1;
    case Op::rename:
        return 2;
    case Op::update:
        return 3;
    case Op::mark:
        return 4;
    case Op::remove:
        return 5;
    }
    return 6;
}

/// Changes with the same one may be under way at the same time.
std::tuple<int, std::size_t> stage_of(const Change& change) {
    return {phase_of(change.op), change.op == Op::create_container ? change.dn.depth() : 0};
}

bool adds_object(Op op) {
    return op == Op::create || op == Op::create_container;
}

/// Goes to the one server of the domain that takes creates and deletes.
bool is_pinned(Op op) {
    if (!in_force(Safeguard::pdc_only))
        return false;
    return adds_object(op) || op == Op::remove;
}

/// The RDN alone: on servers that take `<GUID=…>` the object may have been moved meanwhile.
bool has_name(const Dn& found, const Dn& expected) {
    return equal_folded(found.rdn_value(), expected.rdn_value());
}

bool is_gone(const Found& found) {
    return found.complete() && found.entries.empty();
}

std::string to_string(State state) {
    switch (state) {
    case State::done:
        return "done";
    case State::failed:
        return "failed";
    case State::skipped:
        return "skipped";
    }
    return {};
}

} // namespace

ApplyResults DomainWriter::run(std::vector<const Change*> changes) {
    std::ranges::stable_sort(changes, {}, [](const Change* change) { return stage_of(*change); });
    for (auto next = changes.begin(); next != changes.end();) {
        Window window;
        const auto stage = stage_of(**next);
        for (;
             next != changes.end() && window.size() < options_.window && stage_of(**next) == stage;
             ++next) {
            Item item;
            item.change = *next;
            item.record.change = **next;
            item.record.marker_attribute = options_.marker_attribute;
            window.push_back(std::move(item));
        }
        run_window(window);
        remember(window);
    }
    return std::move(results_);
}

void DomainWriter::run_window(Window& window) {
    Directory* directory = session_for(*window.front().change, window);
    if (!directory)
        return;
    take_pre_images(*directory, window);
    record(window);
    write(*directory, window);
    read_back(*directory, window);
    finish(window);
}

/// Null where nothing of the window can be tried; then all of it is settled.
Directory* DomainWriter::session_for(const Change& change, Window& window) {
    std::optional<Error> why = unrecordable_;
    std::optional<Reason> held;
    if (options_.stop.stop_requested())
        why = Error{ErrorKind::interrupted, "interrupted",
                    "run it again: what is missing is found anew", 0};
    if (!why) {
        const auto session = live_session(change);
        if (session)
            return *session;
        why = session.error();
        if (is_pinned(change.op) && why->kind != ErrorKind::interrupted) {
            held = Reason::write_dc_unavailable;
            why->hint = "creates and deletes of a domain go to one server only (on AD the PDC "
                        "emulator): bring it "
                        "back, or move the role";
        }
    }
    for (Item& item : window)
        item.result = not_tried(*item.change, *why, held);
    return nullptr;
}

Result<Directory*> DomainWriter::live_session(const Change& change) {
    auto session = is_pinned(change.op) ? sessions_.creator(change.forest, change.domain)
                                        : sessions_.updater(change.forest, change.domain);
    if (session)
        if (const auto lost = lost_.find(*session); lost != lost_.end())
            return fail(lost->second);
    return session;
}

/// Everything that is readable, the marker and the GUID too.
Search DomainWriter::look_at(const ObjectRef& object) const {
    Search search;
    search.base = object;
    search.scope = Scope::base;
    search.attributes = {"*", "entryUUID"};
    return search;
}

void DomainWriter::take_pre_images(Directory& directory, Window& window) {
    std::vector<Search> searches;
    std::vector<Item*> looked_at;
    for (Item& item : window) {
        if (!adds_object(item.change->op)) {
            searches.push_back(look_at(object_before(*item.change)));
            looked_at.push_back(&item);
            continue;
        }
        const auto missing = std::ranges::find_if(missing_containers_, [&](const Dn& container) {
            return item.change->dn.is_within(container);
        });
        if (missing != missing_containers_.end())
            item.result = not_tried(
                *item.change,
                Error{ErrorKind::not_found,
                      "the container " + printable(missing->text()) + " could not be created",
                      "see the result of that change", 0},
                Reason::parent_missing);
        else if (item.change->op == Op::create) {
            searches.push_back(look_at(object_after(*item.change)));
            looked_at.push_back(&item);
        }
    }
    const std::vector<Found> found = directory.search_all(searches);
    for (std::size_t i = 0; i < looked_at.size(); ++i)
        judge_pre_image(*looked_at[i], found.at(i), directory.server());
}

void DomainWriter::judge_pre_image(Item& item, const Found& found,
                                   const std::string& server) const {
    const Change& change = *item.change;
    if (change.op == Op::create) {
        // While the DC that was read lags behind, each cycle asks for it anew.
        if (found.complete() && !found.entries.empty() &&
            difference_after(change, found.entries.front().attributes, options_.marker_attribute)
                .empty())
            item.result = ChangeResult{State::done, {}, {}};
        return;
    }
    if (!found.complete()) {
        item.result = not_tried(change, *found.incomplete);
        return;
    }
    if (is_gone(found)) {
        if (change.op == Op::remove)
            item.result = ChangeResult{State::done, {}, {}};
        else
            item.result = changed_meanwhile(change, server, "it is not there any more");
        return;
    }
    const Attributes& now = found.entries.front().attributes;
    const auto guid = guid_of(now);
    if (change.guid && guid && *guid != *change.guid) {
        item.result = changed_meanwhile(change, server, "another object has its name");
        return;
    }
    const std::string differs = difference_before(change, now, options_.marker_attribute);
    if (differs.empty() || !in_force(Safeguard::pre_image_check))
        item.record.pre_image = now;
    else if (change.op == Op::update &&
             difference_after(change, now, options_.marker_attribute).empty())
        item.result =
            ChangeResult{State::done, {}, {}}; // the other daemon of our instance was here
    else
        item.result = changed_meanwhile(change, server, differs);
}

void DomainWriter::record(Window& window) {
    if (!in_force(Safeguard::history_first))
        return;
    std::vector<HistoryRecord> records;
    for (const Item& item : window)
        if (!item.result)
            records.push_back(item.record);
    if (records.empty())
        return;
    const auto recorded = history_.record(records);
    auto next = records.begin();
    for (Item& item : window) {
        if (item.result)
            continue;
        item.record = std::move(*next++);
        item.recorded = recorded.has_value();
        if (!recorded)
            item.result = not_tried(*item.change, recorded.error());
    }
    if (!recorded)
        unrecordable_ = recorded.error();
}

/// Round by round: the first writes of all, then the second ones of those whose first was done.
void DomainWriter::write(Directory& directory, Window& window) {
    struct Pending {
        Item* item;
        std::vector<Write> writes;
    };
    std::vector<Pending> pending;
    for (Item& item : window)
        if (!item.result)
            pending.push_back({&item, writes_of(*item.change, options_.marker_attribute)});
    for (std::size_t round = 0;; ++round) {
        std::erase_if(
            pending, [&](const Pending& p) { return p.item->refusal || p.writes.size() <= round; });
        if (pending.empty())
            return;
        std::vector<Write> writes;
        writes.reserve(pending.size());
        for (Pending& one : pending)
            writes.push_back(std::move(one.writes[round]));
        const auto answers = directory.write(writes);
        for (std::size_t i = 0; i < pending.size(); ++i)
            if (const auto& answer = answers.at(i); !answer) {
                pending[i].item->refusal = answer.error();
                if (answer.error().kind == ErrorKind::unreachable)
                    lost_.insert_or_assign(&directory, answer.error());
            }
    }
}

/// What was answered as done, and what may be there because somebody else did the same.
void DomainWriter::read_back(Directory& directory, Window& window) const {
    std::vector<Search> searches;
    std::vector<Item*> looked_at;
    for (Item& item : window) {
        if (item.result)
            continue;
        if (item.refusal && item.refusal->kind != ErrorKind::already_exists &&
            item.refusal->kind != ErrorKind::conflict &&
            item.refusal->kind != ErrorKind::not_found) {
            item.result = refused_write(*item.change, *item.refusal);
            continue;
        }
        searches.push_back(look_at(object_after(*item.change)));
        looked_at.push_back(&item);
    }
    const std::vector<Found> found = directory.search_all(searches);
    for (std::size_t i = 0; i < looked_at.size(); ++i)
        judge_read_back(*looked_at[i], found.at(i), directory.server());
}

void DomainWriter::judge_read_back(Item& item, const Found& found,
                                   const std::string& server) const {
    const Change& change = *item.change;
    if (!found.complete()) {
        if (item.refusal) {
            item.result = refused_write(change, *item.refusal);
            return;
        }
        Error note = *found.incomplete;
        note.message =
            describe(change) + " was answered as done, but could not be read back: " + note.message;
        item.result = ChangeResult{State::done, std::move(note), {}};
        return;
    }
    std::string differs;
    if (change.op == Op::remove)
        differs = found.entries.empty() ? "" : "it is still there";
    else if (found.entries.empty())
        differs = "it is not there";
    else if (!has_name(found.entries.front().dn, object_after(change).dn))
        differs = "its name is " + printable(found.entries.front().dn.rdn());
    else if (change.op != Op::create_container)
        differs =
            difference_after(change, found.entries.front().attributes, options_.marker_attribute);

    if (!differs.empty()) {
        item.result = item.refusal ? refused_write(change, *item.refusal)
                                   : read_back_differs(change, server, differs);
        return;
    }
    item.result = ChangeResult{State::done, {}, {}};
    if (!found.entries.empty() && !item.record.change.guid)
        item.record.change.guid = guid_of(found.entries.front().attributes);
}

void DomainWriter::finish(Window& window) {
    std::vector<HistoryRecord> records;
    for (Item& item : window) {
        if (!item.recorded)
            continue;
        item.record.result = to_string(item.result->state);
        item.record.overtaken = item.result->overtaken;
        item.record.error = item.result->error ? item.result->error->message : "";
        records.push_back(item.record);
    }
    if (records.empty())
        return;
    const auto finished = history_.finish(records);
    if (finished)
        return;
    // The writes stand, and so do their pre-images; only how they ended is not on record.
    unrecordable_ = finished.error();
    for (Item& item : window)
        if (item.recorded && !item.result->error)
            item.result->error = finished.error();
}

void DomainWriter::remember(Window& window) {
    for (Item& item : window) {
        if (item.change->op == Op::create_container && item.result->state != State::done)
            missing_containers_.push_back(item.change->dn);
        results_.insert_or_assign(item.change->id(), std::move(*item.result));
    }
}

} // namespace scp
