#include "report/documents.hpp"

#include "report/text.hpp"
#include "support/build_scp.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace scp;
using namespace scp::test;

namespace {

std::set<std::string> keys(const Json& object) {
    std::set<std::string> names;
    for (const auto& [name, value] : object.items())
        names.insert(name);
    return names;
}

bool has_keys(const Json& object, const std::set<std::string>& wanted) {
    const auto there = keys(object);
    return std::includes(there.begin(), there.end(), wanted.begin(), wanted.end());
}

const char* const hostile = "x\x1b[2J\xe2\x80\xae\r\n\x9b";

/// One create, one update, one held; emea read, apac not.
CycleReport a_report() {
    CycleReport report;
    Forest forest;
    forest.name = "corp";
    forest.root = DomainName("corp.test");
    report.topology.forests.push_back(forest);
    for (const char* name : {"apac.corp.test", "corp.test", "emea.corp.test"}) {
        DomainView view;
        view.forest = "corp";
        view.domain = DomainName(name);
        view.nc = Dn::of_domain(name);
        view.server = std::string("ldaps://dc1.") + name;
        report.observation.domains.push_back(view);
    }
    report.observation.domains[0].incomplete =
        Error{ErrorKind::unreachable, "no answer in 5s", "is it up?", 0};
    ResolvedAccount account;
    account.rule = "mage";
    account.locations.push_back(
        {"corp", DomainName("corp.test"), *Dn::parse("CN=svc,CN=Users,DC=corp,DC=test"), false});
    report.observation.accounts.push_back(account);

    Change create;
    create.rule = "mage";
    create.forest = "corp";
    create.domain = DomainName("corp.test");
    create.nc = Dn::of_domain("corp.test");
    create.dn = create.nc.descendant(*Dn::parse("CN=scpd,CN=System")).child("CN", "svc");
    create.reason = Reason::missing;
    create.source = SourceRef{*Dn::parse("CN=svc,CN=System,DC=emea,DC=corp,DC=test"),
                              DomainName("emea.corp.test"), guid_number(1)};
    create.after = {{"keywords", {"b", "a"}}, {"serviceBindingInformation", {hostile}}};
    report.plan.changes.push_back(create);
    Change update = create;
    update.op = Op::update;
    update.guid = guid_number(2);
    update.reason = Reason::source_changed;
    update.dn = create.dn.parent().child("CN", "other");
    update.before = {{"keywords", {"a"}}, {"vendor", {"same"}}};
    update.after = {{"keywords", {"c"}}, {"vendor", {"same"}}};
    report.plan.changes.push_back(update);
    Held held;
    held.reason = Reason::native_differs;
    held.rule = "mage";
    held.forest = "corp";
    held.domain = DomainName("emea.corp.test");
    held.nc = Dn::of_domain("emea.corp.test");
    held.dn = *Dn::parse("CN=n,CN=System,DC=emea,DC=corp,DC=test");
    held.detail = "it differs";
    report.plan.held.push_back(held);
    report.plan.in_sync = 3;
    return report;
}

} // namespace

TEST_CASE("the plan's document has the contract's keys") {
    const Json plan = plan_document(a_report(), "prod", false);
    CHECK(plan.at("schema") == "scpd.plan/1");
    CHECK(plan.items().begin().key() == "schema");
    CHECK(has_keys(plan, {"instance", "complete", "hash", "domains", "changes", "held", "in_sync",
                          "changed"}));
    CHECK(plan.at("hash").get<std::string>().starts_with("sha256:"));
    CHECK(plan.at("complete") == false);
    CHECK(plan.at("in_sync") == 3);
    CHECK(plan.at("changed") == false);
    CHECK(keys(plan.at("domains").at(0)) == std::set<std::string>{"forest", "nc", "domain",
                                                                  "server", "complete", "error",
                                                                  "accounts", "disabled"});
    CHECK(plan.at("domains").at(0).at("error") == "no answer in 5s");
    CHECK(plan.at("domains").at(1).at("error").is_null());
    CHECK(plan.at("domains").at(1).at("accounts") == Json({"CN=svc,CN=Users,DC=corp,DC=test"}));

    const Json create = plan.at("changes").at(0);
    CHECK(has_keys(create, {"id", "op", "rule", "forest", "domain", "nc", "dn", "guid", "reason",
                            "source", "attributes", "result", "error"}));
    CHECK(create.at("op") == "create");
    CHECK(create.at("guid").is_null());
    CHECK(create.at("result").is_null());
    CHECK(create.at("error").is_null());
    CHECK(create.at("source").at("guid") == "00000000-0000-0000-0000-000000000001");
    CHECK(create.at("attributes").at("keywords").at("add") == Json({"a", "b"}));
    CHECK(
        create.at("attributes").at("serviceBindingInformation").at("add").at(0).contains("base64"));

    const Json update = plan.at("changes").at(1);
    CHECK(update.at("guid") == "00000000-0000-0000-0000-000000000002");
    CHECK(update.at("attributes").at("keywords") ==
          Json{{"add", Json({"c"})}, {"remove", Json({"a"})}});
    CHECK_FALSE(update.at("attributes").contains("vendor")); // it stays as it is

    const Json held = plan.at("held").at(0);
    CHECK(has_keys(held, {"id", "op", "rule", "forest", "domain", "nc", "dn", "reason", "detail",
                          "hint", "attributes", "sources"}));
    CHECK(held.at("op").is_null());
    CHECK(held.at("reason") == "native-differs");
    CHECK_FALSE(held.at("hint").get<std::string>().empty());
}

TEST_CASE("what a write came to stands beside its change") {
    CycleReport report = a_report();
    const auto id = [&](std::size_t i) { return report.plan.changes[i].id(); };
    report.results[id(0)] = {ChangeResult::State::done, std::nullopt, std::nullopt};
    report.results[id(1)] = {ChangeResult::State::failed,
                             Error{ErrorKind::no_rights, "rc 50", "delegate", 50},
                             Reason::no_rights};
    const Json plan = plan_document(report, "prod", true);
    CHECK(plan.at("changes").at(0).at("result") == "done");
    CHECK(plan.at("changes").at(1).at("result") == "failed");
    CHECK(plan.at("changes").at(1).at("error") == "rc 50");
    CHECK(plan.at("held").size() == 2);
    CHECK(plan.at("held").at(1).at("reason") == "no-rights");
    CHECK(plan.at("held").at(1).at("hint") == "delegate");
    CHECK(summary_line(report) == "1 created, 1 failed, 1 held, 3 in sync");
}

TEST_CASE("a forest that could not be read is seen in the plan") {
    CycleReport report;
    Forest forest;
    forest.name = "lost";
    forest.error = Error{ErrorKind::unreachable, "no route", "", 0};
    report.topology.forests.push_back(forest);
    const Json plan = plan_document(report, "prod", false);
    CHECK(plan.at("domains").at(0).at("forest") == "lost");
    CHECK(plan.at("domains").at(0).at("error") == "no route");
}

TEST_CASE("a disabled account is named: as text, and by domain in the document") {
    CycleReport report = a_report();
    const auto said = [&] {
        const std::string text = plan_text(report, Style{}) + diff_text(report, Style{});
        const std::string line =
            "disabled CORP\\\\svc: CN=svc,CN=Users,DC=corp,DC=test cannot log in; its domain is a "
            "target all the same (rule mage)\n";
        const auto first = text.find(line);
        return std::pair(first != std::string::npos,
                         text.find(line, first + 1) != std::string::npos);
    };
    CHECK(said() == std::pair(false, false));
    CHECK(plan_document(report, "prod", true).at("domains").at(1).at("disabled") == Json::array());
    report.observation.accounts.front().rule = "mage";
    report.observation.accounts.front().query = {AccountQuery::Kind::sam, "", "CORP\\svc"};
    report.observation.accounts.front().locations.front().disabled = true;
    CHECK(said() == std::pair(true, true));
    CHECK(plan_document(report, "prod", true).at("domains").at(1).at("disabled") ==
          Json({"CN=svc,CN=Users,DC=corp,DC=test"}));
}

TEST_CASE("the plan as text") {
    const CycleReport report = a_report();
    const std::string text = plan_text(report, Style{});
    for (const char* wanted :
         {"not read apac.corp.test: no answer in 5s", "corp.test  ldaps://dc1.corp.test",
          "+ create  CN=svc,CN=scpd,CN=System,DC=corp,DC=test", "missing  rule mage",
          "from CN=svc,CN=System,DC=emea,DC=corp,DC=test", "keywords", "+ a", "~ update", "- a",
          "+ c", "! held  CN=n,CN=System,DC=emea,DC=corp,DC=test",
          "native-differs  rule mage  it differs", "1 to create, 1 to update, 1 held, 3 in sync"}) {
        CAPTURE(wanted);
        CHECK(text.find(wanted) != std::string::npos);
    }
    CHECK(summary_line(CycleReport{}) == "nothing to do, 0 in sync");
}

TEST_CASE("no byte of a value reaches a terminal as it is") {
    const CycleReport report = a_report();
    for (const std::string& text : {plan_text(report, Style{}), diff_text(report, Style{})}) {
        CAPTURE(text);
        CHECK(text.find('\x1b') == std::string::npos);
        CHECK(text.find('\r') == std::string::npos);
        CHECK(text.find("\xe2\x80\xae") == std::string::npos);
        CHECK(text.find("\\x1B") + text.find("\\x1b") != 2 * std::string::npos);
    }
}

TEST_CASE("diff is unified, with what stays as context") {
    const std::string text = diff_text(a_report(), Style{});
    CHECK(text.find("--- (nothing)\n+++ CN=svc,CN=scpd,CN=System,DC=corp,DC=test\n") !=
          std::string::npos);
    CHECK(text.find("@@ keywords @@\n-a\n+c\n@@ vendor @@\n same\n") != std::string::npos);
}

TEST_CASE("list, show, topology, write and config have the contract's keys") {
    const Rule rule = a_rule();
    const Scp source =
        an_scp().with_keyword("mage").with_binding("b").with("serviceClassName", "c");
    const Scp copy = an_scp().in("corp.test").number(2).copy_of(source, rule);
    const Json list = list_document({{source, {{"mage", {Role::source, std::nullopt}}}},
                                     {copy, {{"mage", {Role::suspect, Reason::suspect_marker}}}}});
    CHECK(list.at("schema") == "scpd.list/1");
    const std::set<std::string> scp_keys{
        "forest",   "domain",     "dn",       "name",          "guid",     "roles", "keywords",
        "bindings", "class_name", "dns_name", "dns_name_type", "modified", "marker"};
    CHECK(keys(list.at("scps").at(0)) == scp_keys);
    CHECK(list.at("scps").at(0).at("marker").is_null());
    CHECK(list.at("scps").at(0).at("class_name") == "c");
    CHECK(list.at("scps").at(0).at("dns_name").is_null());
    CHECK(list.at("scps").at(0).at("roles").at(0) == Json{{"rule", "mage"}, {"role", "source"}});
    CHECK(list.at("scps").at(1).at("roles").at(0).at("reason") == "suspect-marker");
    CHECK(keys(list.at("scps").at(1).at("marker")) ==
          std::set<std::string>{"instance", "rule", "source", "origin", "hash", "gone", "parked"});

    ShownScp shown;
    shown.listed = {source, {}};
    shown.attributes = source.attributes;
    shown.copies = {{copy, {}}};
    const Json show = show_document(shown);
    CHECK(show.at("schema") == "scpd.show/1");
    CHECK(has_keys(show, scp_keys));
    CHECK(
        has_keys(show, {"owner", "dacl_writers", "attributes", "replication", "copies", "source"}));
    CHECK(show.at("copies") == Json({copy.dn.text()}));
    CHECK(show.at("source").is_null());

    Topology topology;
    Forest forest;
    forest.name = "corp";
    forest.root = DomainName("corp.test");
    Domain domain;
    domain.name = DomainName("corp.test");
    Server server;
    server.uri = *ServerUri::parse("ldaps://dc1.corp.test");
    domain.servers.push_back(server);
    forest.domains.push_back(domain);
    forest.configuration = domain;
    forest.configuration->name = DomainName::configuration_of(domain.name);
    forest.configuration->nc = *Dn::parse("CN=Configuration,DC=corp,DC=test");
    forest.trusts.push_back({DomainName("source.test"), "bidirectional", "forest"});
    topology.forests.push_back(forest);
    const Json seen = topology_document(topology);
    CHECK(seen.at("schema") == "scpd.topology/1");
    const Json& first = seen.at("forests").at(0);
    CHECK(has_keys(first, {"name", "root", "domains", "configuration", "trusts"}));
    CHECK(first.at("configuration") ==
          Json{{"domain", "configuration:corp.test"}, {"nc", "CN=Configuration,DC=corp,DC=test"}});
    CHECK(has_keys(first.at("domains").at(0), {"domain", "nc", "netbios", "parent", "servers"}));
    CHECK(keys(first.at("domains").at(0).at("servers").at(0)) ==
          std::set<std::string>{"uri", "dns_name", "site", "pdc", "gc", "writable", "reachable",
                                "lag_s", "error"});
    CHECK(keys(first.at("trusts").at(0)) == std::set<std::string>{"domain", "direction", "type"});
    CHECK(topology_dot(topology).find("\"corp.test\" -> \"source.test\"") != std::string::npos);

    WriteReport write;
    write.writes = a_report().plan.changes;
    CHECK(has_keys(write_document(write), {"schema", "changed", "writes"}));
    const Json problems = problems_document({{"f", 1, 2, "k", "m"}}, {});
    CHECK(problems ==
          Json{{"schema", "scpd.config/1"},
               {"ok", false},
               {"problems",
                Json::array({Json{
                    {"file", "f"}, {"line", 1}, {"column", 2}, {"key", "k"}, {"message", "m"}}})},
               {"warnings", Json::array()}});
}
