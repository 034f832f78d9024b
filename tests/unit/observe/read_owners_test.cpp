#include "observe/read_owners.hpp"

#include "unit/observe/forest_bench.hpp"

#include <doctest/doctest.h>

using namespace scp;
using namespace scp::test;

namespace {

using Kind = AccountQuery::Kind;

constexpr unsigned admins = 512;
constexpr unsigned person = 1105;

/// Some people and groups of a forest, and an SCP of each of three owners.
void populate(ForestBench& bench) {
    const auto principal = [&](const std::string& domain, const std::string& name, unsigned rid,
                               Attributes more = {}) {
        more["objectSid"] = {sid_number(rid).bytes()};
        bench.put_account(domain, name, more);
    };
    principal("corp.test", "Domain Admins", admins, {{"objectClass", {"group"}}});
    principal("emea.corp.test", "person", person,
              {{"tokenGroups", {sid_number(513).bytes(), sid_number(admins).bytes()}}});
    principal("tree.test", "twin", 1200);
    principal("tree.test", "twin2", 1201, {{"sAMAccountName", {"twin"}}});
    const auto owned = [&](const std::string& name, unsigned rid) {
        bench.put_scp("emea.corp.test", name,
                      {{"nTSecurityDescriptor", {make_security_descriptor(sid_number(rid))}}});
    };
    owned("of-admins", admins);
    owned("of-person", person);
    owned("of-nobody", 1999);
}

std::string text_of(const Observation& seen) {
    std::string text;
    for (const auto& owner : seen.owners)
        text += printable(owner.query.text) + ": " +
                (owner.sid ? owner.sid->to_string() : owner.unresolved) + "\n";
    for (const auto& one : seen.owner_groups) {
        text += one.owner.to_string() + " in";
        for (const auto& group : one.groups)
            text += " " + group.to_string();
        text += (one.error ? " " + said(one.error) : "") + "\n";
    }
    return text;
}

} // namespace

TEST_CASE("observe: owners who are asked for") {
    struct Row {
        std::string name;
        std::vector<AccountQuery> owners;
        std::string seen;
    };
    const std::string sid = sid_number(admins).to_string();
    const std::string of_admins =
        sid_number(person).to_string() + " in " + sid + " " + sid_number(513).to_string() + "\n";
    const std::string of_nobody = sid_number(1999).to_string() + " in\n";
    const std::vector<Row> rows{
        {"nobody is: nothing is read", {}, ""},
        {"a SID", {{Kind::sid, "", sid}}, sid + ": " + sid + "\n" + of_admins + of_nobody},
        {"a name",
         {{Kind::sam, "", "CORP\\Domain Admins"}},
         "CORP\\\\Domain Admins: " + sid + "\n" + of_admins + of_nobody},
        {"a name by the domain's DNS name, in another case",
         {{Kind::sam, "", "Corp.Test\\domain admins"}},
         "Corp.Test\\\\domain admins: " + sid + "\n" + of_admins + of_nobody},
        {"a name that nobody has",
         {{Kind::sam, "", "CORP\\nix"}},
         "CORP\\\\nix: nobody has that name\n" + of_admins + of_nobody},
        {"a name of the wrong domain",
         {{Kind::sam, "", "TREE\\person"}},
         "TREE\\\\person: nobody has that name\n" + of_admins + of_nobody},
        {"a name that several have",
         {{Kind::sam, "", "TREE\\twin"}},
         "TREE\\\\twin: several have that name: write the SID\n" + of_admins + of_nobody},
        {"a domain that is none",
         {{Kind::sam, "", "NIX\\person"}},
         "NIX\\\\person: no domain is called NIX: write the SID\n" + of_admins + of_nobody},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        ForestBench bench;
        populate(bench);
        bench.rules[0].trust_owners = row.owners;
        auto lines = text_of(bench.look());
        // The SIDs' order is of their bytes: only what is said of each counts.
        for (const auto& part : {of_admins, of_nobody})
            if (contains(row.seen, part))
                CHECK_MESSAGE(contains(lines, part), lines);
        CHECK(lines.substr(0, lines.find('\n')) == row.seen.substr(0, row.seen.find('\n')));
        bench.rules[0].trust_owners.clear();
        bench.settings.marker_owners = row.owners;
        CHECK(text_of(bench.look()) == lines);
    }
    SUBCASE("a domain that is down might hold the name, or the owner") {
        ForestBench bench;
        populate(bench);
        bench.rules[0].trust_owners = {{Kind::sam, "", "CORP\\Domain Admins"}};
        bench.server("corp.test").unreachable = true;
        const std::string seen = text_of(bench.look());
        CHECK_MESSAGE(contains(seen, "cannot connect to ldap://dc1.corp.test"), seen);
    }
    SUBCASE("groups that cannot be read") {
        ForestBench bench;
        populate(bench);
        bench.rules[0].trust_owners = {{Kind::sid, "", sid}};
        bench.server("tree.test").unreachable = true;
        const std::string seen = text_of(bench.look());
        CHECK_MESSAGE(contains(seen, sid_number(1999).to_string() + " in unreachable: "), seen);
        CHECK_MESSAGE(contains(seen, of_admins), seen);
    }
}

TEST_CASE("observe: names of security identifiers") {
    ForestBench bench;
    populate(bench);
    bench.put_account("tree.test", "Administrators",
                      {{"objectSid", {Sid::parse("S-1-5-32-544")->bytes()}}});
    bench.look();
    const auto names =
        names_of(bench.topology, *bench.sessions,
                 {sid_number(person), sid_number(1999), *Sid::parse("S-1-5-32-544")});
    std::string text;
    for (const auto& [sid, name] : names)
        text += sid.to_string() + " " + name + "\n";
    CHECK(text == "S-1-5-32-544 BUILTIN\\Administrators\n" + sid_number(person).to_string() +
                      " emea\\person\n");
}
