#include "directory/memory.hpp"

#include "support/dn.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

using namespace scp;
using namespace scp::test;

namespace {

const Dn corp = dn("DC=corp,DC=test");
const Dn system_container = dn("CN=System,DC=corp,DC=test");

AddEntry an_scp(const std::string& name, Values keywords = {"k1", "k2"}) {
    return {system_container.child("CN", name),
            {{"objectClass", {"serviceConnectionPoint"}}, {"keywords", std::move(keywords)}}};
}

Search all_scps() {
    Search search;
    search.base.dn = corp;
    search.filter = equals("objectClass", "serviceConnectionPoint");
    return search;
}

std::unique_ptr<Directory> open(MemoryForest& forest, const std::string& host = "dc1.corp.test") {
    Endpoint endpoint;
    endpoint.uri = {ServerUri::Scheme::ldap, host, 389};
    auto session = forest.connect(endpoint, {});
    REQUIRE(session);
    return std::move(*session);
}

std::vector<int> codes(const std::vector<Result<void>>& results) {
    std::vector<int> out;
    for (const auto& one : results) {
        out.push_back(one ? 0 : one.error().ldap_code);
    }
    return out;
}

} // namespace

TEST_CASE("memory: what writes answer") {
    struct Row {
        const char* name;
        Write write;
        int code;
        ErrorKind kind;
    };
    const auto in_system = [](const std::string& name) {
        return ObjectRef{system_container.child("CN", name), {}};
    };
    using Op = Modification::Op;
    const std::vector<Row> rows{
        {"add twice", an_scp("a"), 68, ErrorKind::already_exists},
        {"add twice in another case", an_scp("A"), 68, ErrorKind::already_exists},
        {"add below nothing",
         AddEntry{dn("CN=x,CN=nope,DC=corp,DC=test"), {{"objectClass", {"container"}}}}, 32,
         ErrorKind::not_found},
        {"add case-duplicates", an_scp("b", {"k", "K"}), 20, ErrorKind::conflict},
        {"add without a class", AddEntry{dn("CN=x,DC=corp,DC=test"), {}}, 65, ErrorKind::rejected},
        {"add outside", AddEntry{dn("CN=x,DC=other"), {{"objectClass", {"container"}}}}, 10,
         ErrorKind::rejected},
        {"remove an absent value",
         ModifyEntry{in_system("a"), {{Op::remove, "keywords", {"nope"}}}}, 16,
         ErrorKind::conflict},
        {"remove an absent attribute",
         ModifyEntry{in_system("a"), {{Op::remove, "description", {}}}}, 16, ErrorKind::conflict},
        {"add a present value", ModifyEntry{in_system("a"), {{Op::add, "keywords", {"K1"}}}}, 20,
         ErrorKind::conflict},
        {"two values where one may be",
         ModifyEntry{in_system("a"), {{Op::replace, "serviceClassName", {"x", "y"}}}}, 19,
         ErrorKind::rejected},
        {"modify the RDN", ModifyEntry{in_system("a"), {{Op::replace, "cn", {"x"}}}}, 67,
         ErrorKind::rejected},
        {"modify nothing", ModifyEntry{in_system("none"), {}}, 32, ErrorKind::not_found},
        {"rename onto another", RenameEntry{in_system("a"), "CN=other"}, 68,
         ErrorKind::already_exists},
        {"rename to nonsense", RenameEntry{in_system("a"), "nonsense"}, 34, ErrorKind::rejected},
        {"rename nothing", RenameEntry{in_system("none"), "CN=x"}, 32, ErrorKind::not_found},
        {"delete nothing", DeleteEntry{in_system("none")}, 32, ErrorKind::not_found},
        {"delete with children", DeleteEntry{{system_container, {}}}, 66, ErrorKind::rejected},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        MemoryForest forest;
        MemoryServer& server = forest.add_server("corp.test");
        const auto session = open(forest);
        const std::vector<Write> setup{an_scp("a"), an_scp("other")};
        CHECK(codes(session->write(setup)) == std::vector{0, 0});
        const auto usn = server.default_partition().usn();
        const auto results = session->write({&row.write, 1});
        REQUIRE_FALSE(results.front());
        CHECK(results.front().error().ldap_code == row.code);
        CHECK(results.front().error().kind == row.kind);
        CHECK(server.default_partition().usn() == usn); // nothing happened
        CHECK(server.writes.size() == 2);
    }
}

TEST_CASE("memory: add, swap a value, rename, delete; the object keeps its GUID") {
    MemoryForest forest;
    MemoryServer& server = forest.add_server("corp.test");
    const auto session = open(forest);
    const Write add = an_scp("a");
    REQUIRE(session->write({&add, 1}).front());
    Found found = session->search(all_scps());
    REQUIRE(found.complete());
    REQUIRE(found.entries.size() == 1);
    const auto guid = guid_of(found.entries[0].attributes);
    REQUIRE(guid);
    CHECK(values_of(found.entries[0].attributes, "objectClass") ==
          Values{"top", "leaf", "connectionPoint", "serviceConnectionPoint"});
    CHECK(values_of(found.entries[0].attributes, "replPropertyMetaData").empty());

    using Op = Modification::Op;
    const ObjectRef by_guid{dn("CN=elsewhere"), guid};
    const std::vector<Write> writes{
        ModifyEntry{by_guid, {{Op::remove, "keywords", {"K1"}}, {Op::add, "keywords", {"new"}}}},
        RenameEntry{by_guid, "CN=b\\,c"},
    };
    CHECK(codes(session->write(writes)) == std::vector{0, 0});
    found = session->search(all_scps());
    REQUIRE(found.entries.size() == 1);
    CHECK(found.entries[0].dn == system_container.child("CN", "b,c"));
    CHECK(first_of(found.entries[0].attributes, "cn") == "b,c");
    CHECK(same_values(values_of(found.entries[0].attributes, "keywords"), {"k2", "new"}));
    CHECK(guid_of(found.entries[0].attributes) == guid);

    const Write erase = DeleteEntry{by_guid};
    REQUIRE(session->write({&erase, 1}).front());
    CHECK(session->search(all_scps()).entries.empty());
    Search grave;
    grave.base = by_guid;
    grave.scope = Scope::base;
    CHECK(session->search(grave).entries.empty());
    grave.deleted = true;
    found = session->search(grave);
    REQUIRE(found.entries.size() == 1);
    CHECK(first_of(found.entries[0].attributes, "isDeleted") == "TRUE");
    CHECK(values_of(found.entries[0].attributes, "keywords").empty());
    CHECK(server.writes.size() == 4);
}

TEST_CASE("memory: with the recycle bin a deleted object keeps its keywords") {
    MemoryForest forest;
    MemoryServer& server = forest.add_server("corp.test");
    server.default_partition().recycle_bin = true;
    const Guid guid =
        server.default_partition().put(system_container.child("CN", "a"), an_scp("a").attributes);
    server.default_partition().remove(system_container.child("CN", "a"));
    const MemoryObject* buried = server.default_partition().find(guid);
    REQUIRE(buried != nullptr);
    CHECK(buried->deleted);
    CHECK(values_of(buried->attributes, "keywords").size() == 2);
}

TEST_CASE("memory: scopes, attribute selection, references") {
    MemoryForest forest;
    MemoryServer& server = forest.add_server("corp.test");
    server.subordinate = {dn("DC=emea,DC=corp,DC=test")};
    server.default_partition().put(
        dn("CN=deep,CN=c,CN=System,DC=corp,DC=test"),
        {{"objectClass", {"serviceConnectionPoint"}}, {"keywords", {"k"}}});
    const auto session = open(forest);
    struct Row {
        const char* name;
        Dn base;
        Scope scope;
        std::size_t entries, references;
    };
    const std::vector<Row> rows{
        {"base", corp, Scope::base, 1, 0},
        {"one", corp, Scope::one, 2, 1},
        {"one below System", system_container, Scope::one, 1, 0},
        {"subtree of System", system_container, Scope::subtree, 3, 0},
        {"subtree", corp, Scope::subtree, 5, 1},
        {"base of nothing", corp.child("CN", "none"), Scope::base, 0, 0},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        Search search;
        search.base.dn = row.base;
        search.scope = row.scope;
        search.attributes = {"KEYWORDS"};
        const Found found = session->search(search);
        CHECK(found.complete());
        CHECK(found.entries.size() == row.entries);
        CHECK(found.references.size() == row.references);
        for (const Entry& entry : found.entries) {
            CHECK(entry.attributes.size() <= 1);
        }
    }
    Search search = all_scps();
    search.base.dn = corp.child("CN", "none");
    CHECK(session->search(search).incomplete->ldap_code == 32);
    search.base.dn = dn("DC=emea,DC=corp,DC=test");
    CHECK(session->search(search).incomplete->ldap_code == 10);
}

TEST_CASE("memory: faults") {
    MemoryForest forest;
    MemoryServer& server = forest.add_server("corp.test");
    for (int i = 0; i < 5; ++i) {
        server.default_partition().put(system_container.child("CN", std::to_string(i)),
                                       an_scp("x").attributes);
    }
    const auto session = open(forest);
    SUBCASE("incomplete keeps what came") {
        server.entries_then_lost = 2;
        const Found found = session->search(all_scps());
        CHECK(found.entries.size() == 2);
        REQUIRE(found.incomplete);
        CHECK(found.incomplete->kind == ErrorKind::incomplete);
    }
    SUBCASE("size limit") {
        server.size_limit = 3;
        CHECK(session->search(all_scps()).entries.size() == 3);
        CHECK(session->search(all_scps()).incomplete->ldap_code == 4);
        server.size_limit = 5;
        CHECK(session->search(all_scps()).complete());
    }
    SUBCASE("hidden objects are simply not there") {
        server.hidden = [](const Entry& entry, const Search&) {
            return entry.dn.rdn_value() == "3";
        };
        const Found found = session->search(all_scps());
        CHECK(found.complete());
        CHECK(found.entries.size() == 4);
    }
    SUBCASE("a lost server stays lost for this session") {
        server.unreachable = true;
        CHECK(session->search(all_scps()).incomplete->kind == ErrorKind::unreachable);
        server.unreachable = false;
        CHECK(session->search(all_scps()).incomplete->kind == ErrorKind::unreachable);
        CHECK(open(forest)->search(all_scps()).complete());
    }
    SUBCASE("no right to write") {
        server.may_write = [](const Write& write, const MemoryObject*) {
            return std::holds_alternative<AddEntry>(write);
        };
        const std::vector<Write> writes{an_scp("new"),
                                        DeleteEntry{{system_container.child("CN", "new"), {}}}};
        CHECK(codes(session->write(writes)) == std::vector{0, 50});
    }
    SUBCASE("killed before, or after, the write") {
        const Write write = an_scp("new");
        forest.kill_at(1, WriteFate::kill_before);
        CHECK_THROWS_AS((void)session->write({&write, 1}), Killed);
        CHECK(server.default_partition().find(system_container.child("CN", "new")) == nullptr);
        forest.kill_at(1, WriteFate::kill_after);
        CHECK_THROWS_AS((void)session->write({&write, 1}), Killed);
        CHECK(server.default_partition().find(system_container.child("CN", "new")) != nullptr);
    }
    SUBCASE("the answer is lost: the write happened, the session is dead") {
        const std::vector<Write> writes{an_scp("new"), an_scp("new2")};
        forest.kill_at(1, WriteFate::lose_answer);
        CHECK(codes(session->write(writes)) == std::vector{-1, -1});
        CHECK(server.default_partition().find(system_container.child("CN", "new")) != nullptr);
        CHECK(server.default_partition().find(system_container.child("CN", "new2")) == nullptr);
    }
}

TEST_CASE("memory: two forests with the same story are byte for byte the same") {
    const auto story = [] {
        MemoryForest forest;
        forest.add_server("corp.test");
        const auto session = open(forest);
        const std::vector<Write> writes{
            an_scp("a"), an_scp("b"), RenameEntry{{system_container.child("CN", "a"), {}}, "CN=c"}};
        (void)session->write(writes);
        Search search = all_scps();
        search.attributes = {"*", "replPropertyMetaData"};
        std::string all;
        for (const Entry& entry : session->search(search).entries) {
            all += entry.dn.text();
            for (const auto& [name, values] : entry.attributes) {
                all += name;
                for (const std::string& value : values) {
                    all += value;
                }
            }
        }
        return all;
    };
    CHECK(story() == story());
}

TEST_CASE("memory: OpenLDAP's flavour has entryUUID and entryCSN on request, no tombstones") {
    MemoryForest forest;
    MemoryServer& server = forest.add_server("corp.test", Flavour::openldap);
    const auto session = open(forest);
    CHECK_FALSE(session->takes_guid_names());
    const Write add = an_scp("a");
    REQUIRE(session->write({&add, 1}).front());
    Search search = all_scps();
    CHECK_FALSE(guid_of(session->search(search).entries.at(0).attributes));
    search.attributes = {"*", "entryUUID", "entryCSN"};
    const Found found = session->search(search);
    const auto guid = guid_of(found.entries.at(0).attributes);
    REQUIRE(guid);
    CHECK_FALSE(first_of(found.entries.at(0).attributes, "entryCSN").empty());
    const Write erase = DeleteEntry{{system_container.child("CN", "a"), {}}};
    REQUIRE(session->write({&erase, 1}).front());
    CHECK(server.default_partition().find(*guid) == nullptr);
}

TEST_CASE("memory: persist tells of the refresh and of changes, and ends when stopped") {
    MemoryForest forest;
    MemoryServer& server = forest.add_server("corp.test", Flavour::openldap);
    const auto session = open(forest);
    std::atomic<int> told{0};
    std::stop_source stop;
    std::thread changer;
    const auto ended = session->persist(
        corp, present("objectClass"), std::chrono::seconds{30}, stop.get_token(), [&] {
            ++told;
            if (told == 1) {
                changer = std::thread([&] {
                    server.default_partition().put(system_container.child("CN", "a"),
                                                   an_scp("a").attributes);
                });
            } else {
                stop.request_stop();
            }
        });
    changer.join();
    CHECK(ended);
    CHECK(told == 2);
}

TEST_CASE("memory: crossRefs and RootDSE of a forest with a child") {
    MemoryForest forest;
    auto configuration = forest.add_partition(dn("CN=Configuration,DC=corp,DC=test"));
    forest.add_server("corp.test", Flavour::ad, {configuration});
    forest.add_server("emea.corp.test", Flavour::ad, {configuration});
    forest.add_cross_refs(*configuration, corp);
    const auto session = open(forest, "dc1.emea.corp.test");
    CHECK(session->root_dse().default_naming_context == dn("DC=emea,DC=corp,DC=test"));
    CHECK(session->root_dse().configuration_naming_context ==
          dn("CN=Configuration,DC=corp,DC=test"));
    CHECK(session->root_dse().root_domain_naming_context == corp);
    Search search;
    search.base.dn = dn("CN=Partitions,CN=Configuration,DC=corp,DC=test");
    search.filter = equals("objectClass", "crossRef");
    CHECK(session->search(search).entries.size() == 2);
    CHECK(forest.locate({.domain = "EMEA.corp.test"})->at(0).uri.to_string() ==
          "ldaps://dc1.emea.corp.test");
    CHECK_FALSE(forest.locate({.domain = "nope.test"}));
}
