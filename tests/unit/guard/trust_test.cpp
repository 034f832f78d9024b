// Pauses, bindings and first use: what comes before the limits, in this order.
#include "guard/guard.hpp"

#include "golden/scenario.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <utility>

using namespace scp;
using namespace scp::test;

namespace {

Pattern pattern(const std::string& text) {
    return Pattern::compile(text).value();
}

const Timestamp midday = *parse_rfc3339("2026-01-01T12:00:00Z");

/// Rule mage with an account in corp, and rule other with one in apac; a source of each in emea.
struct Bench {
    World world;
    HostState state;
    std::optional<Error> state_error;
    std::set<std::string> approved;
    LimitSettings limits;

    Bench() {
        for (const auto* name : {"corp.test", "emea.corp.test", "apac.corp.test"})
            world.domain(name);
        Rule mage = a_rule();
        world.account(mage, "corp.test");
        world.settings.rules = {mage, a_rule("other")};
        world.settings.rules[1].keywords = {"other"};
        world.account(world.settings.rules[1], "apac.corp.test");
        source("mage", 1, "b1");
        source("other", 2, "b2");
    }

    Rule& mage() { return world.settings.rules[0]; }
    Rule& other() { return world.settings.rules[1]; }

    Scp& source(const std::string& keyword, unsigned n, const std::string& binding) {
        return world.add(
            an_scp().named(keyword).number(n).with_keyword(keyword).with_binding(binding));
    }

    Plan plan() {
        world.rules = world.settings.rules;
        return world.plan();
    }

    Plan guarded() { return guard(plan(), input()); }

    GuardInput input() {
        GuardInput input{limits, {}, state, state_error, approved};
        for (const auto& rule : world.settings.rules)
            input.rules.push_back(&rule);
        return input;
    }
};

/// "op rule reason", sorted by the plan.
std::vector<std::string> changes_of(const Plan& plan) {
    std::vector<std::string> rows;
    for (const auto& change : plan.changes)
        rows.push_back(to_string(change.op) + " " + change.rule);
    std::ranges::sort(rows);
    return rows;
}

std::vector<std::string> held_of(const Plan& plan) {
    std::vector<std::string> rows;
    for (const auto& held : plan.held)
        rows.push_back(to_string(held.reason) + " " +
                       (held.change ? to_string(held.change->op) : "") + " " + held.rule);
    std::ranges::sort(rows);
    return rows;
}

using Rows = std::vector<std::string>;

struct TrustRow {
    const char* name;
    std::function<void(Bench&)> arrange;
    Rows changes;
    Rows held;
    std::string detail; ///< of the first one held
};

void check(const std::vector<TrustRow>& rows) {
    for (const auto& row : rows) {
        CAPTURE(row.name);
        Bench bench;
        row.arrange(bench);
        const Plan plan = bench.guarded();
        CHECK(changes_of(plan) == row.changes);
        CHECK(held_of(plan) == row.held);
        if (!row.detail.empty() && !plan.held.empty())
            CHECK(plan.held.front().detail == row.detail);
        for (const auto& held : plan.held)
            CHECK_FALSE(held.hint.empty());
    }
}

const Rows both{"create mage", "create other"};

} // namespace

TEST_CASE("guard: what is paused is held, with who, why and since when") {
    check({
        {"nothing", [](Bench&) {}, both, {}, ""},
        {"one rule",
         [](Bench& b) {
             b.state.pauses = {{"MAGE", "moving \x1b[31mdb1\n", "ann", midday}};
         },
         {"create other"},
         {"paused create mage"},
         "rule MAGE is paused since 2026-01-01T12:00:00Z by ann: moving \\x1b[31mdb1\\x0a"},
        {"all rules",
         [](Bench& b) {
             b.state.pauses = {{"", "", "root", midday}};
         },
         {},
         {"paused create mage", "paused create other"},
         "all rules are paused since 2026-01-01T12:00:00Z by root"},
        {"a rule that is not there",
         [](Bench& b) {
             b.state.pauses = {{"mag", "", "root", midday}};
         },
         both,
         {},
         ""},
        {"no one knows",
         [](Bench& b) {
             b.state_error = Error{ErrorKind::io, "cannot read state.json", "mend it", 0};
         },
         {},
         {"paused create mage", "paused create other"},
         "whether it is paused is not known: cannot read state.json"},
        {"a pause is stronger than an approval",
         [](Bench& b) {
             b.state.pauses = {{"mage", "", "root", midday}};
             b.approved = {b.plan().hash(), b.guarded().hash()};
         },
         {"create other"},
         {"paused create mage"},
         ""},
        {"what is paused counts for no limit",
         [](Bench& b) {
             b.limits.changes = 1;
             b.state.pauses = {{"mage", "", "root", midday}};
         },
         {"create other"},
         {"paused create mage"},
         ""},
    });
}

TEST_CASE("guard: a copy that several rules want is paused with each of them") {
    for (const char* paused : {"mage", "second"}) {
        CAPTURE(paused);
        Bench bench;
        Rule second = bench.mage();
        second.name = "second";
        bench.world.settings.rules.push_back(second);
        for (auto account : bench.world.observation.accounts)
            if (account.rule == "mage") {
                account.rule = "second";
                bench.world.observation.accounts.push_back(account);
                break;
            }
        CHECK(changes_of(bench.guarded()) == both);
        bench.state.pauses = {{paused, "", "root", midday}};
        CHECK(held_of(bench.guarded()) == Rows{"paused create mage"});
    }
}

TEST_CASE("guard: only values that bindings let through are copied") {
    const auto allow = [](const char* text) {
        return [text](Bench& b) { b.mage().bindings.allow = {pattern(text)}; };
    };
    const auto deny = [](const char* text) {
        return [text](Bench& b) { b.mage().bindings.deny = {pattern(text)}; };
    };
    const Rows held{"binding-not-allowed create mage"};
    const Rows left{"create other"};
    check({
        {"allowed", allow("b\\d"), both, {}, ""},
        {"not allowed", allow("c\\d"), left, held,
         "serviceBindingInformation \"b1\" matches none of bindings.allow of rule mage"},
        {"the whole value", allow("b"), left, held, ""},
        {"denied", deny("b.*"), left, held,
         "serviceBindingInformation \"b1\" matches bindings.deny \"b.*\" of rule mage"},
        {"denied in part", deny("b"), both, {}, ""},
        {"denied, though allowed",
         [](Bench& b) {
             b.mage().bindings = {{pattern(".*")}, {pattern("b1")}};
         },
         left, held, ""},
        {"any of several",
         [](Bench& b) {
             b.mage().bindings.allow = {pattern("x"), pattern("b1")};
         },
         both,
         {},
         ""},
        {"each value",
         [](Bench& b) {
             b.world.domain("emea.corp.test").scps[0] =
                 an_scp().named("mage").with_keyword("mage").with_binding("b1").with_binding(
                     "evil\x1b[2J");
             b.mage().bindings.allow = {pattern("b1")};
         },
         left, held,
         "serviceBindingInformation \"evil\\x1b[2J\" matches none of bindings.allow of rule mage"},
        {"a line's end hides nothing from deny",
         [](Bench& b) {
             b.world.domain("emea.corp.test").scps[0] =
                 an_scp().named("mage").with_keyword("mage").with_binding("b1\nevil");
             b.mage().bindings.deny = {pattern(".*evil.*")};
         },
         left, held, ""},
        {"nor slips past allow",
         [](Bench& b) {
             b.world.domain("emea.corp.test").scps[0] =
                 an_scp().named("mage").with_keyword("mage").with_binding("b1\nevil");
             b.mage().bindings.allow = {pattern("b1.*")};
         },
         left, held, ""},
        {"allow too complex to try",
         [](Bench& b) {
             b.world.domain("emea.corp.test").scps[0] =
                 an_scp().named("mage").with_keyword("mage").with_binding(
                     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
             b.mage().bindings.allow = {pattern("(a+)+b")};
         },
         left, held,
         "serviceBindingInformation \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\" matches none of "
         "bindings.allow (too complex to try: \"(a+)+b\") of rule mage"},
        {"deny too complex to try",
         [](Bench& b) {
             b.world.domain("emea.corp.test").scps[0] =
                 an_scp().named("mage").with_keyword("mage").with_binding(
                     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
             b.mage().bindings.deny = {pattern("(a+)+b")};
         },
         left, held,
         "serviceBindingInformation \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\" is too complex to try on it "
         "bindings.deny \"(a+)+b\" of rule mage"},
        {"no approval lets it through",
         [](Bench& b) {
             b.mage().bindings.deny = {pattern("b1")};
             b.approved = {b.plan().hash(), b.guarded().hash()};
         },
         left, held, ""},
    });
}

TEST_CASE("guard: bindings judge what is written, not what is taken away") {
    Bench bench;
    bench.world.apply(bench.plan());
    bench.mage().bindings.deny = {pattern("b1")};
    auto& sources = bench.world.domain("emea.corp.test").scps;
    sources[0].attributes["description"] = {"changed"};
    CHECK(held_of(bench.guarded()) == Rows{"binding-not-allowed update mage"});
    sources[0].attributes["serviceBindingInformation"] = {"b3"};
    CHECK(changes_of(bench.guarded()) == Rows{"update mage"});
    std::erase_if(sources, [](const Scp& scp) { return scp.guid == guid_number(1); });
    bench.world.observation.fates.push_back(
        {guid_number(1), DomainName("emea.corp.test"), SourceFate::State::absent, {}, ""});
    bench.mage().mode = Mode::sync;
    bench.mage().prune_confirmations = 1;
    CHECK(changes_of(bench.guarded()) == Rows{"mark mage"});
}

TEST_CASE("guard: a new source waits for the approval of exactly that plan") {
    Bench bench;
    bench.mage().first_use = FirstUse::approve;
    const Plan held = bench.guarded();
    CHECK(changes_of(held) == Rows{"create other"});
    CHECK(held_of(held) == Rows{"awaiting-approval create mage"});
    CHECK(held.held.front().detail ==
          "rule mage asks for an approval of a source that was never copied before");
    CHECK(held.hash() == bench.plan().hash());

    bench.approved = {"sha256:" + std::string(64, '0')};
    CHECK(held_of(bench.guarded()) == Rows{"awaiting-approval create mage"});
    bench.approved = {held.hash()};
    CHECK(changes_of(bench.guarded()) == both);

    // What else went out makes it another plan, and so does a source that changes.
    bench.world.apply(held);
    CHECK(held_of(bench.guarded()) == Rows{"awaiting-approval create mage"});
    const std::string later = bench.guarded().hash();
    bench.approved = {later};
    CHECK(changes_of(bench.guarded()) == Rows{"create mage"});
    bench.world.domain("emea.corp.test").scps[0].attributes["serviceBindingInformation"] = {"evil"};
    CHECK(held_of(bench.guarded()) == Rows{"awaiting-approval create mage"});
}

TEST_CASE("guard: a source that takes another one's place waits for an approval, too") {
    Bench bench;
    bench.mage().first_use = FirstUse::approve;
    bench.world.apply(bench.plan());
    CHECK(changes_of(bench.guarded()).empty());
    auto& source = bench.world.domain("emea.corp.test").scps[0];
    bench.world.observation.fates.push_back(
        {source.guid, source.domain, SourceFate::State::absent, {}, ""});
    source.guid = guid_number(7);
    const Plan held = bench.guarded();
    CHECK(changes_of(held).empty());
    CHECK(held_of(held) == Rows{"awaiting-approval update mage"});
    CHECK(held.held.front().detail ==
          "rule mage asks for an approval of a source that takes another one's place");
    bench.approved = {held.hash()};
    CHECK(changes_of(bench.guarded()) == Rows{"update mage"});
}

TEST_CASE("guard: one approval is for first use and limits together") {
    Bench bench;
    bench.mage().first_use = FirstUse::approve;
    bench.limits.changes = 0;
    const Plan held = bench.guarded();
    CHECK(held_of(held) == Rows{"awaiting-approval create mage", "limit-exceeded create other"});
    CHECK(held.hash() == bench.plan().hash());
    bench.approved = {held.hash()};
    CHECK(changes_of(bench.guarded()) == both);
}

TEST_CASE("guard: a container goes with what is to be created in it") {
    const auto container =
        Place{"corp", DomainName("corp.test"), *Dn::parse("CN=scpd,CN=System,DC=corp,DC=test")};
    const auto bench_of = [&] {
        Bench bench;
        bench.world.missing_containers = {container};
        for (auto& rule : bench.world.settings.rules)
            rule.create_containers = true;
        return bench;
    };
    const Rows all{"create mage", "create other", "create-container mage"};
    CHECK(changes_of(bench_of().guarded()) == all);

    Bench paused = bench_of();
    paused.state.pauses = {{"mage", "", "root", midday}};
    CHECK(held_of(paused.guarded()) == Rows{"paused create mage", "paused create-container mage"});

    Bench waiting = bench_of();
    waiting.mage().first_use = FirstUse::approve;
    const Plan held = waiting.guarded();
    CHECK(held_of(held) ==
          Rows{"awaiting-approval create mage", "awaiting-approval create-container mage"});
    CHECK(held.hash() == waiting.plan().hash());
    waiting.approved = {held.hash()};
    CHECK(changes_of(waiting.guarded()) == all);

    // Another rule needs it, too.
    Bench shared = bench_of();
    shared.world.account(shared.other(), "corp.test");
    shared.state.pauses = {{"mage", "", "root", midday}};
    CHECK(changes_of(shared.guarded()) ==
          Rows{"create other", "create other", "create-container mage"});
    CHECK(held_of(shared.guarded()) == Rows{"paused create mage"});
}

namespace {

struct ContainerRow {
    const char* name;
    std::function<void(Change&)> edit; ///< of the one held change, a create below the container
    bool needed;                       ///< the container goes with it
};

} // namespace

TEST_CASE("guard: what is in a container lies below it, in its domain of its forest") {
    const std::vector<ContainerRow> rows{
        {"a create in it", [](Change&) {}, true},
        {"elsewhere", [](Change& c) { c.dn = c.nc.child("CN", "svc"); }, false},
        {"in another domain", [](Change& c) { c.domain = DomainName("apac.corp.test"); }, false},
        {"in another forest", [](Change& c) { c.forest = "other"; }, false},
        {"renamed into it",
         [](Change& c) {
             c.op = Op::rename;
             c.new_dn = std::exchange(c.dn, c.nc.child("CN", "svc"));
         },
         true},
        {"renamed out of it",
         [](Change& c) {
             c.op = Op::rename;
             c.new_dn = c.nc.child("CN", "svc");
         },
         false},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        Change container;
        container.op = Op::create_container;
        container.rule = "mage";
        container.forest = "corp";
        container.domain = DomainName("corp.test");
        container.nc = Dn::of_domain("corp.test");
        container.dn = container.nc.child("CN", "scpd");
        Change change = container;
        change.op = Op::create;
        change.dn = container.dn.child("CN", "svc");
        row.edit(change);
        Plan plan;
        plan.changes = {container, change};
        const LimitSettings limits;
        const Plan guarded = guard(
            plan, GuardInput{limits, {}, HostState{{{"mage", "", "root", midday}}, {}}, {}, {}});
        CHECK(changes_of(guarded) == (row.needed ? Rows{} : Rows{"create-container mage"}));
        Rows held{"paused " + to_string(change.op) + " mage"};
        if (row.needed)
            held.emplace_back("paused create-container mage");
        std::ranges::sort(held);
        CHECK(held_of(guarded) == held);
    }
}

// ---- which changes the plan calls a first use

namespace {

struct FirstUseRow {
    const char* name;
    std::function<void(World&)> arrange;
    Op op;
    bool first_use;
};

} // namespace

TEST_CASE("plan: a source is new while no copy of ours anywhere has come from it") {
    const auto copy = [](World& world, const char* in, const char* rule = "mage") {
        Rule of = a_rule();
        of.name = rule;
        return an_scp().in(in).number(9).copy_of(world.domain("emea.corp.test").scps[0], of);
    };
    const auto replaced = [](World& world) {
        auto& sources = world.domain("emea.corp.test").scps;
        world.add(an_scp().in("corp.test").number(9).copy_of(sources[0], a_rule()));
        world.observation.fates.push_back(
            {sources[0].guid, DomainName("emea.corp.test"), SourceFate::State::absent, {}, ""});
        sources[0].guid = guid_number(7);
    };
    const std::vector<FirstUseRow> rows{
        {"no copy", [](World&) {}, Op::create, true},
        {"a copy in another domain",
         [&](World& world) { world.add(copy(world, "apac.corp.test")); }, Op::create, false},
        {"of a rule that is gone",
         [&](World& world) { world.add(copy(world, "apac.corp.test", "gone")); }, Op::create,
         false},
        {"another instance's",
         [&](World& world) {
             world.add(an_scp()
                           .in("apac.corp.test")
                           .number(9)
                           .copy_of(world.domain("emea.corp.test").scps[0], a_rule(), "another"));
         },
         Op::create, true},
        {"a forged one: not our owner",
         [&](World& world) {
             auto& view = world.domain("apac.corp.test");
             view.has_owners = true;
             view.our_sids = {sid_number(1000)};
             world.add(copy(world, "apac.corp.test").owned_by(1001));
         },
         Op::create, true},
        {"our owner",
         [&](World& world) {
             auto& view = world.domain("apac.corp.test");
             view.has_owners = true;
             view.our_sids = {sid_number(1000)};
             world.add(copy(world, "apac.corp.test").owned_by(1000));
         },
         Op::create, false},
        {"a forged one: a place where no rule writes",
         [&](World& world) {
             world.add(copy(world, "apac.corp.test").below("CN=planted,CN=System"));
         },
         Op::create, true},
        {"its own copy, changed since",
         [&](World& world) {
             world.add(copy(world, "corp.test"));
             world.domain("emea.corp.test").scps[0].attributes["description"] = {"new"};
         },
         Op::update, false},
        {"another source in its place", replaced, Op::update, true},
        {"another source in its place, copied elsewhere",
         [&](World& world) {
             replaced(world);
             world.add(an_scp()
                           .in("apac.corp.test")
                           .number(10)
                           .copy_of(world.domain("emea.corp.test").scps[0], a_rule()));
         },
         Op::update, true},
        {"another source preferred, and the copy's name was changed",
         [&](World& world) {
             world.rules[0].prefer = {DomainName("apac.corp.test")};
             world.settings.rules = world.rules;
             world.add(
                 an_scp().in("apac.corp.test").number(7).with_keyword("mage").with_binding("b2"));
             Scp& mine = world.add(copy(world, "corp.test"));
             mine.name = "renamed";
             mine.dn = mine.dn.parent().child("CN", "renamed");
         },
         Op::rename, true},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        World world;
        for (const auto* name : {"corp.test", "emea.corp.test", "apac.corp.test"})
            world.domain(name);
        Rule rule = a_rule();
        world.account(rule, "corp.test");
        world.add_rule(rule);
        world.add(an_scp().with_keyword("mage").with_binding("b1"));
        row.arrange(world);
        const Plan plan = world.plan();
        CAPTURE(render(plan));
        const auto at = std::ranges::find(plan.changes, DomainName("corp.test"), &Change::domain);
        REQUIRE(at != plan.changes.end());
        CHECK(at->op == row.op);
        CHECK(at->first_use == row.first_use);
    }
}
