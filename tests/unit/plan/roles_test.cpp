#include "plan/roles.hpp"

#include "support/world.hpp"

#include <doctest/doctest.h>

using namespace scp;
using namespace scp::test;

namespace {

/// corp and apac are targets; corp, emea and apac are trusted; tree is read but of no account's
/// forest.
World two_domains() {
    World world;
    for (const auto& name : {"corp.test", "emea.corp.test", "apac.corp.test"})
        world.domain(name);
    world.domain("tree.test", "other");
    auto& owned = world.domain("emea.corp.test");
    owned.has_owners = true;
    owned.our_sids = {sid_number(1000)};
    Rule rule = a_rule();
    world.account(rule, "corp.test");
    world.account(rule, "apac.corp.test");
    world.add_rule(rule);
    return world;
}

struct RoleRow {
    const char* name;
    Scp scp;
    Role role;
    std::optional<Reason> why;
};

} // namespace

TEST_CASE("roles: what an SCP is to a rule") {
    const World world = two_domains();
    const Rule& rule = world.rules.front();
    const Scp source = an_scp().with_keyword("mage").with_binding("b");
    const auto mage = [] { return an_scp().with_keyword("mage"); };
    const auto copy = [&] { return an_scp().number(2).in("corp.test").copy_of(source, rule); };
    Rule renamed = rule;
    renamed.name = "renamed";
    Scp astray = mage();
    astray.nc = Dn::of_domain("elsewhere.test");
    const std::vector<RoleRow> rows{
        {"a source", source, Role::source, {}},
        {"keywords without case", an_scp().with_keyword("MAGE"), Role::source, {}},
        {"another keyword", an_scp().with_keyword("other"), Role::unrelated, {}},
        {"no keywords", an_scp(), Role::unrelated, {}},
        {"in a target: it would be mirrored to the other one",
         mage().in("corp.test"),
         Role::source,
         {}},
        {"below a computer", mage().below("CN=PC1,CN=Computers"), Role::untrusted,
         Reason::untrusted_place},
        {"outside its naming context", astray, Role::untrusted, Reason::untrusted_place},
        {"excluded", mage().below("CN=Policies,CN=System"), Role::untrusted,
         Reason::untrusted_place},
        {"another forest", mage().in("tree.test", "other"), Role::untrusted,
         Reason::untrusted_domain},
        {"a conflict object", mage().conflict(), Role::untrusted, Reason::name_collision},
        {"a copy", copy(), Role::copy, {}},
        {"a copy elsewhere", copy().below("CN=Other,CN=System"), Role::suspect,
         Reason::suspect_marker},
        {"a copy with edited keywords",
         copy().without("keywords").with_keyword("typo"),
         Role::copy,
         {}},
        {"a copy of a renamed rule", copy().copy_of(source, renamed), Role::copy, {}},
        {"a copy of another rule",
         copy().copy_of(source, renamed).without("keywords"),
         Role::unrelated,
         {}},
        {"a copy of our owner", copy().in("emea.corp.test").owned_by(1000), Role::copy, {}},
        {"a copy of another owner", copy().in("emea.corp.test").owned_by(513), Role::suspect,
         Reason::suspect_marker},
        {"a copy of no known owner", copy().in("emea.corp.test"), Role::suspect,
         Reason::suspect_marker},
        {"a copy in a domain that was not read", copy().in("new.test"), Role::suspect,
         Reason::suspect_marker},
        {"malformed marker", mage().marked("scpd1;x"), Role::suspect, Reason::suspect_marker},
        {"malformed marker, no keyword", an_scp().marked("scpd1;x"), Role::unrelated, {}},
        {"foreign", copy().copy_of(source, rule, "staging"), Role::foreign, {}},
        {"foreign, untrusted place", copy().copy_of(source, rule, "staging").below("CN=Computers"),
         Role::suspect, Reason::suspect_marker},
        {"foreign, no keyword",
         copy().copy_of(source, rule, "staging").without("keywords"),
         Role::unrelated,
         {}},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const RoleOf role = role_of(row.scp, rule, world.input());
        CHECK(to_string(role.role) == to_string(row.role));
        CHECK(role.why == row.why);
    }
}

TEST_CASE("roles: with one target, what lies in it is native there") {
    World world;
    world.domain("corp.test");
    world.domain("emea.corp.test");
    Rule rule = a_rule();
    rule.trust_domains = {DomainName("emea.corp.test")};
    world.account(rule, "corp.test");
    world.add_rule(rule);
    const Scp native = an_scp().with_keyword("mage").in("corp.test");
    CHECK(role_of(native, rule, world.input()).role == Role::native);
    const Scp planted = an_scp().with_keyword("mage").in("corp.test").below("CN=PC1,CN=Computers");
    CHECK(role_of(planted, rule, world.input()).role == Role::untrusted);
}

TEST_CASE(
    "roles: where sources are looked for in the Configuration NC alone, and where they are not") {
    World world;
    world.domain("corp.test");
    world.domain("emea.corp.test");
    world.domain(corp_configuration);
    Rule there = a_rule("there");
    there.in_domains = false;
    there.in_configuration = true;
    there.configuration_containers = default_configuration_containers();
    world.account(there, "corp.test");
    world.add_rule(there);
    Rule in_domains = a_rule("domains");
    world.account(in_domains, "corp.test");
    world.add_rule(in_domains);
    const auto mage = [](const std::string& in) { return an_scp().with_keyword("mage").in(in); };
    const Scp theirs =
        mage(corp_configuration).copy_of(mage("emea.corp.test"), in_domains, "staging");
    struct Row {
        const char* name;
        Scp scp;
        std::string there, in_domains;
    };
    const std::vector<Row> rows{
        {"in it", mage(corp_configuration), "source", "unrelated"},
        {"in it, elsewhere", mage(corp_configuration).below("CN=Sites"), "untrusted", "unrelated"},
        {"in a domain", mage("emea.corp.test"), "unrelated", "source"},
        {"in the target", mage("corp.test"), "native", "native"},
        {"in the target, elsewhere", mage("corp.test").below("CN=Users"), "untrusted", "untrusted"},
        {"foreign, in it", theirs, "suspect", "unrelated"},
    };
    const auto role = [&](const Scp& scp, const Rule& rule) {
        return role_of(scp, rule, world.input());
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        CHECK(to_string(role(row.scp, there).role) == row.there);
        CHECK(to_string(role(row.scp, in_domains).role) == row.in_domains);
    }
    CHECK(role(mage("corp.test").below("CN=Users"), there).why == Reason::untrusted_native);
    CHECK(role(mage("corp.test").below("CN=Users"), in_domains).why == Reason::untrusted_place);
}

TEST_CASE("roles: match.in is part of the filter's hash, and its default is not") {
    Rule rule = a_rule();
    const auto as_ever = selector_hash(rule);
    rule.in_configuration = true;
    const auto both = selector_hash(rule);
    rule.in_domains = false;
    CHECK(both != as_ever);
    CHECK(selector_hash(rule) != both);
    CHECK(selector_hash(rule) != as_ever);
}

TEST_CASE("roles: a rule without any target still says what its sources are") {
    World world;
    world.domain("emea.corp.test");
    Rule rule = a_rule();
    rule.trust_domains = {DomainName("emea.corp.test")};
    CHECK(role_of(an_scp().with_keyword("mage"), rule, world.input()).role == Role::source);
}

TEST_CASE("roles: every role has a name of its own") {
    std::set<std::string> names;
    for (const auto role : {Role::source, Role::copy, Role::native, Role::foreign, Role::suspect,
                            Role::untrusted, Role::unrelated})
        CHECK(names.insert(to_string(role)).second);
}

TEST_CASE(
    "roles: hashes of a rule's match and attributes depend on nothing else, nor on order or case") {
    const Rule rule = a_rule();
    Rule same = rule;
    same.name = "renamed";
    same.mode = Mode::observe;
    same.keywords = {"MAGE", "mage"};
    same.attributes = {"Description", "SERVICECLASSNAME", "serviceBindingInformation"};
    CHECK(selector_hash(same) == selector_hash(rule));
    CHECK(attributes_hash(same) == attributes_hash(rule));

    Rule other = rule;
    other.keywords.emplace_back("more");
    CHECK(selector_hash(other) != selector_hash(rule));
    other = rule;
    other.name_glob = "m*";
    CHECK(selector_hash(other) != selector_hash(rule));
    other = rule;
    other.attributes.emplace_back("vendor");
    CHECK(attributes_hash(other) != attributes_hash(rule));
}

TEST_CASE(
    "roles: copied content is the keywords and the rule's attributes, values once without case") {
    const Scp scp = an_scp()
                        .with_keyword("mage")
                        .with("servicebindinginformation", "b")
                        .with("servicebindinginformation", "a")
                        .with("description", "X")
                        .with("description", "x")
                        .with("vendor", "not in the list");
    const Attributes content = copied_content(scp, a_rule());
    CHECK(content == Attributes{{"keywords", {"mage"}},
                                {"serviceBindingInformation", {"a", "b"}},
                                {"description", {"X"}}});
}
