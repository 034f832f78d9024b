#include "forest/sessions.hpp"

#include "unit/observe/forest_bench.hpp"

#include <doctest/doctest.h>
#include <fmt/ranges.h>

#include <atomic>
#include <mutex>
#include <set>

#include <unistd.h>

using namespace scp;
using namespace scp::test;

namespace {

/// "corp.test dc1.corp.test* ok": domain, its servers (* the PDC emulator, - not reachable), error.
std::string domain_line(const Domain& domain) {
    std::string out = domain.name.text();
    for (const auto& server : domain.servers)
        out += " " + server.uri.host + (server.pdc ? "*" : "") + (server.reachable ? "" : "-");
    return out + (domain.error ? " " + to_string(domain.error->kind) : " ok");
}

/// One string a domain, joined: a failing check shows it.
std::string lines(const Topology& topology) {
    std::vector<std::string> out;
    for (const auto& forest : topology.forests) {
        if (forest.error)
            out.push_back(forest.name + ": " + to_string(forest.error->kind));
        for (const auto& domain : forest.domains)
            out.push_back(domain_line(domain));
    }
    return fmt::format("{}", fmt::join(out, " | "));
}

using Lines = std::vector<std::string>;

std::string host_of(const Result<Directory*>& session) {
    return session ? (*session)->server() : said(session.error());
}

} // namespace

TEST_CASE("sessions: what is discovered where something is down") {
    struct Row {
        std::string name;
        std::function<void(ForestBench&)> arrange;
        Lines lines;
    };
    const auto down = [](const std::string& host) {
        return [host](ForestBench& bench) { bench.forest.server(host)->unreachable = true; };
    };
    const std::vector<Row> rows{
        {"all is well",
         [](ForestBench&) {},
         {"corp.test dc1.corp.test* ok", "emea.corp.test dc1.emea.corp.test* ok",
          "tree.test dc1.tree.test* ok"}},
        {"a child's only server is down",
         down("dc1.emea.corp.test"),
         {"corp.test dc1.corp.test* ok", "emea.corp.test dc1.emea.corp.test- unreachable",
          "tree.test dc1.tree.test* ok"}},
        {"the root's is down: the forest is known from another",
         down("dc1.corp.test"),
         {"corp.test dc1.corp.test- unreachable", "emea.corp.test dc1.emea.corp.test* ok",
          "tree.test dc1.tree.test* ok"}},
        {"the log-in is refused by one",
         [](ForestBench& bench) {
             bench.server("tree.test").refuse = Error{ErrorKind::refused, "LDAP 49", "", 49};
         },
         {"corp.test dc1.corp.test* ok", "emea.corp.test dc1.emea.corp.test* ok",
          "tree.test dc1.tree.test- refused"}},
        {"the first of two servers is down, the second is not the PDC emulator",
         [&](ForestBench& bench) {
             bench.settings.forests[0].servers.push_back(
                 bench.second_dc("corp.test", "dc2.corp.test").uri);
             down("dc1.corp.test")(bench);
         },
         {"corp.test dc1.corp.test- dc2.corp.test ok", "emea.corp.test dc1.emea.corp.test* ok",
          "tree.test dc1.tree.test* ok"}},
        {"the first server cannot read CN=Partitions, the next can",
         [](ForestBench& bench) {
             bench.server("corp.test").search_fault = [](const Search& search) {
                 return contains(search.base.dn.text(), "CN=Partitions")
                            ? std::optional(Error{ErrorKind::incomplete, "LDAP 3", "", 3})
                            : std::nullopt;
             };
         },
         {"corp.test dc1.corp.test* ok", "emea.corp.test dc1.emea.corp.test* ok",
          "tree.test dc1.tree.test* ok"}},
        {"no server reads CN=Partitions to its end: the forest is lost",
         [](ForestBench& bench) {
             for (const auto* name : {"corp.test", "emea.corp.test", "tree.test"})
                 bench.server(name).entries_then_lost = 2;
         },
         {"corp: incomplete"}},
        {"nothing answers: the forest is lost",
         [&](ForestBench& bench) {
             for (const auto* name : {"corp.test", "emea.corp.test", "tree.test"})
                 down(std::string("dc1.") + name)(bench);
         },
         {"corp: unreachable"}},
        {"a domain's server in the settings serves another",
         [](ForestBench& bench) {
             auto& domains = bench.settings.forests[0].domains;
             domains[DomainName("emea.corp.test")] = domains[DomainName("tree.test")];
         },
         {"corp.test dc1.corp.test* ok", "emea.corp.test unreachable",
          "tree.test dc1.tree.test* ok"}},
        {"servers by DNS",
         [](ForestBench& bench) {
             bench.settings.forests[0].servers.clear();
             bench.settings.forests[0].domains.clear();
         },
         {"corp.test dc1.corp.test* ok", "emea.corp.test dc1.emea.corp.test* ok",
          "tree.test dc1.tree.test* ok"}},
        {"a child's server is named, and down: the root's come by DNS",
         [&](ForestBench& bench) {
             bench.settings.forests[0].servers.clear();
             bench.settings.forests[0].domains.erase(DomainName("tree.test"));
             down("dc1.emea.corp.test")(bench);
         },
         {"corp.test dc1.corp.test* ok", "emea.corp.test dc1.emea.corp.test- unreachable",
          "tree.test dc1.tree.test* ok"}},
        {"a child's server is named, and DNS has none of the root's",
         [](ForestBench& bench) {
             bench.settings.forests[0].servers.clear();
             bench.server("corp.test").domain = "";
         },
         {"corp.test unreachable", "emea.corp.test dc1.emea.corp.test* ok",
          "tree.test dc1.tree.test* ok"}},
        {"by DNS, the first does not answer",
         [&](ForestBench& bench) {
             bench.settings.forests[0].domains.clear();
             bench.second_dc("emea.corp.test", "dc2.emea.corp.test");
             down("dc1.emea.corp.test")(bench);
         },
         {"corp.test dc1.corp.test* ok", "emea.corp.test dc1.emea.corp.test- dc2.emea.corp.test ok",
          "tree.test dc1.tree.test* ok"}},
        {"by DNS, SRV records that lead to another domain's server",
         [&](ForestBench& bench) {
             bench.settings.forests[0].domains.clear();
             bench.server("tree.test").domain = "emea.corp.test";
             bench.server("emea.corp.test").domain = "";
         },
         {"corp.test dc1.corp.test* ok", "emea.corp.test dc1.tree.test- unreachable",
          "tree.test unreachable"}},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        ForestBench bench;
        row.arrange(bench);
        Sessions sessions(bench.settings, bench.forest, {});
        CHECK(lines(sessions.discover()) == fmt::format("{}", fmt::join(row.lines, " | ")));
    }
}

TEST_CASE("sessions: forests side by side, one of them lost") {
    ForestBench bench;
    ForestSettings other = bench.settings.forests[0];
    other.name = "other";
    other.domains.clear();
    other.servers = {{ServerUri::Scheme::ldap, "nowhere.other.example", 389}};
    bench.settings.forests.push_back(other);
    Sessions sessions(bench.settings, bench.forest, {});
    const Topology topology = sessions.discover();
    CHECK(topology.find("corp", DomainName("tree.test")) != nullptr);
    CHECK(lines(topology).ends_with(" | other: unreachable"));
    CHECK(contains(topology.find_forest("other")->error->message, "nowhere.other.example"));
}

TEST_CASE("sessions: who takes creates and deletes") {
    struct Row {
        std::string name;
        Flavour flavour;
        std::function<void(ForestBench&, MemoryServer& second)> arrange;
        std::string reader, writer;
    };
    const std::string dc1 = "ldap://dc1.corp.test", dc2 = "ldap://dc2.corp.test";
    const std::vector<Row> rows{
        {"the reader is the PDC emulator", Flavour::ad, [](ForestBench&, MemoryServer&) {}, dc1,
         dc1},
        {"another DC is", Flavour::ad,
         [](ForestBench& bench, MemoryServer&) {
             bench.domain("corp.test")
                 .set(dn("DC=corp,DC=test"), "fSMORoleOwner", {bench.dsa("dc2.corp.test").text()});
         },
         dc1, dc2},
        {"another DC is, and it is down", Flavour::ad,
         [](ForestBench& bench, MemoryServer& second) {
             bench.domain("corp.test")
                 .set(dn("DC=corp,DC=test"), "fSMORoleOwner", {bench.dsa("dc2.corp.test").text()});
             second.unreachable = true;
         },
         dc1, "unreachable: cannot connect to ldap://dc2.corp.test: no answer in time"},
        {"the one read is not", Flavour::ad,
         [](ForestBench& bench, MemoryServer&) { bench.server("corp.test").unreachable = true; },
         dc2, "unreachable: cannot connect to ldap://dc1.corp.test: no answer in time"},
        {"the holder's server object is gone", Flavour::ad,
         [](ForestBench& bench, MemoryServer&) {
             bench.domain("corp.test")
                 .set(dn("DC=corp,DC=test"), "fSMORoleOwner", {bench.dsa("dc9.corp.test").text()});
         },
         dc1, "unreachable: the PDC emulator of corp.test has no dNSHostName"},
        {"the role is hidden", Flavour::ad,
         [](ForestBench& bench, MemoryServer&) {
             bench.domain("corp.test").set(dn("DC=corp,DC=test"), "fSMORoleOwner", {});
         },
         dc1, "incomplete: ldap://dc1.corp.test does not show fSMORoleOwner of DC=corp,DC=test"},
        {"not AD: the first server", Flavour::openldap, [](ForestBench&, MemoryServer&) {}, dc1,
         dc1},
        {"not AD, and the first server is down", Flavour::openldap,
         [](ForestBench& bench, MemoryServer&) { bench.server("corp.test").unreachable = true; },
         dc2, "unreachable: cannot connect to ldap://dc1.corp.test: no answer in time"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        ForestBench bench({"corp.test", "emea.corp.test"}, row.flavour);
        MemoryServer& second = bench.second_dc("corp.test", "dc2.corp.test");
        bench.settings.forests[0].servers.push_back(second.uri);
        row.arrange(bench, second);
        Sessions sessions(bench.settings, bench.forest, {});
        (void)sessions.discover();
        const DomainName corp("corp.test");
        CHECK(host_of(sessions.reader("corp", corp)) == row.reader);
        CHECK(host_of(sessions.writer("corp", corp)) == row.writer);
        CHECK(host_of(sessions.writer("corp", corp)) == row.writer); // asked again, as at first
    }
}

TEST_CASE("sessions: a domain taken as down is not tried") {
    ForestBench bench;
    Sessions sessions(bench.settings, bench.forest, {});
    const DomainName emea("emea.corp.test");
    sessions.take_as_down("corp", emea, {ErrorKind::unreachable, "it was black-holed", "", 0});
    const Topology topology = sessions.discover();
    CHECK(bench.server("emea.corp.test").connects == 0);
    CHECK(said(topology.find("corp", emea)->error) == "unreachable: it was black-holed");
    CHECK(host_of(sessions.reader("corp", emea)) == "unreachable: it was black-holed");
    CHECK(host_of(sessions.writer("corp", emea)) == "unreachable: it was black-holed");
    CHECK(host_of(sessions.reader("corp", DomainName("corp.test"))) == "ldap://dc1.corp.test");
    CHECK(contains(host_of(sessions.reader("corp", DomainName("gone.test"))),
                   "not-found: the domain gone.test is in none of the forests"));
}

TEST_CASE("sessions: the global catalog") {
    using Mode = GlobalCatalogSettings::Mode;
    struct Row {
        std::string name;
        Mode mode;
        std::function<void(ForestBench&, MemoryServer& catalog)> arrange;
        std::string answer;
    };
    const std::vector<Row> rows{
        {"off", Mode::off, [](ForestBench&, MemoryServer&) {},
         "not-found: no global catalog of corp is known"},
        {"named", Mode::listed,
         [](ForestBench& bench, MemoryServer& catalog) {
             bench.settings.forests[0].global_catalog.servers = {catalog.uri};
         },
         "ldap://gc.corp.test"},
        {"the first one named is down", Mode::listed,
         [](ForestBench& bench, MemoryServer& catalog) {
             bench.settings.forests[0].global_catalog.servers = {
                 {ServerUri::Scheme::ldap, "gone.corp.test", 3268}, catalog.uri};
         },
         "ldap://gc.corp.test"},
        {"named, and down", Mode::listed,
         [](ForestBench& bench, MemoryServer& catalog) {
             bench.settings.forests[0].global_catalog.servers = {catalog.uri};
             catalog.unreachable = true;
         },
         "unreachable: cannot connect to ldap://gc.corp.test: no answer in time"},
        {"found among the DCs", Mode::automatic,
         [](ForestBench& bench, MemoryServer&) {
             bench.make_dc(bench.server("emea.corp.test"), true);
         },
         "ldap://dc1.emea.corp.test"},
        {"none of the DCs is one", Mode::automatic, [](ForestBench&, MemoryServer&) {},
         "not-found: no global catalog of corp is known"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        ForestBench bench;
        MemoryServer& catalog = bench.forest.add_server("gc.test", Flavour::ad, {}, "gc.corp.test");
        catalog.domain.clear();
        bench.settings.forests[0].global_catalog.mode = row.mode;
        row.arrange(bench, catalog);
        Sessions sessions(bench.settings, bench.forest, {});
        (void)sessions.discover();
        CHECK(host_of(sessions.global_catalog("corp")) == row.answer);
    }
}

TEST_CASE("sessions: probing looks at the servers that discovery had no need of") {
    ForestBench bench;
    auto& servers = bench.settings.forests[0];
    servers.domains.clear();
    bench.domain("tree.test")
        .put(dn("CN=partner.example,CN=System,DC=tree,DC=test"),
             {{"objectClass", {"trustedDomain"}},
              {"trustPartner", {"partner.example"}},
              {"trustDirection", {"3"}}});
    bench.second_dc("emea.corp.test", "dc2.emea.corp.test");
    bench.second_dc("emea.corp.test", "dc3.emea.corp.test").unreachable = true;
    Sessions sessions(bench.settings, bench.forest, {});
    Topology topology = sessions.discover();
    const DomainName emea("emea.corp.test");
    CHECK(domain_line(*topology.find("corp", emea)) ==
          "emea.corp.test dc1.emea.corp.test* dc2.emea.corp.test- dc3.emea.corp.test- ok");
    CHECK(topology.find_forest("corp")->trusts.empty()); // no cycle has a use for them
    sessions.probe(topology);
    REQUIRE(topology.find_forest("corp")->trusts.size() == 1);
    CHECK(topology.find_forest("corp")->trusts[0].domain.text() == "partner.example");
    CHECK(domain_line(*topology.find("corp", emea)) ==
          "emea.corp.test dc1.emea.corp.test* dc2.emea.corp.test dc3.emea.corp.test- ok");
    CHECK(topology.find("corp", emea)->servers[1].site == "hq");
    CHECK(said(topology.find("corp", emea)->servers[2].error) ==
          "unreachable: cannot connect to ldap://dc3.emea.corp.test: no answer in time");
}

TEST_CASE("run_parallel: threads are kept, as GnuTLS keeps something of each for ever") {
    std::mutex lock;
    std::set<pid_t> ids; // the kernel's, which are not given to another one so soon
    const auto note = [&](std::size_t) {
        const std::scoped_lock guard(lock);
        ids.insert(::gettid());
    };
    for (int i = 0; i < 200; ++i) {
        run_parallel(6, 3, note);
        run_on_lasting_thread([&] { run_parallel(2, 2, note); });
    }
    CHECK(ids.size() < 100); // those of other tests are taken, too
    CHECK_FALSE(ids.contains(::gettid()));
}

TEST_CASE("run_parallel: every piece once, and a failure comes out after all have ended") {
    for (const std::size_t workers : {0U, 1U, 2U, 50U}) {
        CAPTURE(workers);
        std::vector<std::atomic<int>> done(20);
        run_parallel(done.size(), workers, [&](std::size_t i) { ++done[i]; });
        CHECK(std::ranges::all_of(done, [](const auto& count) { return count == 1; }));

        std::atomic<int> ended{0};
        CHECK_THROWS_WITH(run_parallel(20, workers,
                                       [&](std::size_t i) {
                                           ++ended;
                                           if (i == 3)
                                               throw std::runtime_error("the third");
                                       }),
                          "the third");
        CHECK(ended == 20);
    }
    run_parallel(0, 4, [](std::size_t) { FAIL("there is nothing to do"); });
}
