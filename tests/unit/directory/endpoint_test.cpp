#include "directory/endpoint.hpp"
#include "directory/entry.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace scp;
using Scheme = ServerUri::Scheme;

TEST_CASE("server URIs that are right") {
    struct Row {
        const char* text;
        ServerUri uri;
        const char* printed;
    };
    const std::vector<Row> rows{
        {"ldap://dc1.corp.test", {Scheme::ldap, "dc1.corp.test", 389}, "ldap://dc1.corp.test"},
        {"ldaps://dc1.corp.test", {Scheme::ldaps, "dc1.corp.test", 636}, "ldaps://dc1.corp.test"},
        {"LDAPS://DC1.corp.test:636/",
         {Scheme::ldaps, "DC1.corp.test", 636},
         "ldaps://DC1.corp.test"},
        {"ldap://dc1:3268", {Scheme::ldap, "dc1", 3268}, "ldap://dc1:3268"},
        {"ldap://dc1:636", {Scheme::ldap, "dc1", 636}, "ldap://dc1:636"},
        {"ldap://127.0.0.1:20389", {Scheme::ldap, "127.0.0.1", 20389}, "ldap://127.0.0.1:20389"},
        {"ldap://[::1]", {Scheme::ldap, "::1", 389}, "ldap://[::1]"},
        {"ldaps://[fd00::12:1]:6360",
         {Scheme::ldaps, "fd00::12:1", 6360},
         "ldaps://[fd00::12:1]:6360"},
        {"ldapi://%2Frun%2Fslapd%2Fldapi",
         {Scheme::ldapi, "/run/slapd/ldapi", 0},
         "ldapi://%2Frun%2Fslapd%2Fldapi"},
        {"ldapi:///run/ldapi", {Scheme::ldapi, "/run/ldapi", 0}, "ldapi://%2Frun%2Fldapi"},
        {"ldapi://%2fa%20b", {Scheme::ldapi, "/a b", 0}, "ldapi://%2Fa%20b"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.text);
        const auto uri = ServerUri::parse(row.text);
        REQUIRE(uri);
        CHECK(*uri == row.uri);
        CHECK(uri->to_string() == row.printed);
        CHECK(ServerUri::parse(uri->to_string()) == row.uri);
    }
}

TEST_CASE("server URIs that are wrong say why") {
    struct Row {
        std::string text;
        const char* why;
    };
    const std::vector<Row> rows{
        {"", "scheme is missing"},
        {"dc1.corp.test", "scheme is missing"},
        {"https://dc1", "none of ldap, ldaps, ldapi"},
        {"ldap://", "host is missing"},
        {"ldap://:389", "host is missing"},
        {"ldap://dc1:0", "port"},
        {"ldap://dc1:65536", "port"},
        {"ldap://dc1:", "port"},
        {"ldap://dc1:12x", "port"},
        {"ldap://dc1:-1", "port"},
        {"ldap://dc1/DC=corp", "character"},
        {"ldap://dc1?x", "character"},
        {"ldap://user@dc1", "character"},
        {"ldap://dc1 dc2", "character"},
        {"ldap://[::1", "bracket"},
        {"ldap://[dc1]", "IPv6"},
        {"ldap://[::1]x", "port"},
        {"ldapi://", "absolute path"},
        {"ldapi://run", "absolute path"},
        {"ldapi://%2", "absolute path"},
        {"ldapi://%2Fx%00y", "absolute path"},
        {"ldapi://%zz", "absolute path"},
        {std::string("ldap://a\x1b[2J"), "character"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.text);
        const auto uri = ServerUri::parse(row.text);
        REQUIRE_FALSE(uri);
        CHECK(uri.error().kind == ErrorKind::usage);
        CHECK(uri.error().message.find(row.why) != std::string::npos);
        CHECK(uri.error().message.find('\x1b') == std::string::npos);
    }
}

TEST_CASE("guid_of takes objectGUID before entryUUID, and neither where it is malformed") {
    const auto guid = Guid::parse("00112233-4455-6677-8899-aabbccddeeff");
    REQUIRE(guid);
    CHECK(guid_of({{"objectguid", {guid->ad_bytes()}}}) == guid);
    CHECK(guid_of({{"entryUUID", {"00112233-4455-6677-8899-AABBCCDDEEFF"}}}) == guid);
    CHECK(guid_of({{"objectGUID", {guid->ad_bytes()}},
                   {"entryUUID", {"ffffffff-4455-6677-8899-aabbccddeeff"}}}) == guid);
    CHECK_FALSE(guid_of({{"objectGUID", {"short"}}}));
    CHECK_FALSE(guid_of({{"cn", {"x"}}}));
    CHECK_FALSE(guid_of({}));
}
