#include "report/style.hpp"

#include <doctest/doctest.h>

using namespace scp;

TEST_CASE("a table is aligned by what is seen") {
    TextTable table({"A", "LONG"});
    table.add({"Z\xc3\xbcrich", "1"});
    table.add({Style{true}.green("x"), "2"});
    table.add({"y"});
    CHECK(table.text(Style{}) == "A       LONG\nZ\xc3\xbcrich  1\n\x1b[32mx\x1b[0m       2\ny\n");
}

TEST_CASE("a table without a header has none, and no blanks at the end of a line") {
    TextTable table({});
    table.add({"a", "", ""});
    table.add({"b", "", "c"});
    CHECK(table.text(Style{}) == "a\nb    c\n");
}

TEST_CASE("without colour a style changes nothing") {
    CHECK(Style{false}.red("x") == "x");
    CHECK(Style{true}.red("x") == "\x1b[31mx\x1b[0m");
    CHECK(Style{true}.red("").empty());
}

TEST_CASE("counted") {
    CHECK(counted(0, "change") == "0 changes");
    CHECK(counted(1, "change") == "1 change");
    CHECK(counted(2, "copy", "copies") == "2 copies");
}
