#include "rows.hpp"

using namespace scp;
using namespace scp::settings_test;

TEST_CASE("Settings: attributes") {
    check_rows({
        {"a security attribute",
         rule("attributes: [nTSecurityDescriptor]"),
         {"f:7:18: rules[r].attributes[#1]: nTSecurityDescriptor is never copied: it says who may "
          "do what, or who an object is"}},
        {"its name in another case",
         rule("attributes: [NTSECURITYDESCRIPTOR]"),
         {"f:7:18: rules[r].attributes[#1]: NTSECURITYDESCRIPTOR is never copied: it says who may "
          "do what, or who an object is"}},
        {"objectSid",
         rule("attributes: [objectSid]"),
         {"f:7:18: rules[r].attributes[#1]: objectSid is never copied: it says who may do what, or "
          "who an object is"}},
        {"a system attribute",
         rule("attributes: [objectClass]"),
         {"f:7:18: rules[r].attributes[#1]: objectClass is never copied: it belongs to the "
          "directory itself"}},
        {"uSN",
         rule("attributes: [uSNCreated]"),
         {"f:7:18: rules[r].attributes[#1]: uSNCreated is never copied: it belongs to the "
          "directory itself"}},
        {"when",
         rule("attributes: [whenChanged]"),
         {"f:7:18: rules[r].attributes[#1]: whenChanged is never copied: it belongs to the "
          "directory itself"}},
        {"a DN-valued attribute",
         rule("attributes: [managedBy]"),
         {"f:7:18: rules[r].attributes[#1]: managedBy is never copied: its values are DNs, which "
          "mean something else in another domain"}},
        {"a back link",
         rule("attributes: [netbootSCPBL]"),
         {"f:7:18: rules[r].attributes[#1]: netbootSCPBL is never copied: its values are DNs, "
          "which mean something else in another domain"}},
        {"always copied",
         rule("attributes: [keywords]"),
         {"f:7:18: rules[r].attributes[#1]: keywords is always copied: leave it out of the list"}},
        {"cn",
         rule("attributes: [cn]"),
         {"f:7:18: rules[r].attributes[#1]: cn is always copied: leave it out of the list"}},
        {"no attribute's name",
         rule("attributes: ['a b']"),
         {R"(f:7:18: rules[r].attributes[#1]: "a b" is no attribute's name: a letter, then letters, digits and '-')"}},
        {"an option",
         rule("attributes: [description;lang-de]"),
         {"f:7:18: rules[r].attributes[#1]: \"description;lang-de\": options (;binary, "
          ";range=\342\200\246) do not belong in an attribute's name"}},
        {"an OID with a dot too many",
         rule("attributes: [1.2..3]"),
         {R"(f:7:18: rules[r].attributes[#1]: "1.2..3" is no attribute's name: a letter, then letters, digits and '-')"}},
        {"one twice",
         rule("attributes: [vendor, Vendor]"),
         {R"(f:7:26: rules[r].attributes[#2]: "Vendor" is given twice, first in line 7)"}},
        {"the marker's",
         rule("attributes: [msDS-Settings]"),
         {"f:7:17: rules[r].attributes: msDS-Settings holds the marker (marker.attribute) and "
          "cannot be copied"}},
        {"the marker in a default attribute",
         R"(instance: prod
forests: [{name: corp, domain: corp.test}]
marker: {attribute: description}
rules:
  - name: r
    match: {keywords: [K]}
    accounts: [a@corp.test]
    
)",
         {"f:5:5: rules[r].attributes: description holds the marker (marker.attribute) and cannot "
          "be copied"}},
        {"the marker in a default attribute without rules",
         with("marker: {attribute: vendor}"),
         {"f:3:21: marker.attribute: vendor is copied by default and cannot hold the marker"}},
        {"the marker in cn",
         with("marker: {attribute: cn}"),
         {"f:3:21: marker.attribute: cn cannot hold the marker; use a text attribute that nothing "
          "else reads, such as msDS-Settings"}},
        {"the marker in keywords",
         with("marker: {attribute: keywords}"),
         {"f:3:21: marker.attribute: keywords cannot hold the marker; use a text attribute that "
          "nothing else reads, such as msDS-Settings"}},
        {"the marker in no attribute",
         with("marker: {attribute: 'a b'}"),
         {R"(f:3:21: marker.attribute: "a b" is no attribute's name: a letter, then letters, digits and '-')"}},
    });
}
