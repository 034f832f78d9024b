// apply against a real server, which its environment names: APPLY_URI, APPLY_CA_FILE,
// APPLY_MECHANISM (simple: and APPLY_BIND_DN, APPLY_PASSWORD_FILE; gssapi: the caller's credential
// cache), APPLY_CONTAINER (may be written below) and APPLY_FORBIDDEN (may not). Run by
// tests/lab/test_apply.py.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "apply/apply.hpp"
#include "directory/libldap/connector.hpp"
#include "support/temporary_folder.hpp"
#include "unit/apply/content_rows.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdlib>
#include <thread>

using namespace scp;
using scp::test::ContentRow;
using State = ChangeResult::State;

namespace {

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    if (!value)
        throw std::runtime_error(std::string(name) + " is not set");
    return value;
}

Endpoint endpoint() {
    Endpoint endpoint;
    endpoint.uri = ServerUri::parse(environment("APPLY_URI")).value();
    endpoint.tls.ca_file = environment("APPLY_CA_FILE");
    endpoint.tls.mode = endpoint.uri.scheme == ServerUri::Scheme::ldaps ? TlsSettings::Mode::ldaps
                                                                        : TlsSettings::Mode::none;
    if (environment("APPLY_MECHANISM") == "gssapi")
        return endpoint;
    endpoint.auth.mechanism = AuthSettings::Mechanism::simple;
    endpoint.auth.bind_dn = environment("APPLY_BIND_DN");
    endpoint.auth.password_file = environment("APPLY_PASSWORD_FILE");
    return endpoint;
}

std::unique_ptr<Directory> connect() {
    auto session = make_ldap_connector()->connect(endpoint(), {});
    if (!session)
        throw std::runtime_error(session.error().message);
    return std::move(*session);
}

class OneSession : public WriteSessions {
  public:
    Result<Directory*> updater(const std::string&, const DomainName&) override {
        return session_.get();
    }
    Result<Directory*> creator(const std::string&, const DomainName&) override {
        return session_.get();
    }

  private:
    std::unique_ptr<Directory> session_ = connect();
};

/// A server, and changes in the container on it; a second session looks on.
struct RealServer {
    Dn container = Dn::parse(environment("APPLY_CONTAINER")).value();
    std::unique_ptr<Directory> onlooker = connect();
    OneSession sessions;
    test::TemporaryFolder folder;
    std::unique_ptr<History> history = History::open(folder.path()).value();
    ApplyOptions options;

    [[nodiscard]] Dn place(const std::string& name) const { return container.child("CN", name); }

    [[nodiscard]] std::optional<Entry> look(const Dn& dn) const {
        Search search;
        search.base = {dn, {}};
        search.scope = Scope::base;
        search.attributes = {"*", "entryUUID"};
        Found found = onlooker->search(search);
        if (!found.complete())
            throw std::runtime_error(found.incomplete->message);
        if (found.entries.empty())
            return {};
        return found.entries.front();
    }
    [[nodiscard]] Values values(const Dn& dn, const std::string& attribute) const {
        const auto entry = look(dn);
        return entry ? sorted(values_of(entry->attributes, attribute)) : Values{};
    }

    static Attributes content(const Values& bindings) {
        Attributes attributes{{"keywords", {"QmmEx"}}};
        if (!bindings.empty())
            attributes["serviceBindingInformation"] = bindings;
        return attributes;
    }

    [[nodiscard]] Change change(Op op, const Dn& dn, const Values& before,
                                const Values& after) const {
        Change change;
        change.op = op;
        change.forest = "corp";
        change.domain = DomainName("corp.test");
        change.nc = container.parent().parent();
        change.dn = dn;
        if (op != Op::create) {
            change.before = content(before);
            change.marker_before = "scpd1;old";
            if (const auto entry = look(dn))
                change.guid = guid_of(entry->attributes);
        }
        if (op != Op::remove)
            change.after = content(after);
        change.marker_after = op == Op::create ? "scpd1;old" : "scpd1;new";
        return change;
    }

    ApplyResults run(const std::vector<Change>& changes) {
        Plan plan;
        plan.changes = changes;
        return apply(plan, sessions, options, *history);
    }
    ChangeResult run_one(const Change& change) { return run({change}).at(change.id()); }

    /// As an administrator (or a second daemon) at the same time would.
    void modify(const Dn& dn, const std::string& attribute, const Values& values) {
        const Write write = ModifyEntry{{dn, {}}, {{Modification::Op::replace, attribute, values}}};
        const auto answers = onlooker->write({&write, 1});
        REQUIRE_MESSAGE(answers.at(0), (answers.at(0) ? "" : answers.at(0).error().message));
    }
};

void check_done(const ChangeResult& result) {
    CHECK_MESSAGE(result.state == State::done, (result.error ? result.error->message : ""));
}

} // namespace

TEST_CASE("content: created, updated and deleted byte for byte") {
    RealServer server;
    const Dn dn = server.place("content");
    for (const ContentRow& row : test::content_rows()) {
        CAPTURE(row.name);
        check_done(server.run_one(server.change(Op::create, dn, {}, row.before)));
        CHECK((server.values(dn, "serviceBindingInformation") == sorted(row.before)));
        check_done(server.run_one(server.change(Op::update, dn, row.before, row.after)));
        CHECK((server.values(dn, "serviceBindingInformation") == sorted(row.after)));
        CHECK((server.values(dn, "msDS-Settings") == Values{"scpd1;new"}));
        Change remove = server.change(Op::remove, dn, row.after, {});
        remove.marker_before = "scpd1;new";
        remove.marker_after = "scpd1;new;gone";
        check_done(server.run_one(remove));
        CHECK_FALSE(server.look(dn));
    }
    const auto listing = read_history(server.folder.path()).value();
    CHECK(listing.records.size() == 3 * test::content_rows().size());
}

TEST_CASE("content: other values of the marker's attribute stay") {
    RealServer server;
    const Dn dn = server.place("others");
    check_done(server.run_one(server.change(Op::create, dn, {}, {"a"})));
    server.modify(dn, "msDS-Settings", {"other;1", "scpd1;old", "other;2"});
    check_done(server.run_one(server.change(Op::update, dn, {"a"}, {"b"})));
    CHECK((server.values(dn, "msDS-Settings") == Values{"other;1", "other;2", "scpd1;new"}));
    // The same marker again: taken off and put on in one modify, for the check alone.
    Change same = server.change(Op::update, dn, {"b"}, {"c"});
    same.marker_before = same.marker_after = "scpd1;new";
    check_done(server.run_one(same));
    CHECK((server.values(dn, "msDS-Settings") == Values{"other;1", "other;2", "scpd1;new"}));
}

TEST_CASE("names: created and renamed, with every special character") {
    RealServer server;
    std::vector<std::string> names{
        "plain",
        "a,b",
        "a+b",
        "a\"b",
        "a\\b",
        "a<b>c",
        "a;b",
        "a=b",
        "#a",
        "a#",
        "a/b",
        "a*(b)",
        "a  b",
        "\xc3\xa4\xc3\xb6\xc3\xbc",
        std::string(64, 'x'),
    };
    std::string two_bytes;
    for (int i = 0; i < 64; ++i)
        two_bytes += "\xc3\xa4";
    names.push_back(two_bytes);
    for (const std::string& name : names) {
        CAPTURE(name);
        const Dn old = server.place("old name");
        check_done(server.run_one(server.change(Op::create, old, {}, {"a"})));
        Change rename = server.change(Op::rename, old, {"a"}, {"b"});
        rename.new_dn = server.place(name);
        const auto guid = guid_of(server.look(old).value().attributes);
        check_done(server.run_one(rename));
        CHECK_FALSE(server.look(old));
        const auto entry = server.look(*rename.new_dn);
        REQUIRE(entry);
        CHECK((guid_of(entry->attributes) == guid));
        CHECK((values_of(entry->attributes, "cn") == Values{name}));
        CHECK((values_of(entry->attributes, "serviceBindingInformation") == Values{"b"}));
        Change remove = server.change(Op::remove, *rename.new_dn, {"b"}, {});
        remove.marker_before = "scpd1;new";
        check_done(server.run_one(remove));
        check_done(server.run_one(server.change(Op::create, *rename.new_dn, {}, {"a"})));
        remove = server.change(Op::remove, *rename.new_dn, {"a"}, {});
        check_done(server.run_one(remove));
    }
}

TEST_CASE("refused: what the server says becomes a reason") {
    RealServer server;
    const Dn forbidden = Dn::parse(environment("APPLY_FORBIDDEN")).value();
    const Dn there = server.place("there");
    check_done(server.run_one(server.change(Op::create, there, {}, {"a"})));
    const struct {
        std::string name;
        Change change;
        Reason held;
    } rows[] = {
        {"no right", server.change(Op::create, forbidden.child("CN", "x"), {}, {"a"}),
         Reason::no_rights},
        {"no parent", server.change(Op::create, server.place("none").child("CN", "x"), {}, {"a"}),
         Reason::parent_missing},
        {"taken", server.change(Op::create, there, {}, {"b"}), Reason::name_collision},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const ChangeResult result = server.run_one(row.change);
        CHECK(result.state == State::failed);
        REQUIRE(result.error);
        CAPTURE(result.error->message);
        CHECK((result.held == row.held));
        CHECK_FALSE(result.error->hint.empty());
    }
    check_done(
        server.run_one(server.change(Op::create, there, {}, {"a"}))); // as it is there already
}

TEST_CASE("conflict: what changed meanwhile is left alone") {
    RealServer server;
    const Dn dn = server.place("conflict");
    check_done(server.run_one(server.change(Op::create, dn, {}, {"a"})));
    const Change update = server.change(Op::update, dn, {"a"}, {"b"});
    const Change remove = server.change(Op::remove, dn, {"a"}, {});
    server.modify(dn, "serviceBindingInformation", {"by hand"});
    for (const Change& change : {update, remove}) {
        const ChangeResult result = server.run_one(change);
        CHECK(result.state == State::skipped);
        CHECK((result.error && result.error->kind == ErrorKind::conflict));
    }
    CHECK((server.values(dn, "serviceBindingInformation") == Values{"by hand"}));
    CHECK((server.values(dn, "msDS-Settings") == Values{"scpd1;old"}));
}

TEST_CASE("conflict: the server itself refuses to swap a marker that is not there") {
    RealServer server;
    const Dn dn = server.place("swap");
    check_done(server.run_one(server.change(Op::create, dn, {}, {"a"})));
    // Two daemons with different ideas, from the same state: one of them wins, whole.
    for (int round = 0; round < 20; ++round) {
        CAPTURE(round);
        const Values before = server.values(dn, "serviceBindingInformation");
        const std::string marker = server.values(dn, "msDS-Settings").at(0);
        std::array<Plan, 2> plans;
        std::array<ChangeResult, 2> results;
        for (std::size_t i = 0; i < 2; ++i) {
            const std::string mine = std::to_string(round) + (i == 0 ? "one" : "two");
            Change change = server.change(Op::update, dn, before, {mine});
            change.marker_before = marker;
            change.marker_after = "scpd1;" + mine;
            plans[i].changes = {change};
        }
        {
            std::vector<std::jthread> daemons;
            for (std::size_t i = 0; i < 2; ++i)
                daemons.emplace_back([&, i] {
                    OneSession sessions;
                    results[i] =
                        apply(plans[i], sessions, server.options, *server.history).begin()->second;
                });
        }
        const int done = static_cast<int>(results[0].state == State::done) +
                         static_cast<int>(results[1].state == State::done);
        CHECK(done == 1);
        const Values after = server.values(dn, "serviceBindingInformation");
        REQUIRE(after.size() == 1);
        CHECK((server.values(dn, "msDS-Settings") == Values{"scpd1;" + after[0]}));
    }
}
