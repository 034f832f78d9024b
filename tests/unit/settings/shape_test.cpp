#include "rows.hpp"

using namespace scp;
using namespace scp::settings_test;

TEST_CASE("Settings: what a file is made of") {
    check_rows({
        {"a list instead of a map",
         R"(- a
- b
)",
         {"f:1:1: settings are a map of keys (key: value), and this is not"}},
        {"a single word",
         R"(hello
)",
         {"f:1:1: settings are a map of keys (key: value), and this is not"}},
        {"nothing but comments",
         R"(# nothing
)",
         {"f: is empty: there is nothing in it but comments"}},
        {"no bytes at all", "", {"f: is empty"}},
        {"two documents",
         with(R"(---
instance: x)"),
         {"f:3:1: a second document begins here; settings are one document a file"}},
        {"not YAML: a bad indent",
         R"(a:
  b: 1
 c: 2
)",
         {"f:3:2: is not YAML: end of map not found"}},
        {"not YAML: a backslash in double quotes",
         account(R"("CORP\svc")"),
         {"f:6:23: is not YAML: unknown escape character: s (inside double quotes a backslash "
          "begins an escape; single quotes, or none, leave it alone)"}},
        {"an unknown key, nearly right",
         with("deamon: {}"),
         {R"(f:3:1: deamon: unknown key "deamon"; did you mean "daemon"?)"}},
        {"an unknown short key, two letters swapped",
         rule("moed: sync"),
         {R"(f:7:5: rules[r].moed: unknown key "moed"; did you mean "mode"?)"}},
        {"an unknown key, far from all",
         with("zzzzzzzz: 1"),
         {R"(f:3:1: zzzzzzzz: unknown key "zzzzzzzz")"}},
        {"a key that stands elsewhere",
         with("keywords: [a]"),
         {R"(f:3:1: keywords: unknown key "keywords"; that key is rules[].match.keywords)"}},
        {"an unknown key deep inside",
         rule("trust: {domain: [a.b]}"),
         {R"(f:7:13: rules[r].trust.domain: unknown key "domain"; did you mean "domains"?)"}},
        {"a duplicate key",
         with("instance: other"),
         {R"(f:3:1: instance: the key "instance" is given twice here, first in line 1)"}},
        {"a duplicate key deep inside, in flow style",
         rule("trust: {domains: [], domains: [a.b]}"),
         {R"(f:7:26: rules[r].trust.domains: the key "domains" is given twice here, first in line 7)"}},
        {"a duplicate domain in another spelling",
         forest(R"(domain: corp.test
domains:
  a.corp.test: {}
  A.corp.test.: {})"),
         {"f:7:7: forests[corp].domains[A.corp.test.]: given twice here, first in line 6"}},
        {"a key that is a list",
         with(R"(? [a]
: 1)"),
         {"f:3:3: a key must be a word"}},
        {"a null key", with("~: 1"), {"f:3:1: a key must be a word"}},
        {"a word where a map belongs",
         with("daemon: fast"),
         {R"(f:3:9: daemon: a map of keys is expected here, not "fast")"}},
        {"a map where a list belongs",
         with("rules: {name: r}"),
         {"f:3:8: rules: a list is expected here, not a map of keys"}},
        {"a word where a list belongs",
         rule("attributes: vendor"),
         {R"(f:7:17: rules[r].attributes: a list is expected here, not "vendor")"}},
        {"a list where a word belongs",
         rule("mode: [upsert]"),
         {"f:7:11: rules[r].mode: a single value is expected here, not a list"}},
        {"a map where a word belongs",
         rule("mode: {a: b}"),
         {"f:7:11: rules[r].mode: a single value is expected here, not a map of keys"}},
        {"a list where a word or a map belongs",
         rule("on_conflict: [a.b]"),
         {"f:7:18: rules[r].on_conflict: a single value or a map of keys is expected here, not a "
          "list"}},
        {"a word that is not one of several",
         rule("mode: upsret"),
         {R"(f:7:11: rules[r].mode: "upsret" is not one of observe, create-only, upsert, sync; did you mean "upsert"?)"}},
        {"another word that is not one of several",
         with("log: {level: loud}"),
         {R"(f:3:14: log.level: "loud" is not one of trace, debug, info, warning, error)"}},
        {"no value",
         rule("mode:"),
         {"f:7:5: rules[r].mode: has no value (a text that looks like null goes in quotes)"}},
        {"a null in a list",
         rule("attributes: [vendor, ~]"),
         {"f:7:26: rules[r].attributes[#2]: has no value (a text that looks like null goes in "
          "quotes)"}},
        {"all at once, in order",
         R"(instanc: x
forests:
  - name: corp
    tls: {mode: ldap}
rules:
  - name: a
  - name: A
)",
         {R"(f:1:1: instanc: unknown key "instanc"; did you mean "instance"?)",
          "f:1:1: instance: is required: Owner's name in the marker of every copy, the same on all "
          "hosts that serve the same copies.",
          "f:3:5: forests[corp]: needs domain (servers are then found by DNS) or servers",
          R"(f:4:17: forests[corp].tls.mode: "ldap" is not one of ldaps, starttls, none; did you mean "ldaps"?)",
          "f:6:5: rules[a].match: is required: Which SCPs are sources.",
          "f:6:5: rules[a].accounts: the rule serves nobody: give accounts, or targets.domains",
          R"(f:7:5: rules[A]: "A" is given twice, first in line 6)",
          "f:7:5: rules[A].match: is required: Which SCPs are sources.",
          "f:7:5: rules[A].accounts: the rule serves nobody: give accounts, or targets.domains"}},
        {"missing required keys",
         R"(limits: {changes: 1}
)",
         {"f:1:1: instance: is required: Owner's name in the marker of every copy, the same on all "
          "hosts that serve the same copies.",
          "f:1:1: forests: is required: The forests to work in."}},
        {"an empty list of forests",
         R"(instance: x
forests: []
)",
         {"f:2:10: forests: is an empty list; at least one item is needed"}},
        {"an anchor and an alias",
         R"(instance: prod
forests: [{name: corp, domain: corp.test}]
limits: &x {changes: 1}
daemon: *x
)",
         {"f:3:9: limits: anchors (&name) are not supported: write the value out where it is "
          "needed",
          "f:4:9: daemon: aliases (*name) are not supported: write the value out"}},
        {"a merge key",
         with("limits: {<<: {changes: 1}}"),
         {R"(f:3:10: limits.<<: unknown key "<<")"}},
        {"a tag",
         with("limits: !!map {changes: !!str 1}"),
         {"f:3:9: limits: tags (tag:yaml.org,2002:map) are not supported",
          "f:3:25: limits.changes: tags (tag:yaml.org,2002:str) are not supported"}},
    });
}
