#include "apply/apply.hpp"

#include "unit/apply/bench.hpp"
#include "unit/apply/content_rows.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

using namespace scp;
using namespace scp::test;
using State = ChangeResult::State;

namespace {

const Flavour flavours[] = {Flavour::ad, Flavour::openldap};

std::string error_of(const ChangeResult& result) {
    return result.error ? result.error->message : "";
}

void check_done(const ChangeResult& result) {
    CHECK_MESSAGE(result.state == State::done, error_of(result));
    CHECK_MESSAGE(!result.error, error_of(result));
}

} // namespace

TEST_CASE("apply: each operation leaves what it says, and is in the history") {
    struct Row {
        std::string name;
        std::function<Change(Bench&)> prepare;
        std::function<bool(const Bench&)> as_wanted;
        bool has_pre_image;
    };
    const std::vector<Row> rows{
        {"create",
         [](Bench& b) {
             return b.create("x", {"b1", "b2"});
         },
         [](const Bench& b) {
             return b.values("x", "serviceBindingInformation") == Values{"b1", "b2"} &&
                    b.values("x", "keywords") == Values{"QmmEx"} &&
                    b.values("x", "msDS-Settings") == Values{"scpd1;new"} &&
                    b.values("x", "cn") == Values{"x"};
         },
         false},
        {"create with every special character in its name",
         [](Bench& b) { return b.create(" #a,b+c\"d\\e<f>g;h=i "); },
         [](const Bench& b) { return b.there(" #a,b+c\"d\\e<f>g;h=i "); }, false},
        {"create, unmarked",
         [](Bench& b) {
             Change change = b.create("x");
             change.marker_after.clear();
             return change;
         },
         [](const Bench& b) { return b.there("x") && b.values("x", "msDS-Settings").empty(); },
         false},
        {"create-container", [](Bench& b) { return b.change(Op::create_container, "new", {}, {}); },
         [](const Bench& b) { return b.there("new") && b.values("new", "msDS-Settings").empty(); },
         false},
        {"update",
         [](Bench& b) {
             b.put("x", {"old"});
             return b.update("x", {"old"}, {"new"});
         },
         [](const Bench& b) {
             return b.values("x", "serviceBindingInformation") == Values{"new"} &&
                    b.values("x", "msDS-Settings") == Values{"scpd1;new"};
         },
         true},
        {"rename",
         [](Bench& b) {
             b.put("x", {"b"});
             return b.rename("x", "y, z");
         },
         [](const Bench& b) {
             return !b.there("x") && b.values("y, z", "serviceBindingInformation") == Values{"c"} &&
                    b.values("y, z", "msDS-Settings") == Values{"scpd1;new"};
         },
         true},
        {"delete",
         [](Bench& b) {
             b.put("x", {"b"});
             return b.remove("x");
         },
         [](const Bench& b) { return !b.there("x"); }, true},
        {"delete of what has no marker",
         [](Bench& b) {
             b.put("x", {"b"});
             b.partition.set(b.place("x"), "msDS-Settings", {});
             Change change = b.remove("x");
             change.marker_before.clear();
             change.marker_after.clear();
             return change;
         },
         [](const Bench& b) { return !b.there("x"); }, true},
        {"mark",
         [](Bench& b) {
             b.put("x", {"b"});
             return b.change(Op::mark, "x", {}, {});
         },
         [](const Bench& b) {
             return b.values("x", "msDS-Settings") == Values{"scpd1;new"} &&
                    b.values("x", "serviceBindingInformation") == Values{"b"};
         },
         true},
        {"mark what had none",
         [](Bench& b) {
             b.put("x", {"b"});
             b.partition.set(b.place("x"), "msDS-Settings", {"somebody's"});
             Change change = b.change(Op::mark, "x", {}, {});
             change.marker_before.clear();
             return change;
         },
         [](const Bench& b) {
             return b.values("x", "msDS-Settings") == Values{"scpd1;new", "somebody's"};
         },
         true},
        {"take the mark off",
         [](Bench& b) {
             b.put("x", {"b"});
             Change change = b.change(Op::mark, "x", {}, {});
             change.marker_after.clear();
             return change;
         },
         [](const Bench& b) { return b.there("x") && b.values("x", "msDS-Settings").empty(); },
         true},
    };
    for (const Flavour flavour : flavours)
        for (const Row& row : rows) {
            CAPTURE(row.name);
            CAPTURE(static_cast<int>(flavour));
            Bench bench(flavour);
            const Change change = row.prepare(bench);
            check_done(bench.run_one(change));
            CHECK(row.as_wanted(bench));
            REQUIRE(bench.history.records.size() == 1);
            const HistoryRecord& record = bench.history.records.front();
            CHECK(record.result == "done");
            CHECK(record.change.guid.has_value());
            CHECK(record.pre_image.has_value() == row.has_pre_image);
            if (row.has_pre_image)
                CHECK(values_of(*record.pre_image, "serviceBindingInformation").size() == 1);
        }
}

TEST_CASE("apply: an update writes the content byte for byte and nothing else") {
    for (const Flavour flavour : flavours)
        for (const ContentRow& row : content_rows()) {
            CAPTURE(row.name);
            CAPTURE(static_cast<int>(flavour));
            Bench bench(flavour);
            bench.put("x", row.before);
            bench.partition.set(bench.place("x"), "msDS-Settings",
                                {"other;1", "scpd1;old", "other;2"});
            bench.partition.set(bench.place("x"), "description", {"by hand"});
            check_done(bench.run_one(bench.update("x", row.before, row.after)));
            CHECK((bench.values("x", "serviceBindingInformation") == sorted(row.after)));
            CHECK(
                (bench.values("x", "msDS-Settings") == Values{"other;1", "other;2", "scpd1;new"}));
            CHECK((bench.values("x", "description") == Values{"by hand"}));
            CHECK(bench.server.writes.size() == 1);
        }
}

TEST_CASE("apply: a marker that stays the same is checked all the same") {
    Bench bench;
    bench.put("x", {"a"});
    Change change = bench.update("x", {"a"}, {"b"});
    change.marker_after = change.marker_before;
    check_done(bench.run_one(change));
    CHECK(bench.values("x", "msDS-Settings") == Values{"scpd1;old"});

    change = bench.update("x", {"b"}, {"c"});
    change.marker_after = change.marker_before;
    bench.forest.before_write = [&](MemoryServer&, const Write&, std::size_t) {
        bench.partition.set(bench.place("x"), "msDS-Settings", {"scpd1;parked"});
        return WriteFate::proceed;
    };
    CHECK(bench.run_one(change).state == State::failed);
    CHECK(bench.values("x", "serviceBindingInformation") == Values{"b"});
}

TEST_CASE("apply: what changed since the plan was made is left alone") {
    const struct {
        std::string name;
        std::function<void(Bench&)> meanwhile;
        std::string says;
    } rows[] = {
        {"another marker",
         [](Bench& b) { b.partition.set(b.place("x"), "msDS-Settings", {"scpd1;parked"}); },
         "the marker in msDS-Settings is not \"scpd1;old\""},
        {"the marker in another case",
         [](Bench& b) { b.partition.set(b.place("x"), "msDS-Settings", {"SCPD1;old"}); }, "marker"},
        {"no marker", [](Bench& b) { b.partition.set(b.place("x"), "msDS-Settings", {}); },
         "marker"},
        {"a binding edited by hand",
         [](Bench& b) { b.partition.set(b.place("x"), "serviceBindingInformation", {"hand\x1b"}); },
         "serviceBindingInformation lacks \"b\" and has \"hand\\x1b\""},
        {"only its case",
         [](Bench& b) { b.partition.set(b.place("x"), "serviceBindingInformation", {"B"}); },
         "lacks \"b\" and has \"B\""},
        {"keywords gone", [](Bench& b) { b.partition.set(b.place("x"), "keywords", {}); },
         "keywords lacks"},
        {"deleted", [](Bench& b) { b.partition.remove(b.place("x")); }, "it is not there any more"},
        {"deleted, and another one in its place",
         [](Bench& b) {
             b.partition.remove(b.place("x"));
             b.put("x", {"b"});
         },
         ""},
    };
    for (const Flavour flavour : flavours)
        for (const Op op : {Op::update, Op::rename, Op::remove})
            for (const auto& row : rows) {
                CAPTURE(row.name);
                CAPTURE(static_cast<int>(op));
                CAPTURE(static_cast<int>(flavour));
                Bench bench(flavour);
                bench.put("x", {"b"});
                const Change change = op == Op::update   ? bench.update("x", {"b"}, {"c"})
                                      : op == Op::rename ? bench.rename("x", "y")
                                                         : bench.remove("x");
                row.meanwhile(bench);
                const ChangeResult result = bench.run_one(change);
                const bool gone = row.name.starts_with("deleted");
                if (op == Op::remove && gone && (flavour == Flavour::ad || row.name == "deleted")) {
                    check_done(result); // what was to go is gone
                } else {
                    CHECK(result.state == State::skipped);
                    REQUIRE(result.error);
                    CHECK(result.error->kind == ErrorKind::conflict);
                    CHECK(result.error->message.find("changed since it was read") !=
                          std::string::npos);
                    if (!gone)
                        CHECK_MESSAGE(result.error->message.find(row.says) != std::string::npos,
                                      result.error->message);
                }
                CHECK(bench.server.writes.empty());
                CHECK(bench.history.records.empty());
            }
}

TEST_CASE("apply: a change between the read and the write makes it fail and is not lost") {
    const struct {
        std::string name;
        std::function<void(Bench&)> meanwhile;
        std::function<bool(const Bench&)> kept;
    } rows[] = {
        {"parked",
         [](Bench& b) { b.partition.set(b.place("x"), "msDS-Settings", {"scpd1;parked"}); },
         [](const Bench& b) {
             return b.values("x", "msDS-Settings") == Values{"scpd1;parked"} &&
                    b.values("x", "serviceBindingInformation") == Values{"b"};
         }},
        {"the same value edited by hand",
         [](Bench& b) { b.partition.set(b.place("x"), "serviceBindingInformation", {"hand"}); },
         [](const Bench& b) {
             return b.values("x", "serviceBindingInformation") == Values{"hand"} &&
                    b.values("x", "msDS-Settings") == Values{"scpd1;old"};
         }},
        {"another value added by hand: seen when read back",
         [](Bench& b) {
             b.partition.set(b.place("x"), "serviceBindingInformation", {"b", "hand"});
         },
         [](const Bench& b) {
             return b.values("x", "serviceBindingInformation") == Values{"c", "hand"};
         }},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        Bench bench;
        bench.put("x", {"b"});
        bench.forest.before_write = [&](MemoryServer&, const Write&, std::size_t) {
            row.meanwhile(bench);
            return WriteFate::proceed;
        };
        const ChangeResult result = bench.run_one(bench.update("x", {"b"}, {"c"}));
        CHECK(result.state == State::failed);
        REQUIRE(result.error);
        CHECK(result.error->kind == ErrorKind::conflict);
        CHECK(row.kept(bench));
        CHECK(bench.history.records.at(0).result == "failed");
    }
}

TEST_CASE("apply: where another daemon of the instance did the same, it is done") {
    for (const bool in_between : {false, true}) {
        CAPTURE(in_between);
        Bench bench;
        bench.put("u", {"b"});
        const std::vector<Change> changes{bench.create("c", {"b"}),
                                          bench.update("u", {"b"}, {"c"})};
        const auto other = [&] {
            bench.put("c", {"b"}, "scpd1;new");
            bench.partition.set(bench.place("u"), "serviceBindingInformation", {"c"});
            bench.partition.set(bench.place("u"), "msDS-Settings", {"scpd1;new"});
        };
        if (in_between)
            bench.forest.before_write = [&](MemoryServer&, const Write&, std::size_t n) {
                if (n == 1)
                    other();
                return WriteFate::proceed;
            };
        else
            other();
        for (const auto& [id, result] : bench.run(changes))
            check_done(result);
        CHECK(bench.server.writes.empty());
    }
}

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

TEST_CASE("apply: containers outermost first, and nothing below one that could not be made") {
    Bench bench;
    Change outer = bench.change(Op::create_container, "outer", {}, {});
    Change inner = bench.change(Op::create_container, "inner", {}, {});
    inner.dn = outer.dn.child("CN", "inner");
    Change copy = bench.create("x");
    copy.dn = inner.dn.child("CN", "x");
    const std::vector<Change> changes{copy, inner, outer};

    SUBCASE("all is well") {
        for (const auto& [id, result] : bench.run(changes))
            check_done(result);
        CHECK(bench.partition.find(copy.dn));
        // And once more, by a daemon that was slower.
        for (const auto& [id, result] : bench.run(changes))
            check_done(result);
    }
    SUBCASE("no right to create containers") {
        bench.server.may_write = [&](const Write& write, const MemoryObject*) {
            return values_of(std::get<AddEntry>(write).attributes, "objectClass") !=
                   Values{"container"};
        };
        const ApplyResults results = bench.run(changes);
        CHECK(results.at(outer.id()).state == State::failed);
        CHECK((results.at(outer.id()).held == Reason::no_rights));
        for (const Change& below : {inner, copy}) {
            CHECK(results.at(below.id()).state == State::skipped);
            CHECK((results.at(below.id()).held == Reason::parent_missing));
        }
        CHECK(bench.history.records.size() == 1);
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
    }
}

TEST_CASE("apply: several domains at once, one of them down") {
    Bench bench;
    std::vector<Change> changes;
    for (int i = 0; i < 10; ++i) {
        const std::string domain = "d" + std::to_string(i) + ".test";
        MemoryServer& server = bench.forest.add_server(domain);
        Change change = bench.create("x");
        change.domain = DomainName(domain);
        change.nc = server.default_partition().nc();
        change.dn = change.nc.descendant(dn("CN=x,CN=System"));
        server.unreachable = i == 3;
        changes.push_back(change);
    }
    const ApplyResults results = bench.run(changes);
    REQUIRE(results.size() == 10);
    for (std::size_t i = 0; i < changes.size(); ++i)
        CHECK(results.at(changes[i].id()).state == (i == 3 ? State::skipped : State::done));
}
