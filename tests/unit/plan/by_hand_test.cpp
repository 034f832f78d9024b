#include "plan/by_hand.hpp"

#include "support/world.hpp"

#include <doctest/doctest.h>

using namespace scp;
using namespace scp::test;

namespace {

const char* const corp = "corp.test";
const char* const emea = "emea.corp.test";
const char* const apac = "apac.corp.test";

/// corp is the target, emea and apac are trusted; in `owned` worlds servers keep owners, and we are
/// 1000.
World a_world(bool owned = false) {
    World world;
    for (const auto& name : {corp, emea, apac}) {
        auto& view = world.domain(name);
        view.has_owners = owned;
        view.our_sids = {sid_number(1000)};
    }
    Rule rule = a_rule();
    world.account(rule, corp);
    world.add_rule(rule);
    return world;
}

ScpBuilder mage() {
    return an_scp().with_keyword("mage").with_binding("b");
}

ScpBuilder copy() {
    return an_scp().number(2).in(corp).copy_of(mage(), a_rule());
}

std::string marker_of(const ScpBuilder& scp) {
    return scp.build().marker_value;
}

/// "op", "already", or the reason of the refusal.
std::string short_of(const HandVerdict& verdict) {
    if (verdict.change)
        return to_string(verdict.change->op);
    return verdict.held ? to_string(verdict.held->reason) : "already";
}

Rule renamed() {
    Rule rule = a_rule("gone");
    rule.keywords = {"gone"};
    return rule;
}

} // namespace

TEST_CASE("by hand: what delete and release do with each kind of SCP") {
    struct Row {
        const char* name;
        bool owners;
        Scp scp;
        std::string deleted;
        std::string released;
        std::string force_deleted = "delete";
        std::string force_released = "mark";
    };
    const auto suspect = std::string("suspect-marker");
    const std::vector<Row> rows{
        {"a copy", false, copy(), "delete", "mark"},
        {"a copy of our owner", true, copy().owned_by(1000), "delete", "mark"},
        {"a copy of another owner", true, copy().owned_by(513), suspect, suspect},
        {"a copy of no known owner", true, copy(), suspect, suspect},
        {"a copy moved away, owned by us", true, copy().owned_by(1000).below("CN=Other,CN=System"),
         "copy-moved", "copy-moved"},
        {"a copy moved away, without owners", false, copy().below("CN=Other,CN=System"), suspect,
         suspect},
        {"a copy whose rule is gone", false,
         an_scp().number(2).in(corp).copy_of(an_scp().with_keyword("gone"), renamed()), "delete",
         "mark"},
        {"a copy with edited keywords", false, copy().without("keywords").with_keyword("typo"),
         "delete", "mark"},
        {"another instance's", false, copy().copy_of(mage(), a_rule(), "staging"), "foreign-owner",
         "foreign-owner"},
        {"a malformed marker", false, mage().in(corp).marked("scpd1;x"), suspect, suspect},
        {"a newer marker", false, mage().in(corp).marked(marker_of(copy()) + ";new=1"), suspect,
         suspect},
        {"a native", false, mage().in(corp), "by-hand", "already", "delete", "already"},
        {"a source", false, mage(), "by-hand", "already", "delete", "already"},
        {"unrelated", false, an_scp(), "by-hand", "already", "delete", "already"},
        {"two markers", false, copy().with("msDS-Settings", "scpd1;x"), "delete", suspect, "delete",
         suspect},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        const World world = a_world(row.owners);
        CHECK(short_of(deletion(row.scp, world.input(), false)) == row.deleted);
        CHECK(short_of(releasing(row.scp, world.input(), false)) == row.released);
        CHECK(short_of(deletion(row.scp, world.input(), true)) == row.force_deleted);
        CHECK(short_of(releasing(row.scp, world.input(), true)) == row.force_released);
    }
}

TEST_CASE("by hand: what no rule may have written is not ours, whichever rule is asked first") {
    struct HandRow {
        const char* name;
        const char* first;  ///< container of the rule that comes first
        const char* second; ///< of the other one; both match
        Scp scp;
        std::string deleted;
        std::string detail;
    };
    const std::string suspect = "suspect-marker";
    const std::string outside =
        "it carries our marker, but lies outside the place that the rule writes to";
    const std::vector<HandRow> rows{
        {"where the first one writes", "CN=scpd,CN=System", "CN=b,CN=System", copy(), "delete", ""},
        {"where the second one writes", "CN=b,CN=System", "CN=scpd,CN=System", copy(), "delete",
         ""},
        {"where neither writes", "CN=a,CN=System", "CN=b,CN=System", copy(), suspect, outside},
        {"in a domain that was not read", "CN=scpd,CN=System", "CN=b,CN=System",
         copy().in("new.test"), suspect,
         "it carries our marker, but is not known to be owned by us"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        World world = a_world();
        Rule second = a_rule("second");
        world.rules.front().container.relative = *Dn::parse(row.first);
        second.container.relative = *Dn::parse(row.second);
        world.add_rule(second);
        const HandVerdict verdict = deletion(row.scp, world.input(), false);
        CHECK(short_of(verdict) == row.deleted);
        CHECK((verdict.held ? verdict.held->detail : "") == row.detail);
    }
}

TEST_CASE("by hand: a delete knows what it deletes, and marks it first") {
    const World world = a_world();
    const Scp scp = copy().with("vendor", "x").with("whenChanged", "differs on each DC");
    const Change change = *deletion(scp, world.input(), false).change;
    CHECK(change.reason == Reason::by_hand);
    CHECK(change.rule == "mage");
    CHECK((change.guid == scp.guid));
    CHECK((change.before == Attributes{{"keywords", {"mage"}},
                                       {"serviceBindingInformation", {"b"}},
                                       {"vendor", {"x"}}}));
    CHECK(change.after.empty());
    CHECK(change.marker_before == scp.marker_value);
    CHECK((parse_marker(change.marker_after)->gone == world.now));

    const Scp forced = mage().in(corp).marked("SCPD1;x");
    const Change of_forced = *deletion(forced, world.input(), true).change;
    CHECK(of_forced.marker_before == "SCPD1;x"); // swapped with itself: the check remains
    CHECK(of_forced.marker_after.empty());
    CHECK(deletion(mage(), world.input(), true).change->marker_before.empty());
}

TEST_CASE("by hand: a release takes off the marker and nothing else") {
    const World world = a_world();
    const Scp scp = copy();
    const Change change = *releasing(scp, world.input(), false).change;
    CHECK(change.op == Op::mark);
    CHECK((change.before == change.after));
    CHECK(change.marker_before == scp.marker_value);
    CHECK(change.marker_after.empty());
}

namespace {

ScpBuilder native() {
    return mage().number(2).in(corp).below("CN=scpd,CN=System");
}

struct AdoptRow {
    const char* name;
    std::vector<Scp> others; ///< besides the object
    Scp object;
    std::string outcome;
    std::string from_instance{};
    int from = -1;  ///< index of --from in `others`
    int source = 0; ///< index in `others` of the one taken
    bool owners = false;
};

HandVerdict adopt(World& world, const AdoptRow& row) {
    for (const Scp& scp : row.others)
        world.add(scp);
    world.add(row.object);
    AdoptWish wish;
    wish.from_instance = row.from_instance;
    if (row.from >= 0)
        wish.from = &row.others.at(static_cast<std::size_t>(row.from));
    return adoption(row.object, world.rules.front(), wish, world.input());
}

} // namespace

TEST_CASE("by hand: what adopt puts the marker on") {
    const auto foreign = [] { return copy().copy_of(mage(), a_rule(), "old"); };
    const std::vector<AdoptRow> rows{
        {"equal to its source", {mage()}, native(), "mark"},
        {"content that differs is for the next cycle",
         {mage().with_binding("c")},
         native(),
         "mark"},
        {"sources that agree", {mage(), mage().number(3).in(apac)}, native(), "mark"},
        {"sources that disagree",
         {mage(), mage().number(3).in(apac).with_binding("c")},
         native(),
         "sources-disagree"},
        {"sources that disagree, one named",
         {mage(), mage().number(3).in(apac).with_binding("c")},
         native(),
         "mark",
         "",
         1,
         1},
        {"no source", {}, native(), "source-not-seen"},
        {"a source of another name", {mage().named("other")}, native(), "source-not-seen"},
        {"a source of another name, named", {mage().named("other")}, native(), "mark", "", 0},
        {"a source in an untrusted place",
         {mage().below("CN=Computers")},
         native(),
         "untrusted-place"},
        {"that named", {mage().below("CN=Computers")}, native(), "untrusted-place", "", 0},
        {"a trusted source beside an untrusted one",
         {mage().below("CN=Computers"), mage().number(3).in(apac)},
         native(),
         "mark",
         "",
         -1,
         1},
        {"a source in an untrusted domain",
         {mage().in("other.test", "other")},
         native(),
         "untrusted-domain",
         "",
         0},
        {"a source that the rule does not match",
         {an_scp().with_keyword("other")},
         native(),
         "source-unmatched",
         "",
         0},
        {"a source in the same domain", {mage().in(corp)}, native(), "not-a-target", "", 0},
        {"a source that is marked", {mage().marked("scpd1;x")}, native(), "source-marked", "", 0},
        {"a source that is a conflict object",
         {mage().conflict()},
         native(),
         "name-collision",
         "",
         0},
        {"not where copies go",
         {mage()},
         native().below("CN=Product,CN=System"),
         "untrusted-place"},
        {"not in a target", {mage()}, native().in(apac), "not-a-target"},
        {"a conflict object", {mage()}, native().conflict(), "name-collision"},
        {"ours already", {mage()}, copy(), "already"},
        {"ours already, that source named", {mage()}, copy(), "already", "", 0},
        {"ours already, of another source",
         {mage(), mage().number(3).in(apac)},
         copy(),
         "by-hand",
         "",
         1},
        {"ours already, by another rule",
         {mage()},
         copy().copy_of(mage(), a_rule("other")),
         "by-hand"},
        {"our marker, another's object",
         {mage()},
         copy().owned_by(513),
         "suspect-marker",
         "",
         -1,
         0,
         true},
        {"a conflict object of its name elsewhere",
         {mage().conflict()},
         native(),
         "source-not-seen"},
        {"a copy is there already", {mage(), copy().number(4)}, native(), "duplicate"},
        {"a copy of another source is there",
         {mage(), copy().number(4).copy_of(mage().number(8), a_rule())},
         native(),
         "mark"},
        {"another instance's copy of it is there",
         {mage(), copy().number(4).copy_of(mage(), a_rule(), "another")},
         native(),
         "mark"},
        {"a copy of it is in another domain",
         {mage(), copy().number(4).in(apac)},
         native(),
         "mark"},
        {"a malformed marker", {mage()}, native().marked("scpd1;x"), "suspect-marker"},
        {"two markers",
         {mage()},
         foreign().with("msDS-Settings", "scpd1;x"),
         "suspect-marker",
         "old"},
        {"another instance's", {mage()}, foreign(), "foreign-owner"},
        {"another instance's, named", {mage()}, foreign(), "mark", "old"},
        {"another instance's, named without case", {mage()}, foreign(), "mark", "OLD"},
        {"another instance's, another named", {mage()}, foreign(), "foreign-owner", "older"},
        {"an instance named, and no marker", {mage()}, native(), "by-hand", "old"},
        {"another instance's, its source replaced by one of the same name",
         {mage().number(9)},
         foreign(),
         "mark",
         "old"},
        {"another instance's, its source moved out of trust",
         {mage().below("CN=Computers")},
         foreign(),
         "untrusted-place",
         "old"},
        {"owned by us", {mage()}, native().owned_by(1000), "mark", "", -1, 0, true},
        {"owned by another", {mage()}, native().owned_by(513), "untrusted-owner", "", -1, 0, true},
    };
    for (const AdoptRow& row : rows) {
        CAPTURE(row.name);
        World world = a_world(row.owners);
        const HandVerdict verdict = adopt(world, row);
        CHECK(short_of(verdict) == row.outcome);
        if (verdict.held)
            CHECK_FALSE(verdict.held->hint.empty());
        if (!verdict.change)
            continue;
        const Change& change = *verdict.change;
        const Scp& source = row.others.at(static_cast<std::size_t>(row.source));
        const auto marker = parse_marker(change.marker_after);
        REQUIRE(marker);
        CHECK(marker->source == source.guid);
        CHECK((change.source == SourceRef{source.dn, source.domain, source.guid}));
        CHECK(marker->instance == "prod");
        CHECK(change.marker_before == row.object.marker_value);
        CHECK((change.before == change.after));
        CHECK(change.reason == Reason::by_hand);
    }
}

TEST_CASE("by hand: an account that is unresolved leaves it open whether a copy is needed") {
    World world = a_world();
    world.observation.accounts.front().unresolved = "not found";
    world.observation.accounts.front().locations.clear();
    CHECK(short_of(adopt(world, {"", {mage()}, native(), ""})) == "account-unresolved");
}

TEST_CASE("by hand: what lies in a domain that was not read is not known to be ours to be") {
    World world = a_world();
    world.add(mage());
    const HandVerdict verdict =
        adoption(native().in("new.test"), world.rules.front(), {}, world.input());
    REQUIRE(verdict.held);
    CHECK(verdict.held->reason == Reason::untrusted_owner);
}

TEST_CASE("by hand: disagreeing sources, and the rule prefers a domain") {
    const auto one = [](unsigned long long n, const char* domain, const char* binding) {
        return mage().number(n).in(domain).with_binding(binding).build();
    };
    struct PreferRow {
        const char* name;
        std::vector<DomainName> prefer;
        std::vector<Scp> sources;
        std::optional<unsigned long long> taken; ///< empty: sources-disagree, and all are named
    };
    const DomainName to_emea(emea), to_apac(apac), to_tree("tree.test");
    const std::vector<PreferRow> rows{
        {"none preferred", {}, {one(1, emea, "x"), one(3, apac, "y")}, {}},
        {"one of them", {to_apac}, {one(1, emea, "x"), one(3, apac, "y")}, 3},
        {"the first that has any", {to_tree, to_emea}, {one(1, emea, "x"), one(3, apac, "y")}, 1},
        {"only one that has none", {to_tree}, {one(1, emea, "x"), one(3, apac, "y")}, {}},
        {"several there that agree",
         {to_apac},
         {one(1, emea, "x"), one(5, apac, "y"), one(3, apac, "y")},
         3},
        {"several there that do not, and the next is not asked",
         {to_apac, to_emea},
         {one(1, emea, "x"), one(3, apac, "y"), one(5, apac, "z")},
         {}},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        World world = a_world();
        world.rules.front().prefer = row.prefer;
        const HandVerdict verdict = adopt(world, {"", row.sources, native(), ""});
        REQUIRE(verdict.change.has_value() == row.taken.has_value());
        if (row.taken) {
            CHECK((verdict.change->source->guid == guid_number(*row.taken)));
            continue;
        }
        CHECK(verdict.held->reason == Reason::sources_disagree);
        CHECK(verdict.held->sources.size() == row.sources.size());
    }
}

TEST_CASE("by hand: what was parked stays parked, a retire mark does not come along") {
    World world = a_world();
    Marker marker = *copy().build().marker;
    marker.instance = "old";
    marker.gone = world.now;
    marker.parked = world.now;
    const auto verdict = adopt(world, {"", {mage()}, copy().marked(to_string(marker)), "", "old"});
    REQUIRE(verdict.change);
    const auto after = parse_marker(verdict.change->marker_after);
    CHECK((after->parked == world.now));
    CHECK_FALSE(after->gone);
}

TEST_CASE("by hand: what is adopted is in sync, or is what the next cycle repairs as was said") {
    const std::vector<std::pair<const char*, Scp>> rows{
        {"equal", mage()},
        {"another binding", mage().with_binding("c")},
        {"another name", mage().named("Other")},
        {"the name in another case", mage().named("SVC")},
    };
    for (const auto& [name, source] : rows) {
        CAPTURE(name);
        World world = a_world();
        const Scp object = native();
        const auto verdict = adopt(world, {"", {source}, object, "", "", 0});
        REQUIRE(verdict.change);
        Plan plan;
        plan.changes = {*verdict.change};
        world.apply(plan);
        const Plan next = world.plan();
        const auto said = repair_after_adoption(object, source, world.rules.front());
        CHECK(next.held.empty());
        REQUIRE(next.changes.size() == (said ? 1 : 0));
        if (!said) {
            CHECK(next.in_sync == 1);
            continue;
        }
        CHECK(next.changes.front().id() == said->id());
        CHECK(next.changes.front().reason == said->reason);
    }
}

TEST_CASE("by hand: resume takes parked off a copy of ours, and nothing else") {
    struct Row {
        const char* name;
        ScpBuilder scp;
        std::string expected;
    };
    Marker parked = *copy().build().marker;
    parked.parked = parse_rfc3339("2026-01-02T03:04:05Z");
    parked.gone = parse_rfc3339("2026-01-01T03:04:05Z");
    Marker foreign = parked;
    foreign.instance = "another";
    const std::vector<Row> rows{
        {"parked", copy().marked(parked), "mark"},
        {"not parked", copy(), "already"},
        {"no marker", mage().in(corp), "by-hand"},
        {"another instance's", copy().marked(foreign), "foreign-owner"},
        {"not well formed", copy().marked("scpd1;nonsense"), "suspect-marker"},
        {"outside the place that the rule writes to",
         copy().marked(parked).below("CN=Other,CN=System"), "suspect-marker"},
        {"several markers", copy().marked(parked).with("msDS-Settings", "scpd1;another"),
         "suspect-marker"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        World world = a_world();
        const Scp& scp = world.add(row.scp);
        const HandVerdict verdict = unparking(scp, world.input());
        CHECK(short_of(verdict) == row.expected);
        if (!verdict.change)
            continue;
        CHECK(verdict.change->reason == Reason::by_hand);
        CHECK(verdict.change->before == verdict.change->after);
        CHECK(verdict.change->marker_before == scp.marker_value);
        Marker after = parked;
        after.parked.reset();
        CHECK(verdict.change->marker_after == to_string(after));
    }
    World owned = a_world(true);
    const Scp& planted = owned.add(copy().marked(parked).owned_by(2000));
    CHECK(short_of(unparking(planted, owned.input())) == "suspect-marker");
}
