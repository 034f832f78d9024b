#include "golden/scenario.hpp"
#include "history/past.hpp"
#include "support/random_world.hpp"

#include <doctest/doctest.h>

using namespace scp;
using namespace scp::test;

namespace {

const Scp* find(const World& world, const Change& change) {
    for (const auto& view : world.observation.domains)
        for (const auto& scp : view.scps)
            if (scp.guid == change.guid && view.domain == change.domain)
                return &scp;
    return nullptr;
}

const DomainView& view_of(const World& world, const DomainName& domain) {
    return *std::ranges::find(world.observation.domains, domain, &DomainView::domain);
}

bool has_collision(const Plan& plan) {
    return std::ranges::find(plan.held, Reason::name_collision, &Held::reason) != plan.held.end();
}

/// Some worlds must do something, or the properties below say nothing.
struct Tally {
    std::size_t changes = 0, held = 0, in_sync = 0;
    void add(const Plan& plan) {
        changes += plan.changes.size();
        held += plan.held.size();
        in_sync += plan.in_sync;
    }
    [[nodiscard]] bool enough() const { return changes > 2 && held > 2 && in_sync > 2; }
};

/// SCP_WORLDS=20000 for a long search; SCP_SEED=… replays one.
const std::size_t worlds = [] {
    const char* given = std::getenv("SCP_WORLDS");
    return given == nullptr ? std::size_t{40} : std::strtoull(given, nullptr, 10);
}();

} // namespace

TEST_CASE("plan property: the order of the input never changes a plan (promise 3)") {
    for (const auto seed : seeds(worlds)) {
        CAPTURE(seed);
        World world = RandomWorld(seed).make();
        const Plan plan = world.plan();
        shuffle(world, seed + 1);
        const Plan again = world.plan();
        REQUIRE(render(again) == render(plan));
        REQUIRE(again.hash() == plan.hash());
        REQUIRE(std::ranges::equal(again.changes, plan.changes, {}, &Change::id, &Change::id));
        REQUIRE(std::ranges::equal(again.held, plan.held, {}, &Held::id, &Held::id));
    }
}

// Where names collide, carrying out a plan may free a name that was taken: a few rounds are allowed
// there.
TEST_CASE("plan property: what is planned, applied and planned again is nothing (promise 3)") {
    Tally tally;
    std::size_t tried = 0;
    const auto all = seeds(20 * worlds);
    for (const auto seed : all) {
        if (++tried > worlds && tally.enough())
            break; // the others are for when too little happened in the first
        CAPTURE(seed);
        World world = RandomWorld(seed).make();
        Plan plan = world.plan();
        tally.add(plan);
        const int rounds = has_collision(plan) ? 4 : 1;
        for (int round = 0; round < rounds && !plan.changes.empty(); ++round) {
            world.apply(plan);
            plan = world.plan();
        }
        REQUIRE_MESSAGE(plan.changes.empty(), render(plan));
    }
    if (all.size() > 1)
        CHECK(tally.enough());
}

TEST_CASE(
    "plan property: only copies of ours are written, in domains read whole (promises 1 and 2)") {
    for (const auto seed : seeds(worlds)) {
        CAPTURE(seed);
        World world = RandomWorld(seed).make();
        for (const auto& change : world.plan().changes) {
            CAPTURE(change.dn.text());
            const DomainView& view = view_of(world, change.domain);
            REQUIRE(view.complete());
            REQUIRE(change.op != Op::remove);
            REQUIRE(parse_marker(change.marker_after));
            const Scp* object = find(world, change);
            REQUIRE((object == nullptr) == (change.op == Op::create));
            if (object == nullptr)
                continue;
            REQUIRE(object->marker);
            CHECK(object->marker->instance == "prod");
            CHECK(change.marker_before == object->marker_value);
            CHECK(owned_by_us(*object, view, copy_owners(world.input())));
            CHECK(in_trusted_place(*object, a_rule()));
        }
    }
}

TEST_CASE("plan property: nothing from an untrusted or marked source is ever written (promise 7)") {
    for (const auto seed : seeds(worlds)) {
        CAPTURE(seed);
        World world = RandomWorld(seed).make();
        for (const auto& change : world.plan().changes) {
            CAPTURE(change.dn.text());
            REQUIRE(change.source);
            const auto& scps = view_of(world, change.source->domain).scps;
            const auto source = std::ranges::find(scps, change.source->guid, &Scp::guid);
            REQUIRE(source != scps.end());
            CHECK_FALSE(source->marked);
            CHECK_FALSE(source->conflict);
            CHECK(in_trusted_place(*source, a_rule()));
        }
    }
}

TEST_CASE("plan property: no two changes meet at one DN, and every id is its own") {
    for (const auto seed : seeds(worlds)) {
        CAPTURE(seed);
        World world = RandomWorld(seed).make();
        std::set<Place> places;
        std::set<std::string> ids;
        const Plan plan = world.plan();
        for (const auto& change : plan.changes) {
            const Dn& dn = change.new_dn.value_or(change.dn);
            CHECK(places.insert({change.forest, change.domain, dn}).second);
            CHECK(ids.insert(change.id()).second);
        }
        for (const auto& held : plan.held)
            CHECK(ids.insert(held.id()).second);
    }
}

// Somebody puts everything back as it was after each of our writes. After the third time every copy
// that is fought over is parked with nothing else of it changed, and then it is quiet.
TEST_CASE("plan property: a fight ends by itself, and what is parked stays quiet") {
    std::size_t parkings = 0, tried = 0;
    const auto all = seeds(20 * worlds);
    for (const auto seed : all) {
        if (++tried > worlds && parkings > 2)
            break; // the others are for when there were too few fights among the first
        CAPTURE(seed);
        World world = RandomWorld(seed).make();
        world.apply(world.plan());
        for (auto& view : world.observation.domains)
            for (auto& scp : view.scps)
                if (scp.marker)
                    scp.attributes["serviceBindingInformation"] = {"changed back"};
        std::vector<HistoryRecord> history;
        std::set<Guid> fought_over;
        for (std::size_t round = 0; round < fight_limit; ++round) {
            for (const auto& change : world.plan().changes) {
                REQUIRE(change.reason != Reason::parked);
                if (may_be_contested(change.reason))
                    fought_over.insert(*change.guid);
                history.push_back({});
                history.back().at = world.now;
                history.back().change = change;
                history.back().result = "done";
            }
            world.past = past_of(history);
            world.now += std::chrono::minutes(10);
        }
        Plan plan = world.plan();
        for (const auto& change : plan.changes) {
            CHECK_FALSE(may_be_contested(change.reason));
            if (change.reason != Reason::parked)
                continue;
            ++parkings;
            CHECK(change.op == Op::mark);
            CHECK(change.before == change.after);
            CHECK(fought_over.erase(change.guid.value()) == 1);
            REQUIRE(parse_marker(change.marker_after));
            CHECK(parse_marker(change.marker_after)->parked == world.now);
        }
        CHECK(fought_over.empty());
        // What a name frees, or a second copy whose first one is parked now, comes after.
        for (int round = 0; round < 4 && !plan.changes.empty(); ++round) {
            world.apply(plan);
            plan = world.plan();
        }
        REQUIRE_MESSAGE(plan.changes.empty(), render(plan));
    }
    if (all.size() > 1)
        CHECK(parkings > 2);
}

// A planted SCP (unmarked, or with a forged marker) below a computer object adds held ones, never a
// change, and takes no good copy away.
TEST_CASE(
    "plan property: planting an SCP in an untrusted place changes nothing that was (promise 7)") {
    for (const auto seed : seeds(worlds)) {
        CAPTURE(seed);
        World world = RandomWorld(seed).make();
        const Plan before = world.plan();
        World planted = world;
        auto& view = planted.observation.domains[seed % planted.observation.domains.size()];
        if (view.scps.empty())
            continue;
        Scp evil = view.scps[seed % view.scps.size()];
        evil.guid = guid_number(0xbad);
        evil.dn =
            view.nc.descendant(*Dn::parse("CN=Planted,CN=PC9,CN=Computers")).child("CN", evil.name);
        evil.owner = sid_number(513);
        planted.add(evil);
        const Plan after = planted.plan();
        std::set<std::string> was;
        for (const auto& change : before.changes)
            was.insert(change.id());
        for (const auto& change : after.changes)
            CHECK(was.contains(change.id()));
        for (const auto& change : before.changes) // row 7: a create may wait; nothing else may
            if (change.op != Op::create)
                CHECK(std::ranges::find(after.changes, change.id(), &Change::id) !=
                      after.changes.end());
        const auto retires = [](const Plan& plan) {
            return std::ranges::count_if(plan.held, [](const Held& held) {
                return held.change && held.change->op == Op::remove;
            });
        };
        CHECK(retires(after) == retires(before));
    }
}
