#include "directory/libldap/reference.hpp"

#include <doctest/doctest.h>

using namespace scp;
using namespace std::string_literals;

TEST_CASE("references: the name that a server refers to") {
    struct Row {
        std::string name;
        std::string uri;
        std::string dn; ///< empty: none
    };
    const std::vector<Row> rows{
        {"as AD writes it", "ldap://emea.corp.test/DC=emea,DC=corp,DC=test",
         "DC=emea,DC=corp,DC=test"},
        {"as slapd writes it", "ldap://emea.corp.test/DC=emea,DC=corp,DC=test??sub",
         "DC=emea,DC=corp,DC=test"},
        {"one level", "ldap://h/DC=emea??base", "DC=emea"},
        {"over TLS, with a port", "ldaps://h:636/DC=emea", "DC=emea"},
        {"an address", "ldap://[::1]:389/DC=emea", "DC=emea"},
        {"escaped", "ldap://h/OU=a%20b%2c%20c", ""},
        {"escaped, as a DN", "ldap://h/OU=a%20b%5C2c%20c", "OU=a b\\2c c"},
        {"in lower case", "ldap://h/OU=%c3%a4", "OU=\xc3\xa4"},
        {"a percent sign alone", "ldap://h/OU=100%", ""},
        {"half an escape", "ldap://h/OU=a%2", ""},
        {"an escape of no digits", "ldap://h/OU=a%zz", ""},
        {"a sign is no digit", "ldap://h/OU=a%+1b", ""},
        {"a NUL behind a known name", "ldap://h/DC=emea%00,DC=evil", ""},
        {"a real NUL", "ldap://h/DC=emea\0,DC=evil"s, ""},
        {"no name", "ldap://h", ""},
        {"an empty name", "ldap://h/", ""},
        {"no DN", "ldap://h/emea", ""},
        {"another scheme", "https://h/DC=emea", ""},
        {"no URL", "DC=emea", ""},
        {"nothing", "", ""},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const Reference reference = read_reference(row.uri);
        CHECK(reference.uri == row.uri);
        CHECK((reference.dn ? reference.dn->text() : "") == row.dn);
    }
}
