#include "unit/apply/bench.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

using namespace scp;
using namespace scp::test;
using State = ChangeResult::State;

TEST_CASE("apply: what a create or an update meets") {
    const auto lose = [](WriteFate fate) {
        return [fate](Bench& b) {
            b.forest.before_write = [fate](MemoryServer&, const Write&, std::size_t) {
                return fate;
            };
        };
    };
    const auto forbid = [](Bench& b) {
        b.server.may_write = [](const Write&, const MemoryObject*) { return false; };
    };
    struct Row {
        std::string name;
        Op op;
        std::function<void(Bench&)> meets;
        ErrorKind kind;
        std::optional<Reason> held;
        std::string says; ///< in the message or the hint
    };
    const std::vector<Row> rows{
        {"somebody else's SCP", Op::create, [](Bench& b) { b.put("x", {"b"}, "scpd1;i=theirs"); },
         ErrorKind::already_exists, Reason::name_collision, "scpctl show"},
        {"ours, with other content", Op::create, [](Bench& b) { b.put("x", {"z"}, "scpd1;new"); },
         ErrorKind::already_exists, Reason::name_collision, "CN=x,CN=scpd"},
        {"no container", Op::create, [](Bench& b) { b.partition.remove(b.container); },
         ErrorKind::not_found, Reason::parent_missing, "create the container CN=scpd,CN=System"},
        {"no right to create", Op::create, forbid, ErrorKind::no_rights, Reason::no_rights,
         "to create serviceConnectionPoint objects in CN=scpd,CN=System"},
        {"no right to write", Op::update, forbid, ErrorKind::no_rights, Reason::no_rights,
         "to write the properties"},
        {"no right to delete", Op::remove, forbid, ErrorKind::no_rights, Reason::no_rights,
         "delete"},
        {"no right to rename", Op::rename, forbid, ErrorKind::no_rights, Reason::no_rights,
         "write the properties"},
        {"the request is lost",
         Op::create,
         lose(WriteFate::lose_request),
         ErrorKind::unreachable,
         {},
         "it may have happened"},
        {"the answer is lost",
         Op::create,
         lose(WriteFate::lose_answer),
         ErrorKind::unreachable,
         {},
         "it may have happened"},
        {"the answer to an update is lost",
         Op::update,
         lose(WriteFate::lose_answer),
         ErrorKind::unreachable,
         {},
         "it may have happened"},
        {"the new name of a rename is taken", Op::rename, [](Bench& b) { b.put("y", {"b"}); },
         ErrorKind::already_exists, Reason::name_collision, "CN=y"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        Bench bench;
        bench.put("u", {"b"});
        const Change change = row.op == Op::create   ? bench.create("x")
                              : row.op == Op::update ? bench.update("u", {"b"}, {"c"})
                              : row.op == Op::remove ? bench.remove("u")
                                                     : bench.rename("u", "y");
        row.meets(bench);
        const ChangeResult result = bench.run_one(change);
        CHECK(result.state == State::failed);
        REQUIRE(result.error);
        CHECK(result.error->kind == row.kind);
        CHECK((result.held == row.held));
        const std::string text = result.error->message + "\n" + result.error->hint;
        CHECK_MESSAGE(text.find(row.says) != std::string::npos, text);
        CHECK_FALSE(result.error->hint.empty());
        REQUIRE(bench.history.records.size() == 1);
        CHECK(bench.history.records.front().result == "failed");
        CHECK_FALSE(bench.history.records.front().overtaken);
        CHECK(bench.history.records.front().error == result.error->message);
    }
}

TEST_CASE("apply: values that are one without case are the target's refusal, not a conflict") {
    for (const Op op : {Op::create, Op::update}) {
        Bench bench;
        bench.put("u", {"x"});
        const ChangeResult result =
            bench.run_one(op == Op::create ? bench.create("x", {"a", "A"})
                                           : bench.update("u", {"x"}, {"a", "A"}));
        CHECK(result.state == State::failed);
        CHECK((result.held == Reason::cannot_copy));
    }
}

TEST_CASE("apply: without the server that takes creates, updates go on") {
    Bench bench;
    bench.put("u", {"b"});
    bench.put("d", {"b"});
    bench.sessions.creator_host = "pdc";
    MemoryServer& pdc = bench.forest.add_server("corp.test", Flavour::ad, {}, "pdc.corp.test");
    pdc.unreachable = true;
    const Change create = bench.create("c");
    const Change update = bench.update("u", {"b"}, {"c"});
    const Change remove = bench.remove("d");
    const ApplyResults results = bench.run({create, update, remove});
    check_done(results.at(update.id()));
    for (const Change& pinned : {create, remove}) {
        const ChangeResult& result = results.at(pinned.id());
        CHECK(result.state == State::skipped);
        CHECK((result.held == Reason::write_dc_unavailable));
        REQUIRE(result.error);
        CHECK(result.error->hint.find("PDC emulator") != std::string::npos);
    }
    CHECK(bench.there("d"));
    CHECK(bench.history.records.size() == 1);
}

TEST_CASE("apply: a session that dies takes no further window with it") {
    Bench bench;
    bench.options.window = 2;
    std::vector<Change> changes;
    for (int i = 0; i < 6; ++i)
        changes.push_back(bench.create("c" + std::to_string(i)));
    bench.forest.before_write = [](MemoryServer&, const Write&, std::size_t n) {
        return n == 3 ? WriteFate::lose_answer : WriteFate::proceed;
    };
    const ApplyResults results = bench.run(changes);
    const State expected[] = {State::done,   State::done,    State::failed,
                              State::failed, State::skipped, State::skipped};
    for (std::size_t i = 0; i < changes.size(); ++i) {
        CAPTURE(i);
        CHECK(results.at(changes[i].id()).state == expected[i]);
    }
    CHECK((results.at(changes[4].id()).held == Reason::write_dc_unavailable));
    CHECK(bench.history.records.size() == 4);
}

TEST_CASE("apply: what a server answers as done and then does not show has failed") {
    struct Row {
        std::string name;
        std::function<Change(const Bench&)> change;
        std::function<void(Bench&)> after_write;
        std::string says;
    };
    const auto edit = [](const char* name) {
        return [name](Bench& b) {
            b.partition.set(b.place(name), "serviceBindingInformation", {"hand"});
        };
    };
    const std::vector<Row> rows{
        {"a create", [](const Bench& b) { return b.create("c"); }, edit("c"),
         "lacks \"b\" and has \"hand\""},
        {"a create, gone at once", [](const Bench& b) { return b.create("c"); },
         [](Bench& b) { b.partition.remove(b.place("c")); }, "it is not there"},
        {"an update", [](const Bench& b) { return b.update("u", {"b"}, {"c"}); }, edit("u"),
         "has \"hand\""},
        {"a mark", [](const Bench& b) { return b.change(Op::mark, "u", {}, {}); },
         [](Bench& b) { b.partition.set(b.place("u"), "msDS-Settings", {}); },
         "the marker in msDS-Settings"},
        {"a rename", [](const Bench& b) { return b.rename("u", "v"); },
         [](Bench& b) {
             if (b.there("v"))
                 b.partition.rename(b.place("v"), "CN=w");
         },
         "its name is CN=w"},
        // By DN, as where there are no `<GUID=…>` names, it is seen to be there again.
        {"a delete", [](const Bench& b) { return b.remove("u"); },
         [](Bench& b) {
             b.server.guid_names = false;
             if (!b.there("u"))
                 b.put("u", {"b"});
         },
         "it is still there"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        Bench bench;
        bench.put("u", {"b"});
        const Change change = row.change(bench);
        bench.forest.after_write = [&](MemoryServer&, const Write&, std::size_t,
                                       const Result<void>&) { row.after_write(bench); };
        const ChangeResult result = bench.run_one(change);
        CHECK(result.state == State::failed);
        REQUIRE(result.error);
        CHECK_MESSAGE(result.error->message.find("read back it is not: ") != std::string::npos,
                      result.error->message);
        CHECK_MESSAGE(result.error->message.find(row.says) != std::string::npos,
                      result.error->message);
        CHECK(bench.history.records.at(0).result == "failed");
        CHECK(bench.history.records.at(0).overtaken);
    }
}
