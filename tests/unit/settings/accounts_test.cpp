#include "rows.hpp"

using namespace scp;
using namespace scp::settings_test;

TEST_CASE("Settings: accounts") {
    check_rows({
        {"an account without a domain",
         account("svc-mage"),
         {R"(f:6:16: rules[r].accounts[#1]: "svc-mage" is no account: write CORP\svc-mage, svc-mage@corp.test, a DN or a SID)"}},
        {"an account with two backslashes",
         account(R"(CORP\\svc)"),
         {R"(f:6:16: rules[r].accounts[#1]: "CORP\\\\svc" is no account: a NetBIOS name, one backslash and a sAMAccountName are expected)"}},
        {"an account without a name",
         account(R"('CORP\')"),
         {R"(f:6:16: rules[r].accounts[#1]: "CORP\\" is no account: a NetBIOS name, one backslash and a sAMAccountName are expected)"}},
        {"an account that is a bad DN",
         account("'CN=a,b'"),
         {R"(f:6:16: rules[r].accounts[#1]: not a distinguished name: "CN=a,b": character 7: an attribute type and '=' are expected)"}},
        {"an account that is a bad SID",
         account("S-1-x"),
         {R"(f:6:16: rules[r].accounts[#1]: "S-1-x" is no account: it begins like a SID but is none)"}},
        {"a UPN without a suffix",
         account("'svc@'"),
         {R"(f:6:16: rules[r].accounts[#1]: "svc@" is no account: a name, '@' and a UPN suffix are expected)"}},
        {"an empty account",
         account("''"),
         {R"(f:6:16: rules[r].accounts[#1]: "" is no account: it is empty)"}},
        {"a tab made by double quotes",
         account(R"("CORP\talk")"),
         {R"(f:6:16: rules[r].accounts[#1]: "CORP\x09alk" has a tab (U+0009) at character 5 (in double quotes a backslash begins an escape))"}},
        {"an account's map with nothing",
         account("{}"),
         {"f:6:16: rules[r].accounts[#1]: needs exactly one of account, group, filter"}},
        {"an account's map with two",
         account("{group: 'CN=a,DC=b', filter: (a=b)}"),
         {"f:6:16: rules[r].accounts[#1]: needs exactly one of account, group, filter"}},
        {"an account's map with only a forest",
         account("{forest: corp}"),
         {"f:6:16: rules[r].accounts[#1]: needs exactly one of account, group, filter"}},
        {"an account's map with an unknown forest",
         account(R"({forest: crop, account: 'CORP\a'})"),
         {R"(f:6:25: rules[r].accounts[#1].forest: no forest is named "crop"; did you mean "corp"?)"}},
        {"an account's map with an unknown key",
         account("{user: a}"),
         {R"(f:6:17: rules[r].accounts[#1].user: unknown key "user")"}},
        {"a group that is no DN",
         account("{group: agents}"),
         {R"(f:6:24: rules[r].accounts[#1].group: not a distinguished name: "agents": character 7: an attribute type and '=' are expected)"}},
        {"a filter that is none",
         account("{filter: '(a=b'}"),
         {R"(f:6:25: rules[r].accounts[#1].filter: "(a=b" is no LDAP filter: filter, byte 5 (its end): ')' is missing)"}},
        {"a filter that is 1000 deep",
         account("{filter: '" + times("(!", 1000) + "(a=b)" + times(")", 1000) + "'}"),
         {"f:6:25: rules[r].accounts[#1].filter: "
          "\"(!(!(!(!(!(!(!(!(!(!(!(!(!(!(!(!(!(!(!(!(!(!(!(!(!(!(!(!(!(!(!(!(!(!(!(!(!(!(!(!"
          "\342\200\246(3005 bytes)\" is no LDAP filter: filter, byte 129 (at "
          "\"(!(!(!(!(!(!(!(!(!(!(!(!\"): nested deeper than 64"}},
        {"a list as an account",
         account("[a]"),
         {"f:6:16: rules[r].accounts[#1]: a single value or a map of keys is expected here, not a "
          "list"}},
        {"nobody to serve",
         R"(instance: prod
forests: [{name: corp, domain: corp.test}]
rules:
  - name: r
    match: {keywords: [K]}
    
)",
         {"f:4:5: rules[r].accounts: the rule serves nobody: give accounts, or targets.domains"}},
        {"nobody to serve, said so",
         R"(instance: prod
forests: [{name: corp, domain: corp.test}]
rules:
  - name: r
    match: {keywords: [K]}
    accounts: []
    
)",
         {"f:6:15: rules[r].accounts: the rule serves nobody: give accounts, or targets.domains"}},
    });
}

TEST_CASE("Settings: owners") {
    const std::string service = rule("") + "marker:\n  owners: ";
    check_rows({
        {"of sources, as a name and a SID",
         rule(R"(trust: {owners: ['CORP\Domain Admins', S-1-5-32-544]})"),
         {}},
        {"of copies", service + R"(['CORP\scpd-hosts'])", {}},
        {"an owner that is a DN",
         rule("trust: {owners: ['CN=a,DC=b']}"),
         {R"(f:7:22: rules[r].trust.owners[#1]: "CN=a,DC=b" is no owner: write a SID or DOMAIN\name)"}},
        {"an owner twice, in another case",
         rule(R"(trust: {owners: ['CORP\a', 'corp\A']})"),
         {R"(f:7:32: rules[r].trust.owners[#2]: "corp\\A" is given twice, first in line 7)"}},
        {"an owner of copies that is a UPN",
         service + "[a@b.c]",
         {R"(f:9:12: marker.owners[#1]: "a@b.c" is no owner: write a SID or DOMAIN\name)"}},
    });
    const auto loaded = load_settings_text(rule(R"(trust: {owners: ['CORP\a', S-1-5-32-544]})") +
                                               R"(marker: {owners: ['CORP\b']})",
                                           "f");
    REQUIRE(loaded.problems.empty());
    const auto& owners = loaded.settings.rules.at(0).trust_owners;
    REQUIRE(owners.size() == 2);
    CHECK(owners[0] == AccountQuery{AccountQuery::Kind::sam, "", "CORP\\a"});
    CHECK(owners[1] == AccountQuery{AccountQuery::Kind::sid, "", "S-1-5-32-544"});
    CHECK(loaded.settings.marker_owners ==
          std::vector<AccountQuery>{{AccountQuery::Kind::sam, "", "CORP\\b"}});
}
