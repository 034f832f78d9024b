#include "forest/partitions.hpp"

#include "unit/observe/forest_bench.hpp"

#include <doctest/doctest.h>

using namespace scp;
using namespace scp::test;

namespace {

std::unique_ptr<Directory> open(MemoryForest& forest, const std::string& host) {
    Endpoint endpoint;
    endpoint.uri = {ServerUri::Scheme::ldap, host, 389};
    auto session = forest.connect(endpoint, {});
    REQUIRE(session);
    return std::move(*session);
}

Attributes crossref(const std::string& nc, const std::string& flags, Attributes more = {}) {
    Attributes attributes{
        {"objectClass", {"crossRef"}}, {"nCName", {nc}}, {"systemFlags", {flags}}};
    for (auto& [key, values] : more)
        attributes[key] = std::move(values);
    return attributes;
}

/// "EMEA emea.corp.test <- corp.test"
std::string line(const Domain& domain) {
    return domain.netbios + " " + domain.name.text() +
           (domain.parent ? " <- " + domain.parent->text() : "");
}

} // namespace

TEST_CASE("partitions: the domains of a forest, over disjoint trees") {
    ForestBench bench({"corp.test"});
    const Dn at = bench.partitions();
    const std::string corp_ref = at.child("CN", "corp").text();
    bench.configuration->put(at.child("CN", "EMEA"), crossref("DC=emea,DC=corp,DC=test", "3",
                                                              {{"dnsRoot", {"emea.corp.test"}},
                                                               {"nETBIOSName", {"EUROPE"}},
                                                               {"trustParent", {corp_ref}}}));
    bench.configuration->put(
        at.child("CN", "TREE"),
        crossref("DC=tree,DC=test", "3", {{"dnsRoot", {"tree.test"}}, {"nETBIOSName", {"TREE"}}}));
    bench.configuration->put(
        at.child("CN", "SUB"),
        crossref("DC=sub,DC=tree,DC=test", "3",
                 {{"nETBIOSName", {"SUB"}}, {"trustParent", {at.child("CN", "TREE").text()}}}));
    bench.configuration->put(at.child("CN", "Zones"),
                             crossref("DC=DomainDnsZones,DC=corp,DC=test", "5"));
    bench.configuration->put(at.child("CN", "Enterprise Configuration"),
                             crossref("CN=Configuration,DC=corp,DC=test", "1"));
    bench.configuration->put(at.child("CN", "Broken"), crossref("no DN at all", "3"));
    // Samba drops the link to a partition that it has no replica of.
    bench.configuration->put(at.child("CN", "Zones of EMEA"),
                             crossref("", "5", {{"dnsRoot", {"DomainDnsZones.emea.corp.test"}}}));
    bench.configuration->put(at.child("CN", "Schema without its name"),
                             crossref("", "1", {{"dnsRoot", {"corp.test"}}}));
    bench.configuration->put(at.child("CN", "Without flags"), crossref("DC=else,DC=where", "text"));

    const auto server = open(bench.forest, "dc1.corp.test");
    const auto forest = read_partitions("ours", *server);
    REQUIRE(forest);
    std::vector<std::string> lines;
    for (const auto& domain : forest->domains)
        lines.push_back(line(domain));
    CHECK(lines == std::vector<std::string>{
                       "corp corp.test",
                       "EUROPE emea.corp.test <- corp.test",
                       "SUB sub.tree.test <- tree.test", // its dnsRoot is not there: by its nc
                       "TREE tree.test",
                   });
    CHECK(forest->root.text() == "corp.test");
    CHECK(forest->naming_contexts.size() == 8);

    Topology topology;
    topology.forests.push_back(*forest);
    struct Row {
        std::string name;
        std::string dn;
        std::string domain;
    };
    const std::vector<Row> rows{
        {"the root itself", "DC=corp,DC=test", "corp.test"},
        {"in the root", "CN=x,CN=System,DC=corp,DC=test", "corp.test"},
        {"in a child: not in its parent", "CN=x,DC=EMEA,DC=Corp,DC=test", "emea.corp.test"},
        {"in the other tree", "CN=x,DC=tree,DC=test", "tree.test"},
        {"in a child of it", "CN=x,DC=sub,DC=tree,DC=test", "sub.tree.test"},
        {"a domain that no crossRef names looks like its parent's", "CN=x,DC=new,DC=tree,DC=test",
         "tree.test"},
        {"in the Configuration NC", "CN=x,CN=Configuration,DC=corp,DC=test", ""},
        {"in an application partition", "DC=x,DC=DomainDnsZones,DC=corp,DC=test", ""},
        {"in one whose crossRef shows its DNS name only",
         "DC=x,DC=DomainDnsZones,DC=emea,DC=corp,DC=test", ""},
        {"nowhere", "CN=x,DC=other,DC=example", ""},
        {"the empty name", "", ""},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const Domain* const found = topology.domain_of("ours", dn(row.dn));
        CHECK((found ? found->name.text() : "") == row.domain);
    }
    CHECK(topology.domain_of("another", dn("DC=corp,DC=test")) == nullptr);
    CHECK(topology.find("ours", DomainName("EMEA.corp.test")) != nullptr);
    CHECK(topology.find("ours", DomainName("gone.corp.test")) == nullptr);
}

TEST_CASE("partitions: a read that proves nothing is no forest") {
    struct Row {
        std::string name;
        std::function<void(ForestBench&, MemoryServer&)> spoil;
        std::string says;
    };
    const std::vector<Row> rows{
        {"no Active Directory",
         [](ForestBench&, MemoryServer& server) {
             server.root_dse["configurationNamingContext"] = {""};
         },
         "incomplete: ldap://dc1.corp.test names no configurationNamingContext"},
        {"CN=Partitions is not there",
         [](ForestBench& bench, MemoryServer&) { bench.configuration->remove(bench.partitions()); },
         "LDAP 32"},
        {"cut off by a size limit",
         [](ForestBench&, MemoryServer& server) { server.size_limit = 1; }, "LDAP 4"},
        {"lost after two of three",
         [](ForestBench&, MemoryServer& server) { server.entries_then_lost = 2; },
         "cannot read all of CN=Partitions"},
        {"no right to see any domain",
         [](ForestBench&, MemoryServer& server) {
             server.hidden = [](const Entry& entry, const Search&) {
                 return contains(entry.dn.text(), "CN=Partitions");
             };
         },
         "shows no domain below CN=Partitions"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        ForestBench bench;
        MemoryServer& server = bench.server("corp.test");
        row.spoil(bench, server);
        const auto session = open(bench.forest, "dc1.corp.test");
        const auto forest = read_partitions("corp", *session);
        REQUIRE_FALSE(forest);
        CHECK(contains(said(forest.error()), row.says));
        CHECK(forest.error().kind == ErrorKind::incomplete);
    }
}

TEST_CASE("partitions: the PDC emulator's role") {
    ForestBench bench;
    ForestBench plain({"corp.test"}, Flavour::openldap);
    const Dn root = dn("DC=corp,DC=test");
    const auto ad = open(bench.forest, "dc1.corp.test");
    CHECK(read_pdc_role(root, *ad).value() == bench.dsa("dc1.corp.test"));
    // Not AD: no such role, and no fault either.
    CHECK(read_pdc_role(root, *open(plain.forest, "dc1.corp.test")).value().empty());

    bench.server("corp.test").hidden = [&](const Entry& entry, const Search&) {
        return entry.dn == root;
    };
    const auto hidden = read_pdc_role(root, *ad);
    REQUIRE_FALSE(hidden);
    CHECK(contains(hidden.error().message, "does not show fSMORoleOwner of DC=corp,DC=test"));

    bench.server("corp.test").search_fault = [](const Search&) {
        return Error{ErrorKind::unreachable, "gone", "", -1};
    };
    CHECK(read_pdc_role(root, *ad).error().message == "gone");
}

TEST_CASE("partitions: what CN=Sites tells of DCs") {
    ForestBench bench;
    MemoryServer& second = bench.second_dc("corp.test", "DC2.corp.test");
    bench.make_dc(second, true);
    bench.configuration->put(bench.dsa("nameless"), {{"objectClass", {"nTDSDSA"}}});
    const auto server = open(bench.forest, "dc1.corp.test");
    const KnownDcs dcs = read_dcs(bench.configuration->nc(), *server);
    REQUIRE(dcs.size() == 4); // not the one whose server object has no name
    const KnownDc& known = dcs.at(bench.dsa("DC2.corp.test").key());
    CHECK(known.dns_name == "dc2.corp.test");
    CHECK(known.site == "hq");
    CHECK(known.gc);
    CHECK_FALSE(dcs.at(bench.dsa("dc1.corp.test").key()).gc);

    bench.server("corp.test").unreachable = true;
    CHECK(read_dcs(bench.configuration->nc(), *server).empty());
}

TEST_CASE("partitions: trusts") {
    struct Row {
        std::string name;
        std::string direction, type, attributes;
        std::string says;
    };
    const std::vector<Row> rows{
        {"a child's", "3", "2", "32", "bidirectional parent-child"},
        {"another forest's", "3", "2", "8", "bidirectional forest"},
        {"a Kerberos realm's", "2", "3", "0", "outbound realm"},
        {"an old domain's", "1", "1", "0", "inbound external"},
        {"switched off", "0", "2", "0", "disabled external"},
        {"without values", "", "", "", "disabled external"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        ForestBench bench({"corp.test"});
        Attributes attributes{{"objectClass", {"trustedDomain"}}, {"trustPartner", {"P.test"}}};
        if (!row.direction.empty())
            attributes.insert({{"trustDirection", {row.direction}},
                               {"trustType", {row.type}},
                               {"trustAttributes", {row.attributes}}});
        bench.domain("corp.test").put(dn("CN=p.test,CN=System,DC=corp,DC=test"), attributes);
        const auto server = open(bench.forest, "dc1.corp.test");
        const auto trusts = read_trusts(dn("DC=corp,DC=test"), *server);
        REQUIRE(trusts.size() == 1);
        CHECK(trusts[0].domain.text() == "p.test");
        CHECK(trusts[0].direction + " " + trusts[0].type == row.says);
    }
}
