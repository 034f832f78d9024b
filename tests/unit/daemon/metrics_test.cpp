#include "daemon/metrics.hpp"
#include "daemon/metrics_outlets.hpp"
#include "daemon/service_state.hpp"

#include "support/temporary_folder.hpp"
#include "support/world.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <fstream>
#include <sstream>
#include <thread>

#include <sys/stat.h>

using namespace scp;
using namespace scp::test;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;

/// A source in emea, an agent in corp, as a daemon's cycles meet them.
struct Scene {
    Scene() {
        Rule rule = a_rule();
        world.account(rule, "corp.test");
        world.add_rule(rule);
        world.domain("corp.test");
        source = &world.add(an_scp().with_keyword("mage").with_binding("Port=1"));
        world.topology.forests.push_back({});
        world.topology.forests.back().name = "corp";
    }
    /// A cycle whose writes all end in `state`.
    CycleDone cycle(ChangeResult::State state = ChangeResult::State::done) {
        CycleDone done;
        done.took = 30ms;
        done.report.topology = world.topology;
        done.report.observation = world.observation;
        done.report.plan = world.plan();
        for (const auto& change : done.report.plan.changes)
            done.report.results[change.id()].state = state;
        if (state == ChangeResult::State::done)
            world.apply(done.report.plan);
        return done;
    }
    void tell(const CycleDone& done, const char* trigger = "change") {
        service.cycle_done(done, trigger, Timestamp{wall});
        metrics.cycle_ended(done, trigger, world.settings, service.status({}), now);
    }
    [[nodiscard]] bool shows(const std::string& line) const {
        return ("\n" + metrics.text()).find("\n" + line + "\n") != std::string::npos;
    }
    [[nodiscard]] bool has(const std::string& part) const {
        return metrics.text().find(part) != std::string::npos;
    }

    World world;
    Scp* source = nullptr;
    ServiceState service{world.settings, Timestamp{}};
    Metrics metrics;
    Clock::time_point now{1h};
    std::chrono::seconds wall{1'800'000'000};
};

#define SHOWS(line) CHECK_MESSAGE(scene.shows(line), scene.metrics.text())

} // namespace

TEST_CASE("Metrics: before the first cycle scpd is starting") {
    const Scene scene;
    SHOWS("scpd_state 0");
    SHOWS("scpd_cycle_seconds_count 0");
}

TEST_CASE("Metrics: a cycle that writes") {
    Scene scene;
    scene.metrics.change_seen(scene.now - 700ms);
    scene.metrics.cycle_began();
    scene.tell(scene.cycle());
    SHOWS("scpd_cycles_total{trigger=\"change\"} 1");
    SHOWS("scpd_cycle_seconds_bucket{le=\"0.05\"} 1");
    SHOWS("scpd_changes_total{op=\"create\",result=\"done\",rule=\"mage\"} 1");
    SHOWS("scpd_propagation_seconds_bucket{le=\"0.5\"} 0");
    SHOWS("scpd_propagation_seconds_bucket{le=\"1\"} 1");
    SHOWS("scpd_copies{rule=\"mage\",state=\"in-sync\"} 1");
    SHOWS("scpd_domain_complete{domain=\"corp.test\"} 1");
    SHOWS("scpd_domain_last_seen_timestamp_seconds{domain=\"emea.corp.test\"} 1800000000");
    scene.tell(scene.cycle(), "resync"); // plans nothing
    SHOWS("scpd_copies{rule=\"mage\",state=\"in-sync\"} 1");
    SHOWS("scpd_propagation_seconds_count 1");
    SHOWS("scpd_cycles_total{trigger=\"resync\"} 1");
}

TEST_CASE("Metrics: a write that fails, and its copy") {
    Scene scene;
    scene.tell(scene.cycle());
    scene.source->attributes["serviceBindingInformation"] = {"Port=2"};
    scene.tell(scene.cycle(ChangeResult::State::failed));
    SHOWS("scpd_changes_total{op=\"update\",result=\"failed\",rule=\"mage\"} 1");
    SHOWS("scpd_copies{rule=\"mage\",state=\"failed\"} 1");
    SHOWS("scpd_copies{rule=\"mage\",state=\"in-sync\"} 0");
    scene.tell(scene.cycle());
    scene.tell(scene.cycle());
    CHECK_FALSE(scene.has("state=\"failed\""));
}

TEST_CASE("Metrics: what is held goes to 0 when it ends, and away with its rule") {
    Scene scene;
    scene.world.add(
        an_scp().in("corp.test").number(9).with_keyword("mage").with_binding("its own"));
    scene.tell(scene.cycle());
    SHOWS("scpd_held{reason=\"native-differs\",rule=\"mage\"} 1");
    scene.world.domain("corp.test").scps.clear();
    scene.tell(scene.cycle());
    SHOWS("scpd_held{reason=\"native-differs\",rule=\"mage\"} 0");
    scene.world.settings.rules.front().name = scene.world.rules.front().name = "renamed";
    scene.world.observation.accounts.front().rule = "renamed";
    scene.tell(scene.cycle());
    CHECK_FALSE(scene.has("native-differs"));
}

TEST_CASE("Metrics: rules that only a marker names are one series, whatever the names") {
    Scene scene;
    scene.tell(scene.cycle());
    auto& copy = scene.world.domain("corp.test").scps.front();
    for (const char* name : {"a", "b", "c"}) {
        copy.marker->rule = name;
        scene.tell(scene.cycle(ChangeResult::State::skipped));
        SHOWS("scpd_copies{rule=\"(other)\",state=\"in-sync\"} 1");
        CHECK_FALSE(scene.has(std::string("rule=\"") + name + "\""));
    }
}

TEST_CASE("Metrics: a domain that is down keeps when it was seen, and its copies") {
    Scene scene;
    scene.tell(scene.cycle());
    auto& corp = scene.world.domain("corp.test");
    corp.incomplete = Error{ErrorKind::unreachable, "no answer", "", 0};
    const auto scps = std::exchange(corp.scps, {});
    scene.wall += 60s;
    scene.tell(scene.cycle());
    SHOWS("scpd_domain_complete{domain=\"corp.test\"} 0");
    SHOWS("scpd_domain_last_seen_timestamp_seconds{domain=\"corp.test\"} 1800000000");
    SHOWS("scpd_domain_last_seen_timestamp_seconds{domain=\"emea.corp.test\"} 1800000060");
    SHOWS("scpd_copies{rule=\"mage\",state=\"in-sync\"} 1");

    // The whole forest is lost: its domains are not known any more.
    const auto domains = std::exchange(scene.world.observation.domains, {});
    scene.world.topology.forests.front().error = Error{ErrorKind::unreachable, "no answer", "", 0};
    CycleDone lost;
    lost.report.topology = scene.world.topology;
    scene.tell(lost);
    SHOWS("scpd_domain_complete{domain=\"emea.corp.test\"} 0");
    SHOWS("scpd_copies{rule=\"mage\",state=\"in-sync\"} 1");

    // It is back, and one domain was taken down for good.
    lost.report.topology.forests.front().error.reset();
    lost.report.observation.domains = domains;
    std::erase_if(lost.report.observation.domains,
                  [](const DomainView& view) { return view.domain.text() == "corp.test"; });
    scene.tell(lost);
    CHECK_FALSE(scene.has("domain=\"corp.test\""));
    SHOWS("scpd_domain_complete{domain=\"emea.corp.test\"} 1");
}

TEST_CASE("Metrics: the state is a number") {
    Scene scene;
    scene.metrics.show_state(ServiceStatus::State::ok);
    SHOWS("scpd_state 1");
    scene.metrics.show_state(ServiceStatus::State::degraded);
    SHOWS("scpd_state 2");
    scene.metrics.show_state(ServiceStatus::State::paused);
    SHOWS("scpd_state 3");
}

TEST_CASE("Metrics: who collects while a cycle ends sees all of it or nothing") {
    Scene scene;
    scene.world.domain("emea.corp.test").incomplete =
        Error{ErrorKind::unreachable, "no answer", "", 0};
    const CycleDone down = scene.cycle();
    scene.world.domain("emea.corp.test").incomplete.reset();
    const CycleDone up = scene.cycle();
    scene.tell(up);
    std::atomic<bool> ended = false;
    std::thread cycles([&] {
        for (int i = 0; i < 300; ++i)
            scene.tell(i % 2 == 0 ? down : up);
        ended = true;
    });
    int mixed = 0;
    while (!ended) {
        const std::string text = scene.metrics.text();
        const bool degraded = text.find("\nscpd_state 2\n") != std::string::npos;
        const bool incomplete = text.find("domain=\"emea.corp.test\"} 0\n") != std::string::npos;
        mixed += degraded == incomplete ? 0 : 1;
    }
    cycles.join();
    CHECK(mixed == 0);
}

TEST_CASE("Metrics: operations by kind and by what became of them") {
    Scene scene;
    const Error refused{ErrorKind::refused, "invalid credentials", "", 49};
    scene.metrics.operation("connect", &refused);
    scene.metrics.operation("search", nullptr);
    scene.metrics.operation("search", nullptr);
    SHOWS("scpd_ldap_operations_total{op=\"connect\",result=\"refused\"} 1");
    SHOWS("scpd_ldap_operations_total{op=\"search\",result=\"ok\"} 2");
}

TEST_CASE("Change clock: from the first change seen to the write that it is due to") {
    ChangeClock clock;
    const ChangeClock::Time start{};
    CycleReport nothing;
    CycleReport written;
    written.plan.changes.resize(2);
    written.plan.changes[1].rule = "another";
    written.plan.changes[1].dn = *Dn::parse("CN=x");
    for (const auto& change : written.plan.changes)
        written.results[change.id()].state = ChangeResult::State::done;
    CycleReport partly = written;
    partly.results.begin()->second.state = ChangeResult::State::failed;

    clock.cycle_began();
    CHECK_FALSE(clock.cycle_ended(written, start)); // nobody saw a change

    clock.seen(start);
    clock.seen(start + 1s);
    clock.cycle_began();
    clock.seen(start + 2s); // while it runs: for the next one
    CHECK(clock.cycle_ended(written, start + 3s) == 3000ms);
    clock.cycle_began();
    CHECK_FALSE(clock.cycle_ended(nothing, start + 4s));
    clock.cycle_began();
    CHECK_FALSE(clock.cycle_ended(written, start + 5s));

    clock.seen(start + 10s); // not all of it at once
    clock.cycle_began();
    clock.seen(start + 11s);
    CHECK(clock.cycle_ended(partly, start + 12s) == 2000ms);
    clock.cycle_began();
    CHECK(clock.cycle_ended(written, start + 20s) == 10000ms);

    CycleReport marks = written; // no copy's content changes
    for (auto& change : marks.plan.changes)
        change.op = Op::mark;
    marks.results.clear();
    for (const auto& change : marks.plan.changes)
        marks.results[change.id()].state = ChangeResult::State::done;
    clock.seen(start + 30s);
    clock.cycle_began();
    CHECK_FALSE(clock.cycle_ended(marks, start + 31s));
}

TEST_CASE("Metrics file: replaced as a whole, readable by others, and failing in words") {
    const TemporaryFolder folder;
    const std::string path = folder / "scpd.prom";
    const auto old_mask = ::umask(077);
    CHECK(replace_file(path, "one\n").empty());
    folder.write("scpd.prom.scpd-new", "left by one that was killed");
    CHECK(replace_file(path, "two\n").empty());
    ::umask(old_mask);
    std::stringstream read;
    read << std::ifstream(path).rdbuf();
    CHECK(read.str() == "two\n");
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0644);
    CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);

    const std::string nowhere = folder / "missing/scpd.prom";
    CHECK(replace_file(nowhere, "x") == nowhere + ".scpd-new: No such file or directory");
    std::filesystem::create_directory(folder / "taken.prom");
    CHECK(replace_file(folder / "taken.prom", "x") ==
          (folder / "taken.prom").string() + ": Is a directory");
    CHECK_FALSE(std::filesystem::exists(folder / "taken.prom.scpd-new"));
}
