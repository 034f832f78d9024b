#include "settings/load.hpp"

#include <doctest/doctest.h>

using namespace scp;

TEST_CASE("A settings file in the contract's shape becomes typed settings") {
    const auto loaded = load_settings_text(R"(
instance: prod
forests:
  - name: corp
    domain: corp.test
    servers: [ldaps://dc1.corp.test]
    domains:
      EMEA.corp.test: { servers: [ldaps://dc9.emea.corp.test], auth: { mechanism: simple, bind_dn: "CN=a,DC=b", password_file: /etc/pw } }
    tls: { mode: ldaps, ca_file: /etc/ca.pem, min_version: "1.3" }
    auth: { principal: svc-scpd@CORP.TEST, keytab: /etc/scpd/scpd.keytab }
    timeouts: { connect: 2s }
rules:
  - name: mage
    match: { keywords: [77F6F69F-AD86-437c-B47E-9A2F161E7E61, QmmEx] }
    accounts:
      - CORP\svc-mage
      - svc-mage@corp.test
      - CN=svc-mage,CN=Users,DC=corp,DC=test
      - S-1-5-21-1-2-3-500
      - { forest: corp, account: CORP\svc-mage }
      - group: CN=MAgE agents,OU=Groups,DC=corp,DC=test
      - filter: (servicePrincipalName=mage/*)
    on_conflict: { prefer: [emea.corp.test] }
    mode: create-only
daemon: { debounce: 100ms }
)",
                                           "f.yaml");
    for (const auto& problem : loaded.problems)
        MESSAGE(problem.to_string());
    REQUIRE(loaded.problems.empty());
    const auto& s = loaded.settings;
    CHECK(s.instance == "prod");
    REQUIRE(s.forests.size() == 1);
    const auto& forest = s.forests[0];
    CHECK(forest.domain.text() == "corp.test");
    CHECK(forest.servers.at(0).to_string() == "ldaps://dc1.corp.test");
    CHECK(forest.tls.ca_file == "/etc/ca.pem");
    CHECK(forest.tls.min_version == "1.3");
    CHECK(forest.auth.mechanism == AuthSettings::Mechanism::gssapi);
    CHECK(forest.auth.keytab == "/etc/scpd/scpd.keytab");
    CHECK(forest.timeouts.connect == std::chrono::seconds(2));
    CHECK(forest.timeouts.operation == std::chrono::seconds(30));
    const auto& emea = forest.domains.at(DomainName("emea.corp.test"));
    CHECK(emea.auth.value().mechanism == AuthSettings::Mechanism::simple);
    CHECK(emea.auth.value().keytab == "");
    CHECK_FALSE(emea.tls.has_value());
    REQUIRE(s.rules.size() == 1);
    const auto& rule = s.rules[0];
    CHECK(rule.keywords ==
          std::vector<std::string>{"77F6F69F-AD86-437c-B47E-9A2F161E7E61", "QmmEx"});
    CHECK(rule.name_glob == "*");
    CHECK(rule.trust_containers == default_trust_containers());
    CHECK(rule.trust_exclude == default_trust_exclude());
    CHECK(rule.attributes == default_attributes());
    CHECK(rule.container.relative == default_container());
    CHECK(rule.mode == Mode::create_only);
    CHECK(rule.prefer == std::vector{DomainName("emea.corp.test")});
    CHECK(rule.prune_grace == std::chrono::hours(24));
    using Kind = AccountQuery::Kind;
    CHECK(rule.accounts ==
          std::vector<AccountQuery>{{Kind::sam, "", "CORP\\svc-mage"},
                                    {Kind::upn, "", "svc-mage@corp.test"},
                                    {Kind::dn, "", "CN=svc-mage,CN=Users,DC=corp,DC=test"},
                                    {Kind::sid, "", "S-1-5-21-1-2-3-500"},
                                    {Kind::sam, "corp", "CORP\\svc-mage"},
                                    {Kind::group, "", "CN=MAgE agents,OU=Groups,DC=corp,DC=test"},
                                    {Kind::filter, "", "(servicePrincipalName=mage/*)"}});
    CHECK(s.daemon.debounce == std::chrono::milliseconds(100));
    CHECK(s.daemon.workers == 8);
    CHECK(s.limits.changes == 100);
    CHECK(s.limits.deletes == 5);
    CHECK(s.limits.delete_percent == 30);
    CHECK(s.marker_attribute == "msDS-Settings");
    CHECK(loaded.origins.at("rules[mage].match.keywords") == "f.yaml:14");
    CHECK(loaded.origins.at("forests[corp].domains[emea.corp.test].auth.mechanism") == "f.yaml:8");
    CHECK_FALSE(loaded.origins.contains("daemon.workers"));
}
