// What scpd knows of itself, and what the watchdog goes by.
#include "daemon/clocks.hpp"
#include "daemon/errands.hpp"
#include "daemon/pulse.hpp"
#include "daemon/retired_threads.hpp"
#include "daemon/service_state.hpp"
#include "daemon/watchdog.hpp"
#include "unit/daemon/mail.hpp"

#include <atomic>

using namespace scp;
using namespace scp::test;
using std::chrono::milliseconds;
using std::chrono::seconds;
using State = ServiceStatus::State;

namespace {

const Timestamp noon = *parse_rfc3339("2026-06-01T12:00:00Z");
const DomainKey the_domain{"corp", DomainName("corp.test")};

Settings two_rules() {
    Settings settings;
    settings.instance = "prod";
    settings.rules.resize(2);
    settings.rules[0].name = "mage";
    settings.rules[1].name = "drs";
    return settings;
}

CycleDone a_cycle(std::optional<Error> error = std::nullopt) {
    CycleDone done;
    DomainView view;
    view.forest = the_domain.first;
    view.domain = the_domain.second;
    view.incomplete = std::move(error);
    done.report.observation.domains = {view};
    done.rules = {{"drs", Mode::sync, 0, 0, 0, 0}, {"mage", Mode::upsert, 0, 0, 0, 0}};
    return done;
}

const Error silence{ErrorKind::unreachable, "no answer", "", 0};

} // namespace

TEST_CASE("service state: starting, ok, paused, degraded") {
    ServiceState service(two_rules(), noon);
    const auto state = [&] { return service.status({}).state; };
    CHECK(state() == State::starting);
    service.cycle_done(a_cycle(), "start", noon);
    CHECK(state() == State::ok);

    HostState host;
    host.pauses = {{"mage", "", "me", noon}};
    service.paused_and_approved(host);
    CHECK(state() == State::ok); // the other rule goes on
    host.pauses.push_back({"DRS", "", "me", noon});
    service.paused_and_approved(host);
    CHECK(state() == State::paused);
    host.pauses = {{"", "", "me", noon}};
    service.paused_and_approved(host);
    CHECK(state() == State::paused);

    service.settings_refused("the new settings have 1 problem");
    CHECK(state() == State::degraded);
    CHECK(service.warning() == "; the new settings have 1 problem");
    service.cycle_done(a_cycle(), "resync", noon);
    CHECK(state() == State::degraded); // until good ones are loaded
    service.settings_loaded(two_rules());
    CHECK(state() == State::ok);
    CHECK(service.warning().empty());

    service.cycle_done(a_cycle(silence), "resync", noon);
    CHECK(state() == State::degraded);
}

TEST_CASE("service state: a domain that is lost keeps when it was last read, and so do those of a "
          "lost forest") {
    ServiceState service(two_rules(), noon);
    service.cycle_done(a_cycle(), "start", noon);
    const auto domain = [&] { return service.status({{the_domain, "usn"}}).domains.at(0); };
    CHECK(domain().last_seen == noon);
    CHECK(domain().watch == "usn");
    CHECK(domain().error.empty());

    service.cycle_done(a_cycle(silence), "change", noon + seconds{9});
    CHECK(domain().last_seen == noon);
    CHECK(domain().error == "no answer");

    CycleDone lost;
    lost.report.topology.forests.resize(1);
    lost.report.topology.forests[0].name = "corp";
    lost.report.topology.forests[0].root = the_domain.second;
    lost.report.topology.forests[0].error = silence;
    service.cycle_done(lost, "retry", noon + seconds{19});
    REQUIRE(service.status({}).domains.size() == 1);
    CHECK(domain().last_seen == noon);
    CHECK(domain().error == "no answer");
    service.cycle_done(a_cycle(), "retry", noon + seconds{29});
    CHECK(domain().last_seen == noon + seconds{29});
}

TEST_CASE("the longest silence follows the time-outs of the slowest forest") {
    Settings settings;
    CHECK(allowed_silence(settings) == seconds{10});
    settings.forests.resize(2);
    settings.forests[0].timeouts = {seconds{1}, seconds{2}};
    settings.forests[1].timeouts = {seconds{5}, seconds{30}};
    CHECK(allowed_silence(settings) == seconds{80});
}

TEST_CASE("errands are done in order, on a thread, and told on ours") {
    Mailbox mailbox;
    Errands errands(mailbox);
    std::vector<int> order;
    std::vector<std::string> told;
    for (int n = 0; n < 3; ++n)
        errands.run(
            [&order, n](const std::stop_token&) -> Result<void> {
                order.push_back(n);
                if (n == 1)
                    return fail(silence);
                return {};
            },
            [&told](const Result<void>& result) {
                told.push_back(result ? "done" : result.error().message);
            });
    CHECK(told.empty());
    while (told.size() < 3)
        for (const Message& message : next_mail(mailbox))
            CHECK(errands.finish(std::get<ErrandDone>(message)));
    CHECK(order == std::vector{0, 1, 2});
    CHECK(told == std::vector<std::string>{"done", "no answer", "done"});
    CHECK_FALSE(errands.finish(ErrandDone{1, {}})); // told already
}

TEST_CASE("errands that wait are not begun when it ends, and the one under way is asked to stop") {
    Mailbox mailbox;
    std::atomic<bool> second = false;
    {
        Errands errands(mailbox);
        std::atomic<bool> begun = false;
        errands.run(
            [&begun](const std::stop_token& stop) -> Result<void> {
                begun = true;
                begun.notify_all();
                while (!stop.stop_requested())
                    std::this_thread::yield();
                return {};
            },
            [](const Result<void>&) {});
        errands.run(
            [&second](const std::stop_token&) -> Result<void> {
                second = true;
                return {};
            },
            [](const Result<void>&) {});
        begun.wait(false);
    }
    CHECK_FALSE(second);
}

TEST_CASE("retired threads are asked to stop, and nobody waits for them until the end") {
    std::atomic<int> ended = 0;
    std::atomic<bool> may_end = false;
    {
        RetiredThreads retired;
        for (int n = 0; n < 3; ++n)
            retired.take(std::jthread([&](const std::stop_token& stop) {
                while (!stop.stop_requested())
                    std::this_thread::yield();
                may_end.wait(false);
                ++ended;
            }));
        retired.take({});
        CHECK(ended == 0);
        may_end = true;
        may_end.notify_all();
    }
    CHECK(ended == 3);
}

TEST_CASE("the schedule's clock counts the time that the machine was suspended") {
    timespec before{};
    clock_gettime(CLOCK_BOOTTIME, &before);
    const auto now = BootClock::now().time_since_epoch();
    CHECK(now >= seconds{before.tv_sec});
    CHECK(now - seconds{before.tv_sec} < seconds{60});
}
