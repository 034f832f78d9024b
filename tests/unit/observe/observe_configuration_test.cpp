#include "observe/observe.hpp"

#include "unit/observe/forest_bench.hpp"

#include <doctest/doctest.h>
#include <fmt/ranges.h>

using namespace scp;
using namespace scp::test;

namespace {

/// The bench with a rule that looks in the Configuration NC, where CN=Services is as in AD.
struct ConfigurationBench : ForestBench {
    ConfigurationBench() {
        rules[0].in_configuration = true;
        rules[0].configuration_containers = default_configuration_containers();
        settings.rules = rules;
        configuration->put(services(), {{"objectClass", {"container"}}});
    }
    [[nodiscard]] Dn services() const { return configuration->nc().child("CN", "Services"); }
    Guid put(const Dn& dn, Attributes more = {}) const {
        Attributes attributes{{"objectClass", {"serviceConnectionPoint"}},
                              {"keywords", {"mage"}},
                              {"serviceBindingInformation", {"b1"}}};
        attributes.merge(more);
        return configuration->put(dn, attributes);
    }
};

/// "corp.test: svc, emea.corp.test:": what is seen where.
std::string seen_where(const Observation& seen) {
    std::vector<std::string> views;
    for (const auto& view : seen.domains) {
        views.push_back(view.domain.text() + ":");
        for (const auto& scp : view.scps)
            views.back() += " " + printable(scp.name);
        if (view.incomplete)
            views.back() += " (" + view.incomplete->message + ")";
    }
    return fmt::format("{}", fmt::join(views, ", "));
}

} // namespace

TEST_CASE("observe: the Configuration NC is read where a rule is about it") {
    ConfigurationBench bench;
    bench.put(bench.services().child("CN", "in it"));
    bench.put_scp("corp.test", "in the root");
    const std::string whole = "configuration:corp.test: in it, corp.test: in the root, "
                              "emea.corp.test:, tree.test:";
    CHECK(seen_where(bench.look()) == whole);
    CHECK(bench.view(corp_configuration).nc == bench.configuration->nc());
    CHECK(bench.view(corp_configuration).scps.at(0).nc == bench.configuration->nc());

    SUBCASE("as a target only") {
        bench.rules[0].in_configuration = false;
        bench.rules[0].container = {TargetContainer::Kind::configuration,
                                    default_configuration_container()};
        bench.settings.rules.clear();
        CHECK(seen_where(bench.look()) == whole);
    }
    SUBCASE("by a rule that is not asked for now, as its copies may lie there") {
        bench.rules[0].in_configuration = false;
        CHECK(seen_where(bench.look()) == whole);
    }
    SUBCASE("no rule is about it") {
        bench.rules[0].in_configuration = false;
        bench.settings.rules = bench.rules;
        CHECK(seen_where(bench.look()) == "corp.test: in the root, emea.corp.test:, tree.test:");
    }
}

TEST_CASE("observe: the Configuration NC where it was not read whole") {
    ConfigurationBench bench;
    bench.put(bench.services().child("CN", "in it"));
    SUBCASE("the root is down") {
        bench.server("corp.test").unreachable = true;
        const std::string why = " (cannot connect to ldap://dc1.corp.test: no answer in time)";
        CHECK(seen_where(bench.look()) == "configuration:corp.test:" + why + ", corp.test:" + why +
                                              ", emea.corp.test:, tree.test:");
    }
    SUBCASE("the right to read CN=Services was lost") {
        bench.server("corp.test").hidden = [&](const Entry& entry, const Search&) {
            return entry.dn.is_within(bench.services());
        };
        CHECK(
            contains(seen_where(bench.look()),
                     "does not show CN=Services,CN=Configuration,DC=corp,DC=test: the read right"));
    }
    SUBCASE("the read was cut off") {
        bench.server("corp.test").search_fault = [&](const Search& search) {
            return search.base.dn == bench.configuration->nc() && search.scope == Scope::subtree
                       ? std::optional(Error{ErrorKind::incomplete, "LDAP 3", "", 3})
                       : std::nullopt;
        };
        CHECK(contains(seen_where(bench.look()), "configuration:corp.test: in it (LDAP 3)"));
        CHECK(bench.view("corp.test").complete());
    }
}

TEST_CASE("observe: what became of a source in the Configuration NC") {
    ConfigurationBench bench;
    const Dn there = bench.services().child("CN", "svc");
    const Guid guid = bench.put(there);
    bench.look();
    const Scp source = bench.view(corp_configuration).scps.at(0);
    const Scp copy = an_scp().in("emea.corp.test").copy_of(source, bench.rules[0]);
    bench.put_scp("emea.corp.test", "svc", {{"msDS-Settings", {copy.marker_value}}},
                  "CN=scpd,CN=System");
    CHECK(bench.look().fates.empty());

    const auto fate = [&]() -> const SourceFate& {
        bench.look();
        REQUIRE(bench.seen.fates.size() == 1);
        CHECK(bench.seen.fates[0].origin == DomainName(corp_configuration));
        CHECK(bench.seen.fates[0].source == guid);
        return bench.seen.fates[0];
    };
    SUBCASE("other keywords: it is alive, by its GUID") {
        bench.configuration->set(there, "keywords", {"other"});
        CHECK(fate().state == SourceFate::State::alive);
        REQUIRE(bench.seen.fates[0].scp);
        CHECK(bench.seen.fates[0].scp->domain == DomainName(corp_configuration));
    }
    SUBCASE("deleted: a tombstone of the Configuration NC") {
        bench.configuration->remove(there);
        CHECK(fate().state == SourceFate::State::deleted);
    }
    SUBCASE("no tombstone shown, and CN=Services is seen: absent") {
        bench.configuration->remove(there);
        bench.server("corp.test").hidden = [](const Entry& entry, const Search&) {
            return !values_of(entry.attributes, "isDeleted").empty();
        };
        CHECK(fate().state == SourceFate::State::absent);
    }
    SUBCASE("none of its trusted containers is seen: nothing follows") {
        bench.configuration->remove(there);
        bench.rules[0].configuration_containers = {dn("CN=Product,CN=Services")};
        bench.server("corp.test").hidden = [](const Entry& entry, const Search&) {
            return !values_of(entry.attributes, "isDeleted").empty();
        };
        CHECK(fate().state == SourceFate::State::not_seen);
    }
    SUBCASE("the root is down: nothing follows") {
        bench.server("corp.test").unreachable = true;
        CHECK(fate().state == SourceFate::State::not_seen);
    }
}
