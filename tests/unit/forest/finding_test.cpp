#include "forest/replication_lag.hpp"
#include "forest/server_memory.hpp"

#include "unit/observe/forest_bench.hpp"

#include <doctest/doctest.h>
#include <fmt/ranges.h>

using namespace scp;
using namespace scp::test;

namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

const DomainName corp("corp.test");
const DomainKey corp_key{"corp", corp};

ServerUri at(const std::string& host) {
    return {ServerUri::Scheme::ldap, host, 389};
}

struct ManualClock {
    std::chrono::steady_clock::time_point now{};
    ServerMemory::Clock read() {
        return [this] { return now; };
    }
};

std::string little(std::uint64_t number, std::size_t bytes) {
    std::string out;
    for (std::size_t i = 0; i < bytes; ++i)
        out += static_cast<char>(number >> (8 * i) & 0xff);
    return out;
}

const Timestamp now{seconds{1'800'000'000}};

/// A value of repsFrom: the last success lies so far back.
std::string partner(seconds since, std::uint64_t version = 1) {
    const auto time = (now.time_since_epoch() - since).count() + 11'644'473'600;
    return little(version, 4) + little(0, 4) + little(36, 4) + little(3, 4) +
           little(static_cast<std::uint64_t>(time), 8) + little(0, 8) + little(0, 4);
}

/// corp.test has dc1 and dc2, by DNS.
struct TwoDcs {
    ForestBench bench{{"corp.test"}};
    MemoryServer& dc1 = bench.server("corp.test");
    MemoryServer& dc2 = bench.second_dc("corp.test", "dc2.corp.test");
    ManualClock clock;
    ServerMemory memory{clock.read()};

    TwoDcs() { bench.settings.forests[0].servers.clear(); }
    /// Who is read; what else there is to say of the servers.
    std::string cycle() {
        dc1.connects = dc2.connects = 0;
        Sessions sessions(bench.settings, bench.forest, {}, &memory);
        const Topology topology = sessions.discover();
        const Domain* const domain = topology.find("corp", corp);
        return fmt::format("{} after {}+{} log-ins",
                           domain == nullptr ? "lost" : domain->server.substr(7, 3), dc1.connects,
                           dc2.connects);
    }
    /// For how long each has heard of no other.
    void lag(seconds of_dc1, seconds of_dc2) {
        const Dn nc = dn("DC=corp,DC=test");
        const auto replica = bench.forest.add_partition(nc);
        replica->put(nc, {{"objectClass", {"domainDNS"}},
                          {"fSMORoleOwner", {bench.dsa("dc1.corp.test").text()}},
                          {"repsFrom", {partner(of_dc2)}}});
        dc2.partitions.front() = replica;
        bench.domain("corp.test").set(nc, "repsFrom", {partner(of_dc1)});
        dc1.root_dse["currentTime"] = dc2.root_dse["currentTime"] = {"20270115080000.0Z"};
    }
};

} // namespace

TEST_CASE("server memory: the order of trying") {
    ManualClock clock;
    ServerMemory memory(clock.read());
    const auto server = [](const std::string& host, int tier, bool silent = false) {
        LocatedServer one;
        one.uri = at(host);
        one.tier = tier;
        one.silent = silent;
        return one;
    };
    const auto order = [&](std::vector<LocatedServer> servers) {
        std::string out;
        for (const auto& one : memory.in_order(corp_key, std::move(servers)))
            out += one.uri.host;
        return out;
    };
    CHECK(order({server("a", 0), server("b", 0), server("c", 1)}) == "abc");
    memory.serves(corp_key, at("b"));
    CHECK(order({server("a", 0), server("b", 0), server("c", 1)}) == "bac"); // it is stayed with
    CHECK(order({server("a", 0), server("b", 0, true), server("c", 1)}) == "bac"); // a lost ping
    CHECK(order({server("a", 0), server("b", 1), server("c", 1)}) == "abc");       // a nearer one
    memory.failed(at("a"), {ErrorKind::unreachable, "no answer", "", 0});
    CHECK(order({server("a", 0), server("b", 1), server("c", 1)}) == "bca");
    CHECK(memory.resting(at("a"))->message == "no answer");
    clock.now += seconds(31);
    CHECK_FALSE(memory.resting(at("a")));
    CHECK(order({server("a", 0), server("b", 1), server("c", 1)}) == "abc");
}

TEST_CASE("server memory: a server rests longer each time that it fails, until it serves") {
    ManualClock clock;
    ServerMemory memory(clock.read());
    for (const auto rest : {seconds(30), seconds(60), seconds(120), seconds(240), seconds(480),
                            seconds(900), seconds(900)}) {
        memory.failed(at("a"), {});
        clock.now += rest - seconds(1);
        CHECK(memory.resting(at("a")));
        clock.now += seconds(1);
        CHECK_FALSE(memory.resting(at("a")));
    }
    memory.serves(corp_key, at("a"));
    memory.failed(at("a"), {});
    clock.now += seconds(30);
    CHECK_FALSE(memory.resting(at("a")));
}

TEST_CASE("replication lag: since the last news of any partner") {
    struct Row {
        std::string name;
        Values values;
        std::optional<seconds> lag;
    };
    const std::vector<Row> rows{
        {"one partner", {partner(seconds(5))}, seconds(5)},
        {"a dead one beside it", {partner(hours(70)), partner(seconds(5))}, seconds(5)},
        {"news from the future", {partner(-minutes(5))}, seconds(0)},
        {"the other version", {partner(seconds(5), 2)}, seconds(5)},
        {"never",
         {partner(seconds(now.time_since_epoch().count() + 11'644'473'600))},
         std::nullopt},
        {"a time beyond time", {partner(-hours(90'000'000))}, std::nullopt},
        {"an unknown version", {partner(seconds(5), 3)}, std::nullopt},
        {"cut", {partner(seconds(5)).substr(0, 35)}, std::nullopt},
        {"nobody", {}, std::nullopt},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        CHECK(replication_lag(row.values, now) == row.lag);
    }
}

TEST_CASE("finding: one DC is logged in to, and stayed with") {
    TwoDcs dcs;
    CHECK(dcs.cycle() == "dc1 after 1+0 log-ins");
    dcs.dc1.unreachable = true;
    CHECK(dcs.cycle() == "dc2 after 1+1 log-ins");
    CHECK(dcs.cycle() == "dc2 after 0+1 log-ins"); // the dead one rests
    dcs.dc1.unreachable = false;
    dcs.clock.now += minutes(1);
    CHECK(dcs.cycle() == "dc2 after 0+1 log-ins"); // as good as the other: stayed with
    dcs.dc2.tier = 1;
    CHECK(dcs.cycle() == "dc1 after 1+0 log-ins"); // the nearer one is back
}

TEST_CASE("finding: servers of the settings are gone back to in their order") {
    TwoDcs dcs;
    dcs.bench.settings.forests[0].servers = {dcs.dc1.uri, dcs.dc2.uri};
    CHECK(dcs.cycle() == "dc1 after 1+1 log-ins");
    dcs.dc1.unreachable = true;
    CHECK(dcs.cycle() == "dc2 after 1+1 log-ins");
    CHECK(dcs.cycle() == "dc2 after 0+1 log-ins");
    dcs.dc2.unreachable = true;
    CHECK(dcs.cycle() == "lost after 1+1 log-ins"); // who rests is tried where nobody else is left
    dcs.dc1.unreachable = dcs.dc2.unreachable = false;
    dcs.clock.now += minutes(2);
    CHECK(dcs.cycle() == "dc1 after 1+1 log-ins");
}

TEST_CASE("finding: which DC is read where one is read-only or lags") {
    struct Row {
        std::string name;
        std::function<void(TwoDcs&)> arrange;
        std::string read, again;
    };
    const auto read_only = [](TwoDcs& dcs, MemoryServer& dc) {
        dcs.bench.configuration->set(dcs.bench.dsa(dc.uri.host), "objectClass",
                                     {"nTDSDSA", "nTDSDSARO"});
    };
    const std::vector<Row> rows{
        {"both are well", [](TwoDcs& dcs) { dcs.lag(seconds(15), seconds(15)); },
         "dc1 after 1+0 log-ins", "dc1 after 1+0 log-ins"},
        {"the first is read-only", [&](TwoDcs& dcs) { read_only(dcs, dcs.dc1); },
         "dc2 after 1+1 log-ins", "dc2 after 0+1 log-ins"},
        {"both are read-only",
         [&](TwoDcs& dcs) {
             read_only(dcs, dcs.dc1);
             read_only(dcs, dcs.dc2);
         },
         "dc1 after 1+1 log-ins", "dc1 after 1+1 log-ins"},
        {"the first lags", [](TwoDcs& dcs) { dcs.lag(hours(7), seconds(15)); },
         "dc2 after 1+1 log-ins", "dc2 after 0+1 log-ins"},
        {"a lag within what sites may have", [](TwoDcs& dcs) { dcs.lag(hours(5), seconds(15)); },
         "dc1 after 1+0 log-ins", "dc1 after 1+0 log-ins"},
        {"the first lags, and the other is down",
         [](TwoDcs& dcs) {
             dcs.lag(hours(7), seconds(15));
             dcs.dc2.unreachable = true;
         },
         "dc1 after 1+1 log-ins", "dc1 after 1+1 log-ins"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        TwoDcs dcs;
        row.arrange(dcs);
        CHECK(dcs.cycle() == row.read);
        CHECK(dcs.cycle() == row.again);
    }
}

TEST_CASE("finding: the lag is shown for all DCs once they are probed") {
    TwoDcs dcs;
    dcs.lag(seconds(15), hours(2));
    Sessions sessions(dcs.bench.settings, dcs.bench.forest, {});
    Topology topology = sessions.discover();
    sessions.probe(topology);
    const auto& servers = topology.find("corp", corp)->servers;
    REQUIRE(servers.size() == 2);
    CHECK(servers[0].lag == seconds(15));
    CHECK(servers[1].lag == hours(2));
}
