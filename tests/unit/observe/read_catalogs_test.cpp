#include "unit/observe/forest_bench.hpp"

#include <doctest/doctest.h>

using namespace scp;
using namespace scp::test;

namespace {

const std::string emea = "emea.corp.test";

/// One server with replicas of all domains.
MemoryServer& add_catalog(ForestBench& bench) {
    MemoryServer& catalog = bench.forest.add_server("gc.test", Flavour::ad, {}, "gc.corp.test");
    catalog.domain.clear();
    for (const auto& name : {"corp.test", "emea.corp.test", "tree.test"}) {
        catalog.partitions.push_back(bench.server(name).partitions.at(0));
    }
    auto& settings = bench.settings.forests[0].global_catalog;
    settings.mode = GlobalCatalogSettings::Mode::listed;
    settings.servers = {catalog.uri};
    return catalog;
}

/// "emea.corp.test at ldap://gc.corp.test: CN=svc,…" or why it cannot tell; one line a view.
std::string text_of(const std::vector<CatalogView>& views) {
    std::string text;
    for (const auto& view : views) {
        text += view.domain.text() + " at " + view.server + ":";
        for (const auto& scp : view.scps)
            text += " " + scp.text();
        text += view.incomplete ? " " + said(view.incomplete) + "\n" : "\n";
    }
    return text;
}

} // namespace

TEST_CASE("observe: what a global catalog shows of a domain that was not read whole") {
    struct Row {
        std::string name;
        std::function<void(ForestBench&, MemoryServer& catalog)> happens;
        std::string seen;
    };
    const std::string at = "emea.corp.test at ldap://gc.corp.test:";
    const std::string svc = " CN=svc,CN=Product,CN=System,DC=emea,DC=corp,DC=test";
    const auto down = [](ForestBench& bench) { bench.server(emea).unreachable = true; };
    const std::vector<Row> rows{
        {"all were read: nobody is asked",
         [](ForestBench&, MemoryServer& catalog) { catalog.unreachable = true; }, ""},
        {"its servers are down", [=](ForestBench& bench, MemoryServer&) { down(bench); },
         at + svc + "\n"},
        {"it has none",
         [=](ForestBench& bench, MemoryServer&) {
             bench.domain(emea).remove(dn("CN=svc,CN=Product,CN=System,DC=emea,DC=corp,DC=test"));
             down(bench);
         },
         at + "\n"},
        {"other keywords",
         [=](ForestBench& bench, MemoryServer&) {
             bench.rules[0].keywords = {"else"};
             down(bench);
         },
         at + "\n"},
        {"a child's objects are not its parent's",
         [](ForestBench& bench, MemoryServer&) { bench.server("corp.test").unreachable = true; },
         "corp.test at ldap://gc.corp.test:\n"},
        {"the catalog is down too",
         [=](ForestBench& bench, MemoryServer& catalog) {
             down(bench);
             catalog.unreachable = true;
         },
         "emea.corp.test at : unreachable: cannot connect to ldap://gc.corp.test: no answer in "
         "time\n"},
        {"turned off",
         [=](ForestBench& bench, MemoryServer&) {
             down(bench);
             bench.settings.forests[0].global_catalog.mode = GlobalCatalogSettings::Mode::off;
         },
         ""},
        {"not ready yet",
         [=](ForestBench& bench, MemoryServer& catalog) {
             down(bench);
             catalog.root_dse["isGlobalCatalogReady"] = {"FALSE"};
         },
         at + " incomplete: ldap://gc.corp.test is not ready to be a global catalog yet\n"},
        {"ready",
         [=](ForestBench& bench, MemoryServer& catalog) {
             down(bench);
             catalog.root_dse["isGlobalCatalogReady"] = {"TRUE"};
         },
         at + svc + "\n"},
        {"the domain itself is not shown",
         [=](ForestBench& bench, MemoryServer& catalog) {
             down(bench);
             catalog.hidden = [](const Entry&, const Search& search) {
                 return search.scope == Scope::base && !search.base.dn.empty();
             };
         },
         at + svc +
             " incomplete: ldap://gc.corp.test does not show DC=emea,DC=corp,DC=test: the read "
             "right was lost, or it serves another domain\n"},
        {"it has no replica of the domain",
         [=](ForestBench& bench, MemoryServer& catalog) {
             down(bench);
             std::erase(catalog.partitions, bench.server(emea).partitions.at(0));
         },
         "*incomplete"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        ForestBench bench;
        bench.put_scp(emea, "svc");
        MemoryServer& catalog = add_catalog(bench);
        row.happens(bench, catalog);
        const std::string seen = text_of(bench.look().catalogs);
        if (row.seen.starts_with("*"))
            CHECK_MESSAGE(contains(seen, row.seen.substr(1)), seen);
        else
            CHECK(seen == row.seen);
    }
}
