#include "rows.hpp"

using namespace scp;
using namespace scp::settings_test;

TEST_CASE("Settings: what a later version brings is refused") {
    check_rows({
        {"match.in",
         R"(instance: prod
forests: [{name: corp, domain: corp.test}]
rules:
  - name: r
    match: {keywords: [K], in: [domain, configuration]}
    accounts: [a@corp.test]
    
)",
         {R"(f:5:41: rules[r].match.in[#2]: "configuration" is not in this version; accepted: domain)"}},
        {"trust.containers in the Configuration NC",
         rule(R"(trust: {containers: ["configuration:CN=Services"]})"),
         {R"(f:7:26: rules[r].trust.containers[#1]: "configuration:CN=Services": places in the Configuration NC are not in this version)"}},
        {"targets.container in the Configuration NC",
         rule("targets: {container: configuration}"),
         {"f:7:26: rules[r].targets.container: copies in the Configuration NC are not in this "
          "version; write a container such as CN=scpd,CN=System, or same"}},
        {"targets.container below the Configuration NC",
         rule(R"(targets: {container: "configuration:CN=Services"})"),
         {"f:7:26: rules[r].targets.container: copies in the Configuration NC are not in this "
          "version; write a container such as CN=scpd,CN=System, or same"}},
        {"log.format",
         with("log: {format: json}"),
         {R"(f:3:15: log.format: "json" is not in this version; accepted: text)"}},
        {"metrics",
         with("metrics: {listen: '127.0.0.1:9469', textfile: /x}"),
         {R"(f:3:19: metrics.listen: "127.0.0.1:9469" is not in this version; only off is accepted)",
          "f:3:47: metrics.textfile: is not in this version; leave it out"}},
    });
}
