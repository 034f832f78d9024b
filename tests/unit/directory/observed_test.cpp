#include "directory/observed.hpp"

#include "directory/memory.hpp"
#include "support/dn.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace scp;
using namespace scp::test;

TEST_CASE("Observed: every operation is told once, with its error, and its answer is as it was") {
    MemoryForest forest;
    auto& server = forest.add_server("corp.test", Flavour::ad, {});
    std::vector<std::string> told;
    ObservedConnector observed(forest, [&](std::string_view operation, const Error* error) {
        told.push_back(std::string(operation) + " " + (error ? to_string(error->kind) : "ok"));
    });
    const auto heard = [&] { return std::exchange(told, {}); };
    using Lines = std::vector<std::string>;

    Endpoint endpoint;
    endpoint.uri = server.uri;
    endpoint.tls.mode = TlsSettings::Mode::none;
    auto opened = observed.connect(endpoint, {});
    REQUIRE(opened);
    CHECK(heard() == Lines{"connect ok"});
    Directory& session = **opened;
    CHECK(session.root_dse().default_naming_context == dn("DC=corp,DC=test"));
    CHECK_FALSE(session.server().empty());
    CHECK(session.takes_guid_names());
    CHECK(heard().empty());

    Search there;
    there.base.dn = dn("DC=corp,DC=test");
    there.scope = Scope::base;
    Search nowhere = there;
    nowhere.base.dn = dn("DC=else,DC=test");
    nowhere.scope = Scope::subtree;
    CHECK(session.search(there).entries.size() == 1);
    const Found refused = session.search(nowhere);
    REQUIRE_FALSE(refused.complete());
    const std::string kind = to_string(refused.incomplete->kind);
    CHECK(heard() == Lines{"search ok", "search " + kind});
    const auto both = session.search_all(std::vector{there, nowhere});
    REQUIRE(both.size() == 2);
    CHECK(both[0].entries.size() == 1);
    CHECK(both[1].incomplete == refused.incomplete);
    CHECK(heard() == Lines{"search ok", "search " + kind});

    const Dn made = dn("CN=made,DC=corp,DC=test");
    const Attributes container{{"objectClass", {"top", "container"}}, {"cn", {"made"}}};
    CHECK(session.write(std::vector<Write>{AddEntry{made, container}}).front());
    CHECK_FALSE(session.write(std::vector<Write>{AddEntry{made, container}}).front());
    ModifyEntry modify;
    modify.object.dn = made;
    modify.modifications = {{Modification::Op::replace, "description", {"x"}}};
    CHECK(session.write(std::vector<Write>{modify}).front());
    RenameEntry rename;
    rename.object.dn = made;
    rename.new_rdn = "CN=renamed";
    CHECK(session.write(std::vector<Write>{rename}).front());
    DeleteEntry remove;
    remove.object.dn = made;
    CHECK_FALSE(session.write(std::vector<Write>{remove}).front());
    CHECK(heard() ==
          Lines{"add ok", "add already-exists", "modify ok", "rename ok", "delete not-found"});

    CHECK(session.listen(std::vector{WatchedPlace{dn("DC=corp,DC=test"), Scope::subtree, false}}));
    CHECK(heard() == Lines{"listen ok"});
    std::stop_source stopped;
    stopped.request_stop();
    CHECK(session.heard(std::chrono::milliseconds{1}, stopped.get_token()));
    CHECK(heard().empty());
}

TEST_CASE("Observed: a server that cannot be had is told too") {
    struct Refusing : Connector {
        Result<std::unique_ptr<Directory>> connect(const Endpoint&, std::stop_token) override {
            return fail(ErrorKind::unreachable, "no answer");
        }
        Result<std::vector<LocatedServer>> locate(const LocateRequest&) override {
            return fail(ErrorKind::not_found, "no such domain");
        }
    } refusing;
    std::vector<std::string> told;
    ObservedConnector observed(refusing, [&](std::string_view operation, const Error* error) {
        told.push_back(std::string(operation) + ": " + (error ? error->message : "ok"));
    });
    CHECK_FALSE(observed.connect({}, {}));
    CHECK_FALSE(observed.locate({}));
    CHECK(told == std::vector<std::string>{"connect: no answer", "locate: no such domain"});
}
