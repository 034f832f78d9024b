#include "base/text.hpp"
#include "directory/libldap/codes.hpp"
#include "directory/libldap/dial.hpp"
#include "directory/libldap/range.hpp"
#include "directory/libldap/secret.hpp"
#include "support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>
#include <vector>

using namespace scp;

TEST_CASE("range options of attribute names") {
    struct Row {
        const char* name;
        std::optional<RangedName> range;
    };
    const std::vector<Row> rows{
        {"keywords;range=0-1499", RangedName{"keywords", 0, 1499}},
        {"keywords;Range=1500-*", RangedName{"keywords", 1500, std::nullopt}},
        {"member;range=0-0", RangedName{"member", 0, 0}},
        {"x;lang-de;range=5-9", RangedName{"x;lang-de", 5, 9}},
        {"x;range=5-9;lang-de", RangedName{"x;lang-de", 5, 9}},
        {"keywords", std::nullopt},
        {"keywords;range=", std::nullopt},
        {"keywords;range=5", std::nullopt},
        {"keywords;range=-5", std::nullopt},
        {"keywords;range=5-", std::nullopt},
        {"keywords;range=9-5", std::nullopt},
        {"keywords;range=a-b", std::nullopt},
        {"keywords;range=1-99999999999999999999", std::nullopt},
        {";range=0-1", std::nullopt},
        {"", std::nullopt},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        CHECK(parse_range(row.name) == row.range);
    }
    CHECK(range_from("keywords", 1500) == "keywords;range=1500-*");
}

TEST_CASE("result codes: what a caller branches on") {
    struct Row {
        int code;
        ErrorKind kind;
    };
    const std::vector<Row> rows{
        {16, ErrorKind::conflict},       {20, ErrorKind::conflict},    {32, ErrorKind::not_found},
        {68, ErrorKind::already_exists}, {50, ErrorKind::no_rights},   {51, ErrorKind::unreachable},
        {52, ErrorKind::unreachable},    {81, ErrorKind::unreachable}, {85, ErrorKind::unreachable},
        {-1, ErrorKind::unreachable},    {10, ErrorKind::rejected},    {17, ErrorKind::rejected},
        {19, ErrorKind::rejected},       {21, ErrorKind::rejected},    {34, ErrorKind::rejected},
        {53, ErrorKind::rejected},       {64, ErrorKind::rejected},    {65, ErrorKind::rejected},
        {66, ErrorKind::rejected},       {67, ErrorKind::rejected},    {69, ErrorKind::rejected},
        {3, ErrorKind::incomplete},      {4, ErrorKind::incomplete},   {11, ErrorKind::incomplete},
        {49, ErrorKind::refused},        {8, ErrorKind::refused},      {9999, ErrorKind::rejected},
    };
    for (const Row& row : rows) {
        CAPTURE(row.code);
        CHECK(kind_of_ldap_code(row.code) == row.kind);
    }
}

TEST_CASE("an LDAP error says what, where, the code, and the server's text, escaped") {
    const Error error = ldap_error(50, "cannot modify CN=a", "ldaps://dc1", "no\x1b[2Jway");
    CHECK(error.message ==
          "cannot modify CN=a on ldaps://dc1: LDAP 50 insufficientAccessRights: no\\x1b[2Jway");
    CHECK(error.kind == ErrorKind::no_rights);
    CHECK(error.ldap_code == 50);
    CHECK_FALSE(error.hint.empty());
    CHECK(ldap_error(9999, "x", "y", "").message == "x on y: LDAP 9999 resultCode");
}

TEST_CASE("AD's reasons for a refused bind") {
    struct Row {
        const char* code;
        const char* text;
    };
    const std::vector<Row> rows{
        {"52e", "wrong password"},      {"525", "no such account"},      {"530", "at this time"},
        {"531", "from this computer"},  {"532", "password has expired"}, {"533", "disabled"},
        {"701", "account has expired"}, {"773", "must be changed"},      {"775", "locked out"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.code);
        const std::string diagnostic =
            std::string(
                "80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data ") +
            row.code + ", v3839";
        CHECK(std::string(ad_bind_reason(diagnostic)).find(row.text) != std::string::npos);
        const Error error = bind_error(49, "cannot bind", "ldaps://dc1", diagnostic);
        CHECK(error.kind == ErrorKind::refused);
        CHECK(error.message.find(row.text) != std::string::npos);
        CHECK_FALSE(error.hint.empty());
    }
    CHECK(ad_bind_reason("invalid credentials").empty());
    CHECK(ad_bind_reason("data zzz, v1").empty());
    CHECK(ad_bind_reason("data ").empty());
    for (int code : {7, 8, 13, 48, 49, 50, 53, 32}) {
        CAPTURE(code);
        CHECK(bind_error(code, "x", "y", "").kind == ErrorKind::refused);
    }
}

TEST_CASE("SRV records come in one order whatever DNS shuffles") {
    std::vector<SrvRecord> records{{10, 5, 389, "b"},
                                   {0, 1, 389, "z"},
                                   {10, 50, 389, "c"},
                                   {10, 5, 389, "A"},
                                   {0, 1, 389, "y"}};
    std::ranges::sort(records, comes_first);
    std::string order;
    for (const SrvRecord& record : records) {
        order += record.target;
    }
    CHECK(order == "yzcAb");
}

TEST_CASE("secrets: the first line, and never an empty one") {
    const test::TemporaryFolder folder;
    CHECK(read_secret(folder.write("a", "Passw0rd!\n")) == "Passw0rd!");
    CHECK(read_secret(folder.write("b", "Passw0rd!")) == "Passw0rd!");
    CHECK(read_secret(folder.write("c", "x y \r\nsecond")) == "x y ");
    for (const auto& path : {folder.write("d", ""), folder.write("e", "\n"), folder / "none"}) {
        CAPTURE(path.string());
        const auto secret = read_secret(path);
        REQUIRE_FALSE(secret);
        CHECK(secret.error().kind == ErrorKind::settings);
        CHECK(secret.error().message.find(path.string()) != std::string::npos);
    }
}

TEST_CASE("credentials are looked for by name, and a name is no path") {
    const test::TemporaryFolder folder;
    const std::string there = folder.write("scpd-test-credential", "x");
    const char* before = std::getenv("CREDENTIALS_DIRECTORY");
    const std::string saved = before == nullptr ? "" : before;
    ::setenv("CREDENTIALS_DIRECTORY", folder.path().c_str(), 1);
    CHECK(credential_path("scpd-test-credential") == there);
    for (const char* name : {"", "../etc/passwd", "/etc/passwd", ".hidden", "scpd-not-there"}) {
        CAPTURE(name);
        const auto path = credential_path(name);
        REQUIRE_FALSE(path);
        CHECK(path.error().kind == ErrorKind::settings);
    }
    // The unit's first, then the machine's: each is named.
    const std::string why = ": No such file or directory";
    CHECK(credential_path("scpd-not-there").error().message ==
          "credential scpd-not-there is not to be had: " + folder.path().string() +
              "/scpd-not-there" + why + "; /etc/credstore/scpd-not-there" + why);
    if (before == nullptr) {
        ::unsetenv("CREDENTIALS_DIRECTORY");
    } else {
        ::setenv("CREDENTIALS_DIRECTORY", saved.c_str(), 1);
    }
}
