#include "apply/apply.hpp"

#include "support/temporary_folder.hpp"
#include "unit/apply/bench.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <thread>

using namespace scp;
using namespace scp::test;
using State = ChangeResult::State;

// Promises 4 and 6: killed at any write, or two at once: the same end, and no write without its
// pre-image.

namespace {

/// What there shall be: by the id in the marker, as a source's GUID is in a real one.
struct Wanted {
    std::string id;
    std::string name;
    Values bindings; ///< empty: it shall go
};

const std::vector<Wanted> wanted{
    {"1", "new", {"a", "b"}}, {"2", "other new", {"c"}}, {"3", "changed", {"d"}},
    {"4", "renamed", {"e"}},  {"5", "gone", {}},
};

std::string marker(const std::string& id, int version) {
    return "scpd1;s=" + id + ";n=" + std::to_string(version);
}

Dn below(const Bench& bench, const std::string& name) {
    return bench.place("copies").child("CN", name);
}

void put_old(Bench& bench, const std::string& id, const std::string& name, const Values& bindings) {
    Attributes attributes = Bench::content(bindings);
    attributes["objectClass"] = {"serviceConnectionPoint"};
    attributes["msDS-Settings"] = {marker(id, 1)};
    bench.partition.put(bench.container.child("CN", name), attributes);
}

void set_up(Bench& bench) {
    put_old(bench, "3", "changed", {"was", "d"});
    put_old(bench, "4", "was", {"was"});
    put_old(bench, "5", "gone", {"f"});
    bench.options.window = 2;
}

/// What the planner would make of the state as it is: copies are paired by the id in their marker,
/// wherever they lie.
std::vector<Change> plan_again(const Bench& bench) {
    std::vector<Change> changes;
    const auto add = [&](Op op, const Dn& dn, const Wanted& one) -> Change& {
        Change change = bench.change(
            op, "x", {}, one.bindings.empty() ? Attributes{} : Bench::content(one.bindings));
        change.dn = dn;
        change.marker_before.clear();
        change.marker_after =
            op == Op::create_container ? "" : marker(one.id, op == Op::remove ? 9 : 2);
        changes.push_back(change);
        return changes.back();
    };
    if (!bench.there("copies"))
        add(Op::create_container, bench.place("copies"), {"", "", {}});
    for (const Wanted& one : wanted) {
        const MemoryObject* found = nullptr;
        for (const MemoryObject* object : bench.partition.objects())
            if (first_of(object->attributes, "msDS-Settings")
                    .starts_with("scpd1;s=" + one.id + ";"))
                found = object;
        if (!found && !one.bindings.empty()) {
            add(Op::create, below(bench, one.name), one);
        } else if (found) {
            const bool same = found->dn.rdn_value() == one.name &&
                              same_values(values_of(found->attributes, "serviceBindingInformation"),
                                          one.bindings);
            if (same)
                continue;
            const Op op = one.bindings.empty()                ? Op::remove
                          : found->dn.rdn_value() != one.name ? Op::rename
                                                              : Op::update;
            Change& change = add(op, found->dn, one);
            change.guid = found->guid;
            change.before =
                Bench::content(values_of(found->attributes, "serviceBindingInformation"));
            change.marker_before = first_of(found->attributes, "msDS-Settings");
            if (op == Op::rename)
                change.new_dn = found->dn.parent().child("CN", one.name);
        }
    }
    return changes;
}

/// Name, bindings and marker of everything in the container, for comparison.
std::vector<std::string> state_of(const Bench& bench) {
    std::vector<std::string> state;
    for (const MemoryObject* object : bench.partition.objects()) {
        if (!object->dn.is_within(bench.container))
            continue;
        std::string line = object->dn.text() + " " + first_of(object->attributes, "msDS-Settings");
        for (const std::string& value :
             sorted(values_of(object->attributes, "serviceBindingInformation")))
            line += " " + value;
        state.push_back(line);
    }
    std::ranges::sort(state);
    return state;
}

ApplyResults apply_plan(Bench& bench, History& history, MemorySessions& sessions) {
    Plan plan;
    plan.changes = plan_again(bench);
    return apply(plan, sessions, bench.options, history);
}

/// Undisturbed: the end that all others must come to.
std::vector<std::string> the_end(Flavour flavour, std::size_t& writes) {
    Bench bench(flavour);
    set_up(bench);
    for (const auto& [id, result] : apply_plan(bench, bench.history, bench.sessions))
        CHECK(result.state == State::done);
    CHECK(plan_again(bench).empty());
    writes = bench.server.writes.size();
    return state_of(bench);
}

const ObjectRef* object_of(const Write& write) {
    if (const auto* modify = std::get_if<ModifyEntry>(&write))
        return &modify->object;
    if (const auto* rename = std::get_if<RenameEntry>(&write))
        return &rename->object;
    if (const auto* erase = std::get_if<DeleteEntry>(&write))
        return &erase->object;
    return nullptr;
}

/// Each write that took effect has its record on disk, with a pre-image where there was an object.
void check_recorded(const Bench& bench, const std::filesystem::path& dir) {
    const auto listing = read_history(dir).value();
    CHECK(listing.problems.empty());
    for (const Write& write : bench.server.writes) {
        const ObjectRef* object = object_of(write);
        const Dn& name = object ? object->dn : std::get<AddEntry>(write).dn;
        CAPTURE(name.text());
        const auto record = std::ranges::find_if(
            listing.records, [&](const HistoryRecord& r) { return r.change.dn == name; });
        REQUIRE(record != listing.records.end());
        CHECK(record->pre_image.has_value() == (object != nullptr));
        if (object)
            CHECK(first_of(*record->pre_image, "msDS-Settings").ends_with("n=1"));
    }
}

} // namespace

TEST_CASE(
    "apply: killed at any write, the next run comes to the same end and every write is on record") {
    for (const Flavour flavour : {Flavour::ad, Flavour::openldap}) {
        std::size_t writes = 0;
        const auto end = the_end(flavour, writes);
        REQUIRE(writes ==
                8); // a container, two creates, a rename of two, an update, a delete of two
        for (std::size_t n = 1; n <= writes; ++n)
            for (const WriteFate how : {WriteFate::kill_before, WriteFate::kill_after}) {
                CAPTURE(n);
                CAPTURE(static_cast<int>(how));
                CAPTURE(static_cast<int>(flavour));
                Bench bench(flavour);
                set_up(bench);
                const TemporaryFolder folder;
                bench.forest.kill_at(n, how);
                bool killed = false;
                try {
                    const auto history = History::open(folder.path()).value();
                    (void)apply_plan(bench, *history, bench.sessions);
                } catch (const Killed&) {
                    killed = true;
                }
                CHECK(killed);
                CHECK(bench.server.writes.size() == (how == WriteFate::kill_before ? n - 1 : n));
                check_recorded(bench, folder.path());

                bench.forest.before_write = nullptr;
                MemorySessions sessions(bench.forest);
                for (const auto& [id, result] : apply_plan(bench, bench.history, sessions))
                    CHECK(result.state == State::done);
                CHECK(state_of(bench) == end);
                CHECK(plan_again(bench).empty());
            }
    }
}

TEST_CASE("apply: an answer lost at any write is no harm either") {
    std::size_t writes = 0;
    const auto end = the_end(Flavour::ad, writes);
    for (std::size_t n = 1; n <= writes; ++n)
        for (const WriteFate how : {WriteFate::lose_request, WriteFate::lose_answer}) {
            CAPTURE(n);
            CAPTURE(static_cast<int>(how));
            Bench bench;
            set_up(bench);
            bench.forest.kill_at(n, how);
            std::size_t failed = 0;
            for (const auto& [id, result] : apply_plan(bench, bench.history, bench.sessions))
                failed += result.state == State::failed ? 1 : 0;
            CHECK(failed >= 1);
            bench.forest.before_write = nullptr;
            MemorySessions sessions(bench.forest);
            for (const auto& [id, result] : apply_plan(bench, bench.history, sessions))
                CHECK(result.state == State::done);
            CHECK(state_of(bench) == end);
        }
}

TEST_CASE("apply: two at once with the same plan make no duplicate and come to the same end") {
    std::size_t writes = 0;
    const auto end = the_end(Flavour::ad, writes);
    for (int round = 0; round < 20; ++round) {
        CAPTURE(round);
        Bench bench;
        set_up(bench);
        Plan plan;
        plan.changes = plan_again(bench);
        {
            std::vector<std::jthread> daemons;
            for (int i = 0; i < 2; ++i)
                daemons.emplace_back([&] {
                    MemorySessions sessions(bench.forest);
                    MemoryHistory history;
                    (void)apply(plan, sessions, bench.options, history);
                });
        }
        (void)apply_plan(bench, bench.history, bench.sessions);
        CHECK(state_of(bench) == end);
        CHECK(plan_again(bench).empty());
    }
}

TEST_CASE("apply: a history that cannot be written stops everything before it begins") {
    Bench bench;
    set_up(bench);
    bench.history.refuse_from = 1;
    const auto before = state_of(bench);
    const ApplyResults results = apply_plan(bench, bench.history, bench.sessions);
    CHECK(results.size() == 6);
    for (const auto& [id, result] : results) {
        CHECK(result.state == State::skipped);
        REQUIRE(result.error);
        CHECK(result.error->kind == ErrorKind::io);
        CHECK_FALSE(result.held);
    }
    CHECK(bench.server.writes.empty());
    CHECK(state_of(bench) == before);
}

TEST_CASE("apply: a disk that fills up stops what has not begun") {
    Bench bench;
    set_up(bench);
    bench.history.refuse_from = 3; // the container and the two creates are on record
    std::size_t done = 0;
    for (const auto& [id, result] : apply_plan(bench, bench.history, bench.sessions)) {
        done += result.state == State::done ? 1 : 0;
        if (result.state != State::done)
            CHECK(result.state == State::skipped);
    }
    CHECK(done == 3);
    CHECK(bench.server.writes.size() == 3);
    CHECK(bench.history.calls == 3);
}

TEST_CASE("apply: results that cannot be recorded are said, and nothing further is begun") {
    Bench bench;
    set_up(bench);
    bench.history.refuse_results = true;
    std::size_t done = 0;
    for (const auto& [id, result] : apply_plan(bench, bench.history, bench.sessions)) {
        REQUIRE(result.error);
        CHECK(result.error->kind == ErrorKind::io);
        done += result.state == State::done ? 1 : 0;
    }
    CHECK(done == 1);
    CHECK(bench.server.writes.size() == 1);
}

TEST_CASE("apply: one record, and so one fsync, for a window of changes") {
    Bench bench;
    std::vector<Change> changes;
    for (int i = 0; i < 70; ++i) {
        const std::string name = "c" + std::to_string(i);
        bench.put(name, {"b"});
        changes.push_back(bench.update(name, {"b"}, {"c"}));
    }
    bench.forest.before_write = [&](MemoryServer&, const Write& write, std::size_t) {
        const Dn& name = std::get<ModifyEntry>(write).object.dn;
        CHECK(std::ranges::any_of(bench.history.records,
                                  [&](const HistoryRecord& r) { return r.change.dn == name; }));
        return WriteFate::proceed;
    };
    for (const auto& [id, result] : bench.run(changes))
        CHECK(result.state == State::done);
    CHECK(bench.history.calls == 3);
}

TEST_CASE("apply: asked to stop, it finishes the window it is in and skips the rest") {
    Bench bench;
    std::stop_source source;
    bench.options.stop = source.get_token();
    bench.options.window = 2;
    std::vector<Change> changes;
    for (int i = 0; i < 6; ++i)
        changes.push_back(bench.create("c" + std::to_string(i)));
    bench.forest.before_write = [&](MemoryServer&, const Write&, std::size_t n) {
        if (n == 3)
            source.request_stop();
        return WriteFate::proceed;
    };
    const ApplyResults results = bench.run(changes);
    for (std::size_t i = 0; i < changes.size(); ++i) {
        CAPTURE(i);
        const ChangeResult& result = results.at(changes[i].id());
        CHECK(result.state == (i < 4 ? State::done : State::skipped));
        if (i >= 4) {
            REQUIRE(result.error);
            CHECK(result.error->kind == ErrorKind::interrupted);
        }
    }
    CHECK(bench.server.writes.size() == 4);
}
