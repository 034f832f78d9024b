#include "unit/apply/bench.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

using namespace scp;
using namespace scp::test;
using State = ChangeResult::State;

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
        // What was there before anything was written is nobody's write.
        CHECK(bench.history.records.size() == (in_between ? 1U : 0U));
    }
}
