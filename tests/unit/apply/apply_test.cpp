#include "unit/apply/bench.hpp"
#include "unit/apply/content_rows.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

using namespace scp;
using namespace scp::test;
using State = ChangeResult::State;

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
