#include "daemon/domain_watch.hpp"

#include "directory/memory.hpp"

#include <doctest/doctest.h>

#include <utility>

using namespace scp;
using Watch = DaemonSettings::Watch;
using namespace std::chrono_literals;

namespace {

/// One AD domain, and the watch of it: what it told at each step.
struct Watched {
    explicit Watched(Watch how, std::chrono::milliseconds poll = 30s) {
        server = &forest.add_server("corp.test");
        put("old", {});
        put("user", {{"objectClass", {"user"}}});
        show_invocation("first");
        DaemonSettings settings;
        settings.watch = how;
        settings.poll = poll;
        watch.emplace(
            forest,
            [this](const Message& message) {
                changes += std::holds_alternative<DomainChanged>(message) ? 1 : 0;
                if (const auto* state = std::get_if<WatchState>(&message)) {
                    states.push_back(state->how.empty() ? "lost: " + state->error.message
                                                        : state->how);
                    details.push_back(state->detail + state->error.hint);
                }
            },
            WatchTarget{{"corp", DomainName("corp.test")},
                        Dn::of_domain("corp.test"),
                        Endpoint{server->uri, {}, {}, {}},
                        {Dn::of_domain("corp.test").child("CN", "System")}},
            settings, [this] { return now; });
    }
    void put(const std::string& name, Attributes attributes) {
        if (attributes.empty())
            attributes = {{"objectClass", {"serviceConnectionPoint"}}};
        server->default_partition().put(dn(name), std::move(attributes));
    }
    /// The DC's NTDS Settings object, which here lies in the domain itself.
    void show_invocation(const std::string& sixteen_bytes) {
        server->root_dse["dsServiceName"] = {dn("NTDS Settings").text()};
        std::string id = sixteen_bytes;
        id.resize(16, 'x');
        server->default_partition().put(dn("NTDS Settings"),
                                        {{"objectClass", {"nTDSDSA"}}, {"invocationId", {id}}});
    }
    static Dn dn(const std::string& name) {
        return Dn::of_domain("corp.test").child("CN", "System").child("CN", name);
    }
    std::chrono::milliseconds step() {
        changes = 0;
        return watch->step(stop.get_token());
    }

    MemoryForest forest;
    MemoryServer* server = nullptr;
    std::stop_source stop;
    std::chrono::steady_clock::time_point now{};
    int changes = 0; ///< told in the last step
    std::vector<std::string> states, details;
    std::optional<DomainWatch> watch;
};

} // namespace

TEST_CASE("the way of watching is chosen by what the server has") {
    RootDse openldap;
    openldap.supported_controls = {"1.3.6.1.4.1.4203.1.9.1.1"};
    RootDse active_directory;
    active_directory.highest_committed_usn = 8000;
    active_directory.supported_controls = {"1.2.840.113556.1.4.528"};
    RootDse usns_alone;
    usns_alone.highest_committed_usn = 8000;
    const RootDse neither;
    struct Row {
        const char* name;
        Watch wanted;
        const RootDse& root;
        std::string chosen; ///< empty: refused
    };
    const std::vector<Row> rows{
        {"auto on OpenLDAP", Watch::automatic, openldap, "syncrepl"},
        {"auto on AD", Watch::automatic, active_directory, "notify"},
        {"auto on a server with USNs alone", Watch::automatic, usns_alone, "usn"},
        {"auto on a server with neither", Watch::automatic, neither, "poll"},
        {"forced syncrepl on AD", Watch::syncrepl, active_directory, ""},
        {"forced usn on OpenLDAP", Watch::usn, openldap, ""},
        {"forced notify on OpenLDAP", Watch::notify, openldap, ""},
        {"forced notify without the control", Watch::notify, usns_alone, ""},
        {"forced notify", Watch::notify, active_directory, "notify"},
        {"forced poll anywhere", Watch::poll, openldap, "poll"},
        {"forced syncrepl", Watch::syncrepl, openldap, "syncrepl"},
        {"forced usn", Watch::usn, active_directory, "usn"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const auto kind = choose_watch(row.wanted, row.root);
        CHECK((kind ? to_string(*kind) : "") == row.chosen);
        if (!kind)
            CHECK(kind.error().hint.find("daemon.watch") != std::string::npos);
    }
}

namespace {

struct Happening {
    const char* name;
    std::function<void(Watched&)> happens;
    bool is_news;
    bool heard; ///< by a notification of the container, before the USNs are looked at
};

const std::vector<Happening>& happenings() {
    const auto& dn = Watched::dn;
    static const std::vector<Happening> rows{
        {"nothing", [](Watched&) {}, false, false},
        {"a new SCP", [](Watched& w) { w.put("new", {}); }, true, true},
        {"two new SCPs",
         [](Watched& w) {
             w.put("new", {});
             w.put("newer", {});
         },
         true, true},
        {"a new SCP elsewhere",
         [](Watched& w) {
             w.server->default_partition().put(Dn::of_domain("corp.test").child("CN", "elsewhere"),
                                               {{"objectClass", {"serviceConnectionPoint"}}});
         },
         true, false},
        {"an SCP is changed",
         [&](Watched& w) { w.server->default_partition().set(dn("old"), "keywords", {"other"}); },
         true, true},
        {"an SCP is deleted", [&](Watched& w) { w.server->default_partition().remove(dn("old")); },
         true, false},
        {"an SCP is renamed",
         [&](Watched& w) { w.server->default_partition().rename(dn("old"), "CN=renamed"); }, true,
         true},
        {"an SCP is moved away",
         [&](Watched& w) {
             w.server->default_partition().relocate(
                 dn("old"), Dn::of_domain("corp.test").child("CN", "elsewhere"));
         },
         true, false},
        {"a user is changed",
         [&](Watched& w) { w.server->default_partition().set(dn("user"), "title", {"boss"}); },
         false, false},
        {"the DC is restored: its numbers go back",
         [](Watched& w) { w.server->root_dse["highestCommittedUSN"] = {"1"}; }, true, false},
        {"the DC is restored: another invocationId", [](Watched& w) { w.show_invocation("other"); },
         true, false},
    };
    return rows;
}

} // namespace

TEST_CASE("a watch by uSNChanged tells of what happens to SCPs, and of nothing else") {
    for (const auto& row : happenings()) {
        CAPTURE(row.name);
        Watched watched(Watch::usn);
        CHECK(watched.step() == 30s);
        CHECK(watched.changes == 1); // what came between the cycle's read and the watermark
        row.happens(watched);
        CHECK(watched.step() == 30s);
        CHECK(watched.changes == (row.is_news ? 1 : 0));
        watched.step();
        CHECK(watched.changes == 0);
        CHECK(watched.states == std::vector<std::string>{"usn"});
    }
}

TEST_CASE("a watch by notification hears at once, and of the rest by the next look at the USNs") {
    for (const auto& row : happenings()) {
        CAPTURE(row.name);
        Watched watched(Watch::automatic);
        CHECK(watched.step() == 0s); // a step that listens does the waiting
        CHECK(watched.changes == 1);
        row.happens(watched);
        CHECK(watched.step() == 0s);
        CHECK(watched.changes == (row.heard ? 1 : 0));
        watched.now += 30s;
        CHECK(watched.step() == 0s);
        CHECK(watched.changes == (row.is_news ? 1 : 0)); // what was heard is found once more
        watched.now += 30s;
        watched.step();
        CHECK(watched.changes == 0);
        CHECK(watched.states == std::vector<std::string>{"notify"});
        CHECK(watched.details.front() == "in CN=System,DC=corp,DC=test; deletes show at the next "
                                         "resync: CN=Deleted Objects cannot be read");
    }
}

TEST_CASE("deletes are heard at once where deleted objects can be read") {
    Watched watched(Watch::notify);
    watched.server->default_partition().put(
        Dn::of_domain("corp.test").child("CN", "Deleted Objects"),
        {{"objectClass", {"container"}}});
    watched.step();
    CHECK(watched.details.front() ==
          "in CN=System,DC=corp,DC=test, in CN=Deleted Objects,DC=corp,DC=test");
    watched.server->default_partition().remove(Watched::dn("user"));
    watched.step();
    CHECK(watched.changes == 0);
    watched.server->default_partition().remove(Watched::dn("old"));
    watched.step();
    CHECK(watched.changes == 1);
}

TEST_CASE("what is registered: few containers, else the whole domain, never more than four") {
    const Dn nc = Dn::of_domain("corp.test");
    struct Row {
        const char* name;
        int containers;
        bool deleted_objects;
        std::string registered;
    };
    const std::string deleted = "in CN=Deleted Objects,DC=corp,DC=test";
    const std::vector<Row> rows{
        {"no SCP anywhere", 0, false, "all of DC=corp,DC=test"},
        {"one container", 1, false, "in CN=c1,DC=corp,DC=test"},
        {"three and the deleted", 3, true,
         "in CN=c1,DC=corp,DC=test, in CN=c2,DC=corp,DC=test, in CN=c3,DC=corp,DC=test, " +
             deleted},
        {"four", 4, false,
         "in CN=c1,DC=corp,DC=test, in CN=c2,DC=corp,DC=test, in CN=c3,DC=corp,DC=test, in "
         "CN=c4,DC=corp,DC=test"},
        {"four and the deleted", 4, true, "all of DC=corp,DC=test, " + deleted},
        {"five", 5, false, "all of DC=corp,DC=test"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        WatchTarget target{{"corp", DomainName("corp.test")}, nc, {}, {}};
        for (int i = 1; i <= row.containers; ++i)
            target.containers.push_back(nc.child("CN", "c" + std::to_string(i)));
        const auto places = places_to_hear(target, row.deleted_objects);
        CHECK(places.size() <= most_notifications);
        CHECK(to_string(places) == row.registered);
    }
}

TEST_CASE("a server that refuses to notify: auto goes by USNs, notify says what to set") {
    struct Row {
        const char* name;
        Watch how;
        bool late;
        std::vector<std::string> states;
        std::string said; ///< with the last state
    };
    const std::string too_many =
        "cannot be told of changes below CN=Deleted Objects,DC=corp,DC=test"
        " on ldap://dc1.corp.test: LDAP 51 busy";
    const std::string one_more =
        "cannot be told of changes on ldap://dc1.corp.test: LDAP 11 adminLimitExceeded";
    const std::string what_to_set = "set daemon.watch: auto, or usn";
    const std::vector<Row> rows{
        {"auto",
         Watch::automatic,
         false,
         {"lost: " + too_many, "usn"},
         "no notifications: " + too_many},
        {"auto, when there is something to tell",
         Watch::automatic,
         true,
         {"notify", "lost: " + one_more, "usn"},
         "no notifications: " + one_more},
        {"notify", Watch::notify, false, {"lost: " + too_many, "lost: " + too_many}, what_to_set},
        {"notify, when there is something to tell",
         Watch::notify,
         true,
         {"notify", "lost: " + one_more, "notify", "lost: " + one_more},
         what_to_set},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        Watched watched(row.how);
        watched.server->notifications = 1;
        watched.server->refuses_late = row.late;
        watched.server->default_partition().put(
            Dn::of_domain("corp.test").child("CN", "Deleted Objects"),
            {{"objectClass", {"container"}}});
        for (int i = 0; i < 9 && watched.states.size() < row.states.size(); ++i)
            watched.step();
        CHECK(watched.states == row.states);
        CHECK(watched.details.back() == row.said);
        if (row.how == Watch::notify)
            continue;
        watched.put("new", {});
        CHECK(watched.step() == 30s);
        CHECK(watched.changes == 1);
        // A session later the server is asked again.
        watched.server->notifications = 5;
        watched.server->unreachable = true;
        watched.step();
        watched.server->unreachable = false;
        watched.step();
        CHECK(watched.states.back() == "notify");
    }
}

TEST_CASE("a watch that polls asks for a look each time") {
    Watched watched(Watch::poll);
    for (int i = 0; i < 3; ++i) {
        CHECK(watched.step() == 30s);
        CHECK(watched.changes == 1);
        watched.now += 30s;
    }
    CHECK(watched.states == std::vector<std::string>{"poll"});
}

TEST_CASE("a server is asked for a sign of life at least every five minutes, whatever the kind") {
    for (const Watch how : {Watch::poll, Watch::usn, Watch::notify}) {
        CAPTURE(static_cast<int>(how));
        Watched watched(how, 2h);
        const auto wait = watched.step();
        CHECK(wait == (how == Watch::notify ? 0s : 300s));
        for (int i = 0; i < 3; ++i) {
            const auto before = watched.server->searches;
            watched.now += 300s;
            watched.step();
            CHECK(watched.server->searches > before);
            CHECK(watched.changes == 0);
        }
        watched.server->unreachable = true;
        watched.now += 300s;
        CHECK(watched.step() == 0s);
        CHECK(watched.step() == 1s);
        CHECK(watched.states.back() == "lost: lost the connection to ldap://dc1.corp.test");
    }
}

TEST_CASE("a watch that is lost says so, waits ever longer, and asks for a look when it is back") {
    Watched watched(Watch::usn);
    watched.step();
    watched.server->unreachable = true;
    watched.put("unseen", {});
    CHECK(watched.step() == 1s);
    CHECK(watched.step() == 2s);
    CHECK(watched.step() == 4s);
    CHECK(watched.changes == 0);
    CHECK(watched.states.size() == 4); // usn, and three times lost
    watched.server->unreachable = false;
    CHECK(watched.step() == 30s);
    CHECK(watched.changes == 1);
    CHECK(watched.states.back() == "usn");

    watched.now += 61s; // it held for a while: not the fourth failure in a row
    watched.server->unreachable = true;
    CHECK(watched.step() == 0s);
    CHECK(watched.step() == 1s);
    CHECK(watched.changes == 0);
}

TEST_CASE(
    "a session that ends after a while, as with its ticket, is no news if the next one is had") {
    for (const bool still_there : {true, false}) {
        for (const Watch how : {Watch::usn, Watch::notify, Watch::poll}) {
            CAPTURE(still_there);
            CAPTURE(static_cast<int>(how));
            Watched watched(how);
            watched.step();
            const auto first = watched.states.front();
            watched.now += 10h;
            bool ended = false;
            watched.server->search_fault = [&](const Search&) -> std::optional<Error> {
                if (std::exchange(ended, true))
                    return std::nullopt;
                return Error{ErrorKind::unreachable, "LDAP 52: the ticket has expired", {}, 52};
            };
            CHECK(watched.step() == 0s);
            CHECK(watched.states == std::vector<std::string>{first});
            watched.server->unreachable = !still_there;
            const auto wait = watched.step();
            if (still_there) {
                CHECK(watched.states == std::vector<std::string>{first, first});
                CHECK(watched.changes == 1);
            } else {
                CHECK(wait == 1s);
                CHECK(watched.states.back() == "lost: LDAP 52: the ticket has expired");
                watched.step();
                CHECK(watched.states.back() ==
                      "lost: cannot connect to ldap://dc1.corp.test: no answer in time");
            }
        }
    }
}

TEST_CASE("a watch that the server cannot have says why") {
    Watched watched(Watch::syncrepl);
    CHECK(watched.step() == 1s);
    REQUIRE(watched.states.size() == 1);
    CHECK(watched.states.front().find("RFC 4533") != std::string::npos);
}
