#include "base/dn.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using scp::Dn;

TEST_CASE("a DN is read and written as RFC 4514 has it") {
    struct Row {
        const char* name;
        std::string text;
        std::string rdn_value;
        std::size_t depth;
    };
    const std::vector<Row> rows{
        {"plain", "CN=a,DC=corp,DC=test", "a", 3},
        {"empty is the RootDSE", "", "", 0},
        {"spaces around separators", "CN = a , DC = corp", "a", 2},
        {"escaped comma", "CN=a\\,b,DC=x", "a,b", 2},
        {"hex escape", "CN=a\\2Cb,DC=x", "a,b", 2},
        {"NUL", "CN=a\\00b,DC=x", std::string("a\0b", 3), 2},
        {"escaped spaces at both ends", "CN=\\ a\\ ,DC=x", " a ", 2},
        {"replication conflict", "CN=a\\0ACNF:7d1f,DC=x", "a\nCNF:7d1f", 2},
        {"hash inside", "CN=a#b,DC=x", "a#b", 2},
        {"hash escaped in front", "CN=\\#b,DC=x", "#b", 2},
        {"equals sign in the value", "CN=a=b,DC=x", "a=b", 2},
        {"two of one RDN", "CN=a+OU=b,DC=x", "a", 2},
        {"UTF-8", "CN=\xc3\xa9t\xc3\xa9,DC=x", "\xc3\xa9t\xc3\xa9", 2},
        {"semicolon as separator", "CN=a;DC=x", "a", 2},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const auto dn = Dn::parse(row.text);
        REQUIRE(dn);
        CHECK(dn->text() == row.text);
        CHECK(dn->rdn_value() == row.rdn_value);
        CHECK(dn->depth() == row.depth);
        // what we write reads back to the same name
        const auto again = Dn::parse(dn->parent().child("CN", dn->rdn_value()).text());
        REQUIRE(again);
        if (row.depth != 0)
            CHECK(again->rdn_value() == row.rdn_value);
    }
}

TEST_CASE("what is not a DN is refused with the position") {
    for (const std::string text : {"CN", "=a", "CN=a,", "CN=a\\", "CN=a\\g1", "CN=a\"b", "CN=<a",
                                   "CN=#1", "CN=#zz", ",", "a b=c"}) {
        CAPTURE(text);
        const auto dn = Dn::parse(text);
        REQUIRE_FALSE(dn);
        CHECK(dn.error().kind == scp::ErrorKind::usage);
        CHECK(dn.error().message.find("character ") != std::string::npos);
    }
}

TEST_CASE("names compare without case and spelling") {
    const auto key = [](const char* text) { return Dn::parse(text).value(); };
    CHECK(key("cn=A,dc=X") == key("CN=a, DC=x"));
    CHECK(key("CN=a\\2cb,DC=x") == key("CN=a\\,B,DC=x"));
    CHECK(key("CN=\xc3\x89,DC=x") == key("CN=\xc3\xa9,DC=x"));
    CHECK(key("CN=a,DC=x") != key("CN=a,DC=y"));
    CHECK(key("CN=a\\,DC\\=x") != key("CN=a,DC=x"));
}

TEST_CASE("places relative to one another") {
    const Dn nc = Dn::of_domain("emea.corp.test");
    const Dn system = Dn::parse("CN=scpd,CN=System").value();
    CHECK(nc.text() == "DC=emea,DC=corp,DC=test");
    CHECK(nc.domain_name() == "emea.corp.test");
    const Dn place = nc.descendant(system);
    CHECK(place.text() == "CN=scpd,CN=System,DC=emea,DC=corp,DC=test");
    CHECK(place.is_within(nc));
    CHECK(place.is_within(Dn::of_domain("corp.test")));
    CHECK(nc.is_within(nc));
    CHECK_FALSE(nc.is_within(place));
    CHECK_FALSE(Dn::parse("CN=xDC=corp,DC=test").value().is_within(Dn::of_domain("corp.test")));
    CHECK(place.relative_to(nc).value() == system);
    CHECK_FALSE(nc.relative_to(place).has_value());
    CHECK(nc.relative_to(nc).value().empty());
    CHECK(place.parent().text() == "CN=System,DC=emea,DC=corp,DC=test");
    CHECK(place.domain_name().empty());
}
