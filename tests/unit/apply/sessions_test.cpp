#include "apply/apply.hpp"

#include "unit/apply/bench.hpp"

#include <doctest/doctest.h>

using namespace scp;
using namespace scp::test;
using State = ChangeResult::State;

namespace {

/// corp.test with two DCs that hold the same partition: dc1 is read, dc2 is the PDC emulator.
struct TwoDcs {
    TwoDcs() {
        dc2.partitions = dc1.partitions;
        dc2.domain.clear(); // dc1 alone is in DNS
        forest.add_cross_refs(*configuration, corp);
        configuration->put(site, {{"objectClass", {"container"}}});
        for (const char* name : {"DC1", "DC2"}) {
            const Dn server = site.child("CN", name);
            configuration->put(server, {{"objectClass", {"server"}},
                                        {"dNSHostName", {lower_ascii(name) + ".corp.test"}}});
            configuration->put(server.child("CN", "NTDS Settings"), {{"objectClass", {"nTDSDSA"}}});
        }
        MemoryPartition& partition = dc1.default_partition();
        partition.set(corp, "fSMORoleOwner",
                      {site.child("CN", "DC2").child("CN", "NTDS Settings").text()});
        partition.put(container, {{"objectClass", {"container"}}});
        for (const char* name : {"u", "d"})
            partition.put(container.child("CN", name), {{"objectClass", {"serviceConnectionPoint"}},
                                                        {"serviceBindingInformation", {"old"}},
                                                        {"marker", {"scpd1;old"}}});
        settings.marker_attribute = "marker";
        ForestSettings corp_forest;
        corp_forest.name = "corp";
        corp_forest.servers = {dc1.uri};
        corp_forest.tls.mode = TlsSettings::Mode::none;
        settings.forests = {corp_forest};
        settings.daemon.workers = 0; // one all the same
    }

    [[nodiscard]] Change change(Op op, const std::string& name) const {
        Change change;
        change.op = op;
        change.forest = "corp";
        change.domain = DomainName("corp.test");
        change.nc = corp;
        change.dn = container.child("CN", name);
        if (op != Op::create) {
            change.before = {{"serviceBindingInformation", {"old"}}};
            change.marker_before = "scpd1;old";
        }
        if (op != Op::remove)
            change.after = {{"serviceBindingInformation", {"new"}}};
        change.marker_after = "scpd1;new";
        return change;
    }

    Dn corp = dn("DC=corp,DC=test");
    Dn container = dn("CN=scpd,CN=System,DC=corp,DC=test");
    Dn site = dn("CN=Servers,CN=HQ,CN=Sites,CN=Configuration,DC=corp,DC=test");
    MemoryForest forest;
    std::shared_ptr<MemoryPartition> configuration =
        forest.add_partition(dn("CN=Configuration,DC=corp,DC=test"));
    MemoryServer& dc1 = forest.add_server("corp.test", Flavour::ad, {configuration});
    MemoryServer& dc2 =
        forest.add_server("corp.test", Flavour::ad, {configuration}, "dc2.corp.test");
    Settings settings;
    MemoryHistory history;
};

} // namespace

TEST_CASE(
    "apply: creates and deletes go to the PDC emulator, updates to the server that was read") {
    TwoDcs world;
    Sessions sessions(world.settings, world.forest, {});
    Topology topology = sessions.discover();
    REQUIRE(topology.find("corp", DomainName("corp.test")));
    REQUIRE(topology.find("corp", DomainName("corp.test"))->server == "ldap://dc1.corp.test");

    Plan plan;
    plan.changes = {world.change(Op::create, "c"), world.change(Op::update, "u"),
                    world.change(Op::remove, "d")};
    const auto state_of = [&](const ApplyResults& results, std::size_t i) {
        return results.at(plan.changes[i].id()).state;
    };

    SUBCASE("all is well") {
        const ApplyResults results = apply(plan, topology, sessions, world.history);
        for (std::size_t i = 0; i < 3; ++i)
            CHECK(state_of(results, i) == State::done);
        CHECK(world.dc1.writes.size() == 1);
        CHECK(std::holds_alternative<ModifyEntry>(world.dc1.writes.at(0)));
        CHECK(world.dc2.writes.size() == 3);
    }
    SUBCASE("the PDC emulator is down") {
        world.dc2.unreachable = true;
        const ApplyResults results = apply(plan, topology, sessions, world.history);
        CHECK(state_of(results, 1) == State::done);
        for (const std::size_t i : {0U, 2U}) {
            CHECK(state_of(results, i) == State::skipped);
            CHECK((results.at(plan.changes[i].id()).held == Reason::write_dc_unavailable));
        }
    }
    SUBCASE("the server that was read takes no writes, and is not known to be read-only") {
        world.dc1.read_only = true;
        const ApplyResults results = apply(plan, topology, sessions, world.history);
        CHECK(state_of(results, 0) == State::done);
        CHECK(state_of(results, 1) == State::failed);
        CHECK((results.at(plan.changes[1].id()).held == Reason::write_dc_unavailable));
    }
    SUBCASE("the server that was read is known to be read-only") {
        world.dc1.read_only = true;
        topology.forests.at(0).domains.at(0).servers.at(0).writable = false;
        const ApplyResults results = apply(plan, topology, sessions, world.history);
        for (std::size_t i = 0; i < 3; ++i)
            CHECK(state_of(results, i) == State::done);
        CHECK(world.dc1.writes.empty());
    }
}
