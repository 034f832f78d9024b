#include "observe/observe.hpp"

#include "unit/observe/forest_bench.hpp"

#include <doctest/doctest.h>
#include <fmt/ranges.h>

using namespace scp;
using namespace scp::test;

namespace {

constexpr std::size_t domain_count = 20;

std::vector<std::string> twenty_domains() {
    std::vector<std::string> names{"corp.test"};
    while (names.size() < domain_count)
        names.push_back(fmt::format("d{:02}.corp.test", names.size()));
    return names;
}

std::string account_sid(unsigned rid) {
    return fmt::format("S-1-5-21-7-7-7-{}", rid);
}

/// A forest of twenty domains, one account in one of them, and a global catalog of it all.
class Catalogued : public ForestBench {
  public:
    Catalogued() : ForestBench(twenty_domains()), catalog_(add_catalog()) {
        put_account("d07.corp.test", "svc",
                    {{"userPrincipalName", {"svc@corp.example"}},
                     {"objectSid", {Sid::parse(account_sid(1))->bytes()}}});
        domain("corp.test")
            .put(dn("CN=agents,CN=Users,DC=corp,DC=test"),
                 {{"objectClass", {"group"}},
                  {"member",
                   {"CN=" + account_sid(1) + ",CN=ForeignSecurityPrincipals,DC=corp,DC=test"}}});
    }

    [[nodiscard]] MemoryServer& catalog() { return catalog_; }
    /// The catalog's own replica of a domain, as it is now: it is told of nothing that follows.
    MemoryPartition& lags(const std::string& of) {
        for (auto& partition : catalog_.partitions)
            if (partition->nc() == nc(of)) {
                auto replica = std::make_shared<MemoryPartition>(forest, nc(of), Flavour::ad);
                replica->replicate_from(*partition);
                partition = replica;
                return *replica;
            }
        FAIL("no such domain");
        return catalog_.default_partition();
    }
    void move_account(const std::string& to) {
        domain("d07.corp.test").remove(dn("CN=svc,CN=Users,DC=d07,DC=corp,DC=test"));
        put_account(to, "svc",
                    {{"userPrincipalName", {"svc@corp.example"}},
                     {"objectSid", {Sid::parse(account_sid(1))->bytes()}}});
    }

    /// "d07.corp.test:svc* | why it is unresolved | searches": * is disabled.
    std::string resolve(const AccountQuery& query) {
        sessions.emplace(settings, forest, std::stop_token{});
        topology = sessions->discover();
        const std::size_t before = searches();
        const ResolvedAccount account = resolve_account(topology, *sessions, query);
        const std::size_t asked = searches() - before;
        std::vector<std::string> out;
        for (const auto& at : account.locations)
            out.push_back(at.domain.text() + ":" + at.dn.rdn_value() + (at.disabled ? "*" : ""));
        return fmt::format("{} | {} | {}", fmt::join(out, " "), account.unresolved, asked);
    }

  private:
    MemoryServer& add_catalog() {
        MemoryServer& made = forest.add_server("gc.test", Flavour::ad, {}, "gc.corp.test");
        made.domain.clear();
        made.catalog = true;
        made.partitions.clear();
        for (const auto& name : twenty_domains())
            made.partitions.push_back(server(name).partitions.at(0));
        auto& to = settings.forests[0].global_catalog;
        to.mode = GlobalCatalogSettings::Mode::listed;
        to.servers = {made.uri};
        return made;
    }
    std::size_t searches() {
        std::size_t sum = catalog_.searches;
        for (const auto& name : twenty_domains())
            sum += server(name).searches;
        return sum;
    }

    MemoryServer& catalog_;
};

AccountQuery by_upn() {
    return parse_account("svc@corp.example").value();
}

} // namespace

TEST_CASE(
    "catalog: one search of it saves one of each domain, and its hit is read where it lives") {
    struct Row {
        std::string name;
        AccountQuery query;
        std::string with, without;
    };
    const std::string at = "d07.corp.test:svc |  | ";
    const std::vector<Row> rows{
        {"UPN", by_upn(), at + "2", at + "20"},
        {"SID", parse_account(account_sid(1)).value(), at + "2", at + "20"},
        {"a foreign member's SID: beside the group itself",
         {AccountQuery::Kind::group, "", "CN=agents,CN=Users,DC=corp,DC=test"},
         at + "3",
         at + "21"},
        {"a filter: the catalog need not have its attributes",
         {AccountQuery::Kind::filter, "", "(userPrincipalName=svc@*)"},
         at + "20",
         at + "20"},
        {"DOMAIN\\name is in that domain", parse_account("d07.corp.test\\svc").value(), at + "1",
         at + "1"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        Catalogued forest;
        CHECK(forest.resolve(row.query) == row.with);
        forest.settings.forests[0].global_catalog.mode = GlobalCatalogSettings::Mode::off;
        CHECK(forest.resolve(row.query) == row.without);
    }
}

TEST_CASE("catalog: what its own domain does not confirm is searched for everywhere") {
    struct Row {
        std::string name;
        std::function<void(Catalogued&)> happens;
        std::string found;
    };
    const std::string home = "d07.corp.test";
    const std::string svc = "CN=svc,CN=Users,DC=d07,DC=corp,DC=test";
    // 1 of the catalog, 1 of the domain that it named, 20 of all.
    const std::vector<Row> rows{
        {"it has not heard of the account yet",
         [=](Catalogued& at) {
             at.domain(home).remove(dn(svc));
             at.lags(home);
             at.put_account(home, "svc", {{"userPrincipalName", {"svc@corp.example"}}});
         },
         "d07.corp.test:svc |  | 21"},
        {"it shows a moved account where it was",
         [=](Catalogued& at) {
             at.lags(home);
             at.lags("d11.corp.test");
             at.move_account("d11.corp.test");
         },
         "d11.corp.test:svc |  | 22"},
        {"it shows a moved account twice",
         [=](Catalogued& at) {
             at.lags(home);
             at.move_account("d11.corp.test");
         },
         "d11.corp.test:svc |  | 21"},
        {"it shows an account that has gone",
         [=](Catalogued& at) {
             at.lags(home);
             at.domain(home).remove(dn(svc));
         },
         " | no account matches it | 22"},
        {"it shows a name that another account has by now",
         [=](Catalogued& at) {
             at.lags(home);
             at.domain(home).set(dn(svc), "userPrincipalName", {"old@corp.example"});
             at.put_account("d11.corp.test", "new", {{"userPrincipalName", {"svc@corp.example"}}});
             at.lags("d11.corp.test").remove(dn("CN=new,CN=Users,DC=d11,DC=corp,DC=test"));
         },
         "d11.corp.test:new |  | 22"},
        {"it does not know that the account was renamed",
         [=](Catalogued& at) {
             at.lags(home);
             at.domain(home).rename(dn(svc), "CN=renamed");
         },
         "d07.corp.test:renamed |  | 22"},
        {"it does not know that the account was disabled: its domain says so",
         [=](Catalogued& at) {
             at.lags(home);
             at.domain(home).set(dn(svc), "userAccountControl", {"514"});
         },
         "d07.corp.test:svc* |  | 2"},
        {"two bear the name: all are told",
         [](Catalogued& at) {
             at.put_account("d11.corp.test", "two", {{"userPrincipalName", {"svc@corp.example"}}});
         },
         "d07.corp.test:svc d11.corp.test:two | svc@corp.example is ambiguous: "
         "CN=svc,CN=Users,DC=d07,DC=corp,DC=test; CN=two,CN=Users,DC=d11,DC=corp,DC=test | 21"},
        {"the catalog does not answer", [](Catalogued& at) { at.catalog().unreachable = true; },
         "d07.corp.test:svc |  | 20"},
        {"its answer is cut off", [](Catalogued& at) { at.catalog().entries_then_lost = 1; },
         "d07.corp.test:svc |  | 21"},
        {"it shows what lies in no domain",
         [=](Catalogued& at) {
             auto other = at.forest.add_partition(dn("DC=other,DC=example"));
             other->put(dn("CN=svc,DC=other,DC=example"),
                        {{"objectClass", {"user"}}, {"userPrincipalName", {"svc@corp.example"}}});
             at.catalog().partitions = {other};
         },
         "d07.corp.test:svc |  | 21"},
        {"the account's domain is down: it is not taken for found",
         [=](Catalogued& at) {
             at.lags(home);
             at.server(home).unreachable = true;
         },
         "* | d07.corp.test: cannot connect to ldap://dc1.d07.corp.test: no answer in time |"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        Catalogued forest;
        row.happens(forest);
        const std::string found = forest.resolve(by_upn());
        if (row.found.starts_with("*"))
            CHECK_MESSAGE(contains(found, row.found.substr(1)), found);
        else
            CHECK(found == row.found);
    }
}

TEST_CASE("catalog: a forest of one domain has no use for it") {
    ForestBench bench({"corp.test"});
    MemoryServer& catalog = bench.forest.add_server("gc.test", Flavour::ad, {}, "gc.corp.test");
    catalog.catalog = true;
    bench.settings.forests[0].global_catalog.mode = GlobalCatalogSettings::Mode::listed;
    bench.settings.forests[0].global_catalog.servers = {catalog.uri};
    bench.put_account("corp.test", "svc", {{"userPrincipalName", {"svc@corp.example"}}});
    bench.sessions.emplace(bench.settings, bench.forest, std::stop_token{});
    bench.topology = bench.sessions->discover();
    CHECK(resolve_account(bench.topology, *bench.sessions, by_upn()).locations.size() == 1);
    CHECK(catalog.connects == 0);
}

TEST_CASE("catalog: several that are silent cost no more time than one") {
    struct Row {
        std::string name;
        std::chrono::milliseconds patience;
        std::size_t asked;
    };
    for (const auto& row :
         {Row{"one that answers quickly that it is none", std::chrono::hours(1), 1},
          Row{"one that took all the time there was", {}, 0}}) {
        CAPTURE(row.name);
        Catalogued forest;
        forest.settings.forests[0].timeouts.connect = row.patience;
        MemoryServer& second =
            forest.forest.add_server("gc2.test", Flavour::ad, {}, "gc2.corp.test");
        second.domain.clear();
        second.catalog = true;
        second.partitions = forest.catalog().partitions;
        forest.catalog().unreachable = true;
        forest.settings.forests[0].global_catalog.servers.push_back(second.uri);
        CHECK(forest.resolve(by_upn()).starts_with("d07.corp.test:svc |  |"));
        CHECK(second.connects == row.asked);
    }
}

TEST_CASE("catalog: one that is silent is waited for once a cycle, however deep groups nest") {
    Catalogued forest;
    forest.catalog().unreachable = true;
    forest.put_account("d09.corp.test", "two",
                       {{"objectSid", {Sid::parse(account_sid(2))->bytes()}}});
    const std::string inner = "CN=inner,CN=Users,DC=corp,DC=test";
    const auto group = [&](const std::string& name, std::vector<std::string> members) {
        forest.domain("corp.test").put(dn(name), {{"objectClass", {"group"}}, {"member", members}});
    };
    const std::string foreign = ",CN=ForeignSecurityPrincipals,DC=corp,DC=test";
    group("CN=outer,CN=Users,DC=corp,DC=test", {"CN=" + account_sid(1) + foreign, inner});
    group(inner, {"CN=" + account_sid(2) + foreign});
    CHECK(forest.resolve({AccountQuery::Kind::group, "", "CN=outer,CN=Users,DC=corp,DC=test"}) ==
          "d07.corp.test:svc d09.corp.test:two |  | 42");
    CHECK(forest.catalog().connects == 1);
}
