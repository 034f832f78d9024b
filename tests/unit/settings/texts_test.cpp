#include "rows.hpp"

using namespace scp;
using namespace scp::settings_test;

TEST_CASE("Settings: names, keywords, domains, places") {
    check_rows({
        {"instance with a blank",
         R"(instance: "pro d"
forests: [{name: corp, domain: corp.test}]

)",
         {R"(f:1:11: instance: "pro d" is no name: 1 to 64 of the characters A-Z a-z 0-9 . _ -)"}},
        {"instance empty",
         R"(instance: ""
forests: [{name: corp, domain: corp.test}]

)",
         {R"(f:1:11: instance: "" is no name: 1 to 64 of the characters A-Z a-z 0-9 . _ -)"}},
        {"instance too long",
         "instance: " + std::string(65, 'x') + "\n" + one_forest,
         {R"(f:1:11: instance: "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" is no name: 1 to 64 of the characters A-Z a-z 0-9 . _ -)"}},
        {"a rule's name with a semicolon",
         R"(instance: prod
forests: [{name: corp, domain: corp.test}]
rules:
  - name: "a;b"
    match: {keywords: [K]}
    accounts: [a@corp.test]
    
)",
         {R"(f:4:11: rules[a;b].name: "a;b" is no name: 1 to 64 of the characters A-Z a-z 0-9 . _ -)"}},
        {"two rules of one name, without case",
         R"(instance: prod
forests: [{name: corp, domain: corp.test}]
rules:
  - name: r
    match: {keywords: [K]}
    accounts: [a@corp.test]
    
  - name: R
    match: {keywords: [K]}
    accounts: [a@corp.test]
)",
         {R"(f:8:5: rules[R]: "R" is given twice, first in line 4)"}},
        {"two forests of one name",
         R"(instance: prod
forests: [{name: corp, domain: a.b}, {name: CORP, domain: c.d}]
)",
         {R"(f:2:38: forests[CORP]: "CORP" is given twice, first in line 2)"}},
        {"a keyword that is empty",
         keywords(R"([""])"),
         {"f:5:24: rules[r].match.keywords[#1]: a keyword cannot be empty"}},
        {"no keyword",
         keywords("[]"),
         {"f:5:23: rules[r].match.keywords: is an empty list; at least one item is needed"}},
        {"a keyword of 257 characters",
         keywords("[" + std::string(257, 'k') + "]"),
         {"f:5:24: rules[r].match.keywords[#1]: a keyword of 257 characters: AD takes 256 at "
          "most"}},
        {"a keyword of 257 UTF-16 units in 129 characters",
         keywords("[" + times("\xf0\x9f\x98\x80", 128) + "k]"),
         {"f:5:24: rules[r].match.keywords[#1]: a keyword of 257 characters: AD takes 256 at "
          "most"}},
        {"a keyword twice, without case",
         keywords("[Stra\303\237e, STRASSE]"),
         {R"(f:5:33: rules[r].match.keywords[#2]: "STRASSE" is given twice, first in line 5)"}},
        {"a keyword with NUL",
         keywords(R"(["ab\0c"])"),
         {R"(f:5:24: rules[r].match.keywords[#1]: "ab\x00c" has a NUL (U+0000) at character 3)"}},
        {"a keyword with CR and LF",
         keywords(R"(["a\r\nb"])"),
         {R"(f:5:24: rules[r].match.keywords[#1]: "a\x0d\x0ab" has a line break (U+000D) at character 2)"}},
        {"a keyword with ESC",
         keywords(R"(["\e[31m"])"),
         {R"(f:5:24: rules[r].match.keywords[#1]: "\x1b[31m" has an escape character (U+001B) at character 1)"}},
        {"a keyword with a right-to-left override",
         keywords(R"(["abc\u202Edef"])"),
         {R"(f:5:24: rules[r].match.keywords[#1]: "abc\u{202e}def" has a character that turns the reading direction (U+202E) at character 4)"}},
        {"a keyword with a right-to-left override in the file itself",
         keywords("[\"abc\342\200\256def\"]"),
         {R"(f:5:24: rules[r].match.keywords[#1]: "abc\u{202e}def" has a character that turns the reading direction (U+202E) at character 4)"}},
        {"a keyword with an invisible character",
         keywords(R"(["a\u200Bb"])"),
         {R"(f:5:24: rules[r].match.keywords[#1]: "a\u{200b}b" has an invisible character (U+200B) at character 2)"}},
        {"a keyword with C1",
         keywords(R"(["a\u009bb"])"),
         {R"(f:5:24: rules[r].match.keywords[#1]: "a\x9bb" has a control character (U+009B) at character 2)"}},
        {"a block of lines as a keyword",
         R"(instance: prod
forests: [{name: corp, domain: corp.test}]
rules:
  - name: r
    match: 
      keywords:
        - |
          a
          b
    accounts: [a@corp.test]
    
)",
         {R"(f:7:11: rules[r].match.keywords[#1]: "a\x0ab\x0a" has a line break (U+000A) at character 2)"}},
        {"a key with a control character",
         with(R"("a\eb": 1)"),
         {R"(f:3:1: a\x1bb: the key has an escape character (U+001B) at character 2)"}},
        {"a glob with a control character",
         R"(instance: prod
forests: [{name: corp, domain: corp.test}]
rules:
  - name: r
    match: {keywords: [K], name: "a\tb"}
    accounts: [a@corp.test]
    
)",
         {R"(f:5:34: rules[r].match.name: "a\x09b" has a tab (U+0009) at character 2)"}},
        {"a domain in its NetBIOS form",
         rule("targets: {domains: [CORP]}"),
         {R"(f:7:25: rules[r].targets.domains[#1]: "CORP" is no DNS name of a domain: it has no dot; write the DNS name (corp.test), not the NetBIOS name)"}},
        {"a domain as a DN",
         rule(R"(targets: {domains: ["DC=corp,DC=test"]})"),
         {R"(f:7:25: rules[r].targets.domains[#1]: "DC=corp,DC=test" is no DNS name of a domain: write corp.test, not DC=corp,DC=test)"}},
        {"a domain as an address",
         rule("targets: {exclude: [10.0.0.1]}"),
         {R"(f:7:25: rules[r].targets.exclude[#1]: "10.0.0.1" is no DNS name of a domain: it looks like an address)"}},
        {"a domain with a blank",
         rule(R"(trust: {domains: ["corp .test"]})"),
         {R"(f:7:23: rules[r].trust.domains[#1]: "corp .test" is no DNS name of a domain: only letters, digits, '-' and '_' stand between the dots)"}},
        {"a domain with an empty part",
         rule("trust: {domains: [corp..test]}"),
         {R"(f:7:23: rules[r].trust.domains[#1]: "corp..test" is no DNS name of a domain: each part has 1 to 63 characters)"}},
        {"a domain with a hyphen at the end of a part",
         rule("trust: {domains: [corp-.test]}"),
         {R"(f:7:23: rules[r].trust.domains[#1]: "corp-.test" is no DNS name of a domain: no part begins or ends with '-')"}},
        {"a domain that is too long",
         rule("trust: {domains: [" + times("a.", 127) + "bc]}"),
         {"f:7:23: rules[r].trust.domains[#1]: "
          "\"a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a."
          "\342\200\246(256 bytes)\" is no DNS name of a domain: it is longer than 253 "
          "characters"}},
        {"a domain twice",
         rule("targets: {domains: [a.b, A.B]}"),
         {R"(f:7:30: rules[r].targets.domains[#2]: "A.B" is given twice, first in line 7)"}},
        {"an override for no domain",
         forest(R"(domain: corp.test
domains: {EMEA: {servers: [ldaps://a]}})"),
         {R"(f:5:15: forests[corp].domains[EMEA]: "EMEA" is no DNS name of a domain: it has no dot; write the DNS name (corp.test), not the NetBIOS name)"}},
        {"a server without a scheme",
         forest("servers: [dc1.corp.test]"),
         {R"(f:4:15: forests[corp].servers[#1]: "dc1.corp.test" is not a server's URI: the scheme is missing)"}},
        {"a server with a password",
         forest(R"(servers: ["ldaps://admin:hunter2@dc1.corp.test"])"),
         {"f:4:15: forests[corp].servers[#1]: a server's URI holds no user and no password; log-in "
          "belongs in auth"}},
        {"no servers in an override",
         forest(R"(domain: corp.test
domains: {a.corp.test: {servers: []}})"),
         {"f:5:38: forests[corp].domains[a.corp.test].servers: is an empty list; at least one item "
          "is needed"}},
        {"a relative path",
         forest(R"(domain: corp.test
tls: {ca_file: ca.pem})"),
         {R"(f:5:20: forests[corp].tls.ca_file: "ca.pem" is not an absolute path: scpd and scpctl run in different folders)"}},
        {"a credential with a slash",
         forest(R"(domain: corp.test
auth: {credential: ../x})"),
         {R"(f:5:24: forests[corp].auth.credential: "../x" is no credential's name: a file name in $CREDENTIALS_DIRECTORY or /etc/credstore, without '/')"}},
        {"a TLS version that nobody wants",
         forest(R"(domain: corp.test
tls: {min_version: 1.0})"),
         {R"(f:5:24: forests[corp].tls.min_version: "1.0" is not one of 1.2, 1.3; did you mean "1.2"?)"}},
        {"a site that cannot be one",
         forest(R"(domain: corp.test
site: "a/b")"),
         {R"(f:5:11: forests[corp].site: "a/b" is no name: 1 to 64 of the characters A-Z a-z 0-9 . _ -)"}},
        {"global_catalog in another word",
         forest(R"(domain: corp.test
global_catalog: on)"),
         {R"(f:5:21: forests[corp].global_catalog: "on" is not one of auto, off, or a list)"}},
        {"global_catalog with what is no URI",
         forest(R"(domain: corp.test
global_catalog: [gc])"),
         {R"(f:5:22: forests[corp].global_catalog[#1]: "gc" is not a server's URI: the scheme is missing)"}},
        {"a container with the domain",
         rule(R"(trust: {containers: ["CN=System,DC=corp,DC=test"]})"),
         {"f:7:26: rules[r].trust.containers[#1]: \"CN=System,DC=corp,DC=test\" is relative to "
          "each domain: leave off the domain's part (DC=\342\200\246)"}},
        {"a container that is no DN",
         rule("trust: {containers: [System]}"),
         {R"(f:7:26: rules[r].trust.containers[#1]: not a distinguished name: "System": character 7: an attribute type and '=' are expected)"}},
        {"a container that is the whole domain",
         rule(R"(trust: {containers: [""]})"),
         {"f:7:26: rules[r].trust.containers[#1]: empty would mean the whole domain, where any "
          "computer account may create SCPs; name a container such as CN=System"}},
        {"no container to trust",
         rule("trust: {containers: []}"),
         {"f:7:25: rules[r].trust.containers: is an empty list; at least one item is needed"}},
        {"an excluded container twice",
         rule(R"(trust: {exclude: ["CN=a", "cn=A"]})"),
         {R"(f:7:31: rules[r].trust.exclude[#2]: "cn=A" is given twice, first in line 7)"}},
        {"a target in the domain's root",
         rule(R"(targets: {container: ""})"),
         {"f:7:26: rules[r].targets.container: empty would mean the domain's root, below which no "
          "SCP can be; write a container such as CN=scpd,CN=System, or same, or configuration"}},
        {"a target with the domain",
         rule(R"(targets: {container: "CN=scpd,DC=corp,DC=test"})"),
         {"f:7:26: rules[r].targets.container: \"CN=scpd,DC=corp,DC=test\" is relative to each "
          "domain: leave off the domain's part (DC=\342\200\246)"}},
        {"prefer nobody",
         rule("on_conflict: {prefer: []}"),
         {"f:7:27: rules[r].on_conflict.prefer: is an empty list; at least one item is needed"}},
        {"an empty map for on_conflict",
         rule("on_conflict: {}"),
         {"f:7:18: rules[r].on_conflict.prefer: is required: Domains whose source wins, best "
          "first."}},
        {"confirmations of none",
         rule("prune: {confirmations: 0}"),
         {"f:7:28: rules[r].prune.confirmations: 0 is out of range: 1 to 1000"}},
    });
}
