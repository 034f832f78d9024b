#include "base/marker.hpp"
#include "forest/sessions.hpp"

#include "unit/observe/forest_bench.hpp"

#include <doctest/doctest.h>
#include <fmt/ranges.h>

using namespace scp;
using namespace scp::test;

namespace {

const DomainName own(corp_configuration);

std::string server_of(const Result<Directory*>& session) {
    return session ? (*session)->server() : said(session.error());
}

std::string names_of(const std::vector<const Domain*>& domains) {
    std::vector<std::string> out;
    for (const auto* domain : domains)
        out.push_back(domain->name.text());
    return fmt::format("{}", fmt::join(out, " "));
}

} // namespace

TEST_CASE("Configuration NC: its name") {
    CHECK(DomainName::configuration_of(DomainName("CORP.test.")) == own);
    CHECK(own.is_configuration());
    CHECK(own.dns() == DomainName("corp.test"));
    CHECK_FALSE(DomainName("configuration.corp.test").is_configuration());
    CHECK(DomainName("corp.test").dns() == DomainName("corp.test"));

    const Scp source = an_scp().in(corp_configuration).with_keyword("mage");
    const Scp copy = an_scp().in("corp.test").copy_of(source, a_rule());
    REQUIRE(copy.marker);
    CHECK(copy.marker->origin == own);
    CHECK(to_string(*copy.marker) == copy.marker_value);
}

TEST_CASE("Configuration NC: which partition an object is in") {
    ForestBench bench;
    bench.configuration->put(bench.partitions().child("CN", "Enterprise Schema"),
                             {{"objectClass", {"crossRef"}},
                              {"nCName", {"CN=Schema,CN=Configuration,DC=corp,DC=test"}},
                              {"systemFlags", {"1"}}});
    bench.look();
    const Topology& topology = bench.topology;
    struct Row {
        std::string dn, name;
    };
    for (const auto& row :
         {Row{"CN=x,CN=System,DC=corp,DC=test", "corp.test"},
          Row{"CN=Configuration,DC=corp,DC=test", corp_configuration},
          Row{"CN=x,CN=Services,CN=configuration,DC=CORP,DC=test", corp_configuration},
          Row{"CN=x,CN=Schema,CN=Configuration,DC=corp,DC=test", ""},
          Row{"CN=x,CN=Configuration,DC=emea,DC=corp,DC=test", "emea.corp.test"},
          Row{"CN=x,CN=Configuration,DC=other,DC=test", ""}}) {
        CAPTURE(row.dn);
        const Domain* const found = topology.domain_of("corp", dn(row.dn));
        CHECK((found ? found->name.text() : "") == row.name);
        CHECK((found == nullptr || found == topology.find("corp", found->name)));
    }
    CHECK(names_of(topology.partitions(false)) == "corp.test emea.corp.test tree.test");
    CHECK(names_of(topology.partitions(true)) ==
          "corp.test emea.corp.test tree.test configuration:corp.test");
    CHECK(names_of(topology.domains()) == names_of(topology.partitions(false)));
}

TEST_CASE("Configuration NC: it is read from the root's server and written at its PDC emulator") {
    struct Row {
        std::string name;
        std::function<void(ForestBench&)> arrange;
        std::string reader, writer;
    };
    const std::string first = "ldap://dc1.corp.test", second = "ldap://dc2.corp.test";
    const auto second_first = [&](ForestBench& bench) {
        auto& servers = bench.settings.forests[0].servers;
        servers.insert(servers.begin(), bench.second_dc("corp.test", "dc2.corp.test").uri);
    };
    const std::string down =
        "unreachable: cannot connect to ldap://dc1.corp.test: no answer in time";
    const std::vector<Row> rows{
        {"the PDC emulator is read", [](ForestBench&) {}, first, first},
        {"another DC of the root is read", second_first, second, first},
        {"another DC of the root is read, and the PDC emulator is down",
         [&](ForestBench& bench) {
             second_first(bench);
             bench.server("corp.test").unreachable = true;
         },
         second, down},
        {"the root is down: a child's replica is not asked",
         [](ForestBench& bench) { bench.server("corp.test").unreachable = true; }, down, down},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        ForestBench bench;
        row.arrange(bench);
        Sessions sessions(bench.settings, bench.forest, std::stop_token{});
        (void)sessions.discover();
        CHECK(server_of(sessions.reader("corp", own)) == row.reader);
        CHECK(server_of(sessions.writer("corp", own)) == row.writer);
    }
}

TEST_CASE("Configuration NC: its session is its own, opened once and where it is asked for") {
    ForestBench bench;
    MemoryServer& root = bench.server("corp.test");
    Sessions sessions(bench.settings, bench.forest, std::stop_token{});
    (void)sessions.discover();
    const auto before = root.connects;
    const auto of_domain = sessions.reader("corp", DomainName("corp.test"));
    CHECK(root.connects == before);
    const auto session = sessions.reader("corp", own);
    REQUIRE(session);
    CHECK(*session != *of_domain);
    CHECK(*sessions.reader("corp", own) == *session);
    CHECK(root.connects == before + 1);
    CHECK(sessions.endpoint("corp", own)->uri.to_string() == "ldap://dc1.corp.test");

    CHECK_FALSE(sessions.reader("corp", DomainName("configuration:emea.nowhere")));
}

TEST_CASE("Configuration NC: taken as down, it is left alone, and its root is read") {
    ForestBench bench;
    Sessions sessions(bench.settings, bench.forest, std::stop_token{});
    sessions.take_as_down("corp", own, Error{ErrorKind::unreachable, "as before", "", 0});
    (void)sessions.discover();
    const auto before = bench.server("corp.test").connects;
    CHECK(server_of(sessions.reader("corp", own)) == "unreachable: as before");
    CHECK(server_of(sessions.reader("corp", DomainName("corp.test"))) == "ldap://dc1.corp.test");
    CHECK(bench.server("corp.test").connects == before);
}

TEST_CASE("Configuration NC: a log-in of the root's own is the Configuration NC's") {
    ForestBench bench;
    auto& over = bench.settings.forests[0].domains[DomainName("corp.test")];
    over.servers = bench.settings.forests[0].servers;
    over.auth = AuthSettings{};
    over.auth->principal = "svc-root@CORP.TEST";
    Sessions sessions(bench.settings, bench.forest, std::stop_token{});
    (void)sessions.discover();
    CHECK(sessions.endpoint("corp", own)->auth.principal == "svc-root@CORP.TEST");
}
