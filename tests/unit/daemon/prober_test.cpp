#include "daemon/prober.hpp"

#include "directory/memory.hpp"
#include "unit/daemon/mail.hpp"

#include <atomic>

using namespace scp;
using namespace scp::test;
using std::chrono::milliseconds;

namespace {

const DomainKey corp{"corp", DomainName("corp.test")};
const DomainKey emea{"corp", DomainName("emea.corp.test")};
const Error no_answer{ErrorKind::unreachable, "no answer in time", "", 0};
const Error refusal{ErrorKind::refused, "invalid credentials", "", 49};

constexpr ProbeWaits at_once{milliseconds{1}, milliseconds{1}};
constexpr ProbeWaits never{std::chrono::hours{1}, std::chrono::hours{1}};

/// corp.test and its child emea.corp.test, one server each; the memory forest counts connections.
struct TwoDomains : Connector {
    TwoDomains() {
        auto configuration = forest.add_partition(*Dn::parse("CN=Configuration,DC=corp,DC=test"));
        root = &forest.add_server("corp.test", Flavour::ad, {configuration});
        child = &forest.add_server("emea.corp.test", Flavour::ad, {configuration});
        forest.add_cross_refs(*configuration, Dn::of_domain("corp.test"));
        ForestSettings one;
        one.name = "corp";
        one.servers = {root->uri};
        one.tls.mode = TlsSettings::Mode::none;
        one.global_catalog.mode = GlobalCatalogSettings::Mode::off;
        one.domains[emea.second].servers = {child->uri};
        one.domains[corp.second].servers = {root->uri};
        ForestSettings other; // whose one server would throw
        other.name = "other";
        other.servers = {{ServerUri::Scheme::ldap, "dc1.other.test", 389}};
        auto made = std::make_shared<Settings>();
        made->forests = {one, other};
        settings = std::move(made);
    }

    Result<std::unique_ptr<Directory>> connect(const Endpoint& endpoint,
                                               std::stop_token stop) override {
        ++(endpoint.uri.host == root->uri.host    ? to_root
           : endpoint.uri.host == child->uri.host ? to_child
                                                  : elsewhere);
        if (deaf)
            return fail(no_answer);
        return forest.connect(endpoint, std::move(stop));
    }
    Result<std::vector<LocatedServer>> locate(const LocateRequest& wanted) override {
        return forest.locate(wanted);
    }

    MemoryForest forest;
    MemoryServer* root = nullptr;
    MemoryServer* child = nullptr;
    std::shared_ptr<const Settings> settings;
    std::atomic<bool> deaf = false;
    std::atomic<int> to_root = 0;
    std::atomic<int> to_child = 0;
    std::atomic<int> elsewhere = 0;
};

} // namespace

TEST_CASE("prober: a Configuration NC is asked for at its root, and at no other domain") {
    TwoDomains there;
    there.deaf = true;
    Mailbox mailbox;
    Prober prober(there, mailbox, at_once);
    const DomainKey configuration{"corp", DomainName::configuration_of(corp.second)};
    prober.probe(configuration, no_answer, there.settings);
    while (there.to_root < 3)
        std::this_thread::yield();
    CHECK(there.to_child == 0);
    there.deaf = false;
    CHECK(std::get<DomainIsBack>(next_mail(mailbox).at(0)).domain == configuration);
    CHECK(there.to_child == 0);
}

TEST_CASE("prober: a domain is down until it answers, and its mail names it") {
    TwoDomains there;
    there.deaf = true;
    Mailbox mailbox;
    Prober prober(there, mailbox, at_once);
    prober.probe(emea, no_answer, there.settings);
    REQUIRE(prober.down().count(emea) == 1);
    CHECK(prober.down().at(emea).message == no_answer.message);

    while (there.to_root < 3) // it goes on trying
        std::this_thread::yield();
    CHECK_FALSE(has_mail(mailbox, milliseconds{0}));
    there.deaf = false;
    const auto mail = next_mail(mailbox);
    REQUIRE(mail.size() == 1);
    CHECK(std::get<DomainIsBack>(mail[0]).domain == emea);
    CHECK(prober.down().count(emea) == 1); // until the main thread has heard of it
    prober.came_back(emea);
    CHECK(prober.down().empty());
}

TEST_CASE("prober: no other domain and no other forest is asked") {
    TwoDomains there;
    Mailbox mailbox;
    Prober prober(there, mailbox, at_once);
    prober.probe(corp, no_answer, there.settings);
    CHECK(std::get<DomainIsBack>(next_mail(mailbox).at(0)).domain == corp);
    CHECK(there.to_root > 0);
    CHECK(there.to_child == 0);
    CHECK(there.elsewhere == 0);
}

TEST_CASE("prober: the first reason stands while a probe runs") {
    TwoDomains there;
    Mailbox mailbox;
    Prober prober(there, mailbox, never);
    prober.probe(emea, no_answer, there.settings);
    prober.probe(emea, refusal, there.settings);
    CHECK(prober.down().at(emea).message == no_answer.message);
    prober.came_back(emea);
    prober.probe(emea, refusal, there.settings); // it failed anew
    CHECK(prober.down().at(emea).message == refusal.message);
    prober.forget(emea);
    CHECK(prober.down().empty());
}

TEST_CASE("prober: how long it waits depends on why the domain failed") {
    struct Row {
        const char* name;
        Error why;
        ProbeWaits waits;
        bool comes_back;
    };
    const milliseconds hour = std::chrono::hours{1};
    const std::vector<Row> rows{
        {"no answer: the back-off", no_answer, {milliseconds{1}, hour}, true},
        {"refused: the wait after a refusal", refusal, {hour, milliseconds{1}}, true},
        {"refused: never the back-off", refusal, {milliseconds{1}, hour}, false},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        TwoDomains there;
        Mailbox mailbox;
        Prober prober(there, mailbox, row.waits);
        prober.probe(emea, row.why, there.settings);
        // Of a wait of an hour a moment is seen.
        CHECK(has_mail(mailbox, row.comes_back ? milliseconds{30'000} : milliseconds{50}) ==
              row.comes_back);
        prober.stop_all(); // does not wait for the hour
        CHECK(prober.down().empty());
        CHECK((there.to_root > 0) == row.comes_back);
    }
}
