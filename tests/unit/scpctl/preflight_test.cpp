#include "scpctl/preflight.hpp"
#include "support/dn.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>

using namespace scp;
using scp::test::dn;

namespace {

/// A domain that agents live in, where nothing is missing.
PreflightFacts nothing_missing() {
    ContainerRights rights;
    rights.container = dn("CN=scpd,CN=System,DC=corp,DC=test");
    rights.rules = {"mage"};
    rights.told = rights.may_create = rights.may_change = rights.may_delete = rights.deletes = true;
    DomainFacts domain;
    domain.forest = "corp";
    domain.name = DomainName("corp.test");
    domain.netbios = "CORP";
    domain.nc = dn("DC=corp,DC=test");
    domain.server = domain.writes_to = "ldaps://dc1.corp.test";
    domain.login = "by Kerberos";
    domain.account = Sid::parse("S-1-5-21-1-2-3-1103");
    domain.ahead = std::chrono::seconds{0};
    domain.is_target = true;
    Server server;
    server.reachable = true;
    domain.servers = {server, Server{}};
    domain.servers.back().error = Error{ErrorKind::unreachable, "dc2 is silent", "", 0};
    domain.containers = {rights};
    PreflightFacts facts;
    facts.domains = {domain};
    facts.has_rules = true;
    return facts;
}

Error no_answer() {
    return {ErrorKind::unreachable, "does not answer", "see that it runs", -1};
}

struct PreflightRow {
    std::string name;
    std::function<void(PreflightFacts&, DomainFacts&, ContainerRights&)> change;
    std::string missing;  ///< checks
    bool granted = false; ///< --grant has something to print
};

std::string missing_checks(const std::vector<PreflightCheck>& checks) {
    std::string missing;
    for (const auto& check : checks)
        if (!check.ok)
            missing += (missing.empty() ? "" : " ") + check.check;
    return missing;
}

} // namespace

TEST_CASE("preflight: what is missing") {
    using namespace std::chrono_literals;
    const std::vector<PreflightRow> rows{
        {"nothing, though one of two servers is silent", [](auto&, auto&, auto&) {}, ""},
        {"the forest",
         [](auto& facts, auto&, auto&) {
             facts.forests = {{"corp", no_answer()}};
         },
         "forest"},
        {"the domain", [](auto&, auto& domain, auto&) { domain.error = no_answer(); }, "servers"},
        {"its end", [](auto&, auto& domain, auto&) { domain.incomplete = no_answer(); }, "read"},
        {"five minutes are allowed", [](auto&, auto& domain, auto&) { domain.ahead = -300s; }, ""},
        {"a second more is not", [](auto&, auto& domain, auto&) { domain.ahead = 301s; }, "time"},
        {"behind as well", [](auto&, auto& domain, auto&) { domain.ahead = -301s; }, "time"},
        {"a server that tells no time", [](auto&, auto& domain, auto&) { domain.ahead.reset(); },
         ""},
        {"who takes creates",
         [](auto&, auto& domain, auto&) {
             domain.write_error = no_answer();
             domain.containers.clear();
         },
         "write-dc"},
        {"no target, no writes",
         [](auto&, auto& domain, auto&) {
             domain.is_target = false;
             domain.write_error = no_answer();
             domain.containers.clear();
         },
         ""},
        {"the container", [](auto&, auto&, auto& rights) { rights.missing = {rights.container}; },
         "container", true},
        {"a look at it", [](auto&, auto&, auto& rights) { rights.error = no_answer(); },
         "container"},
        {"create", [](auto&, auto&, auto& rights) { rights.may_create = false; }, "create", true},
        {"change", [](auto&, auto&, auto& rights) { rights.may_change = false; }, "change", true},
        {"delete", [](auto&, auto&, auto& rights) { rights.may_delete = false; }, "delete", true},
        {"delete, which no rule does",
         [](auto&, auto&, auto& rights) { rights.may_delete = rights.deletes = false; }, ""},
        {"a server that tells no rights",
         [](auto&, auto&, auto& rights) {
             rights.told = rights.may_create = rights.may_change = rights.may_delete = false;
         },
         ""},
        {"an account",
         [](auto& facts, auto&, auto&) {
             facts.unresolved = {{"mage", "CORP\\x: not found"}};
         },
         "accounts"},
        {"a rule", [](auto& facts, auto&, auto&) { facts.has_rules = false; }, "rules"},
    };
    for (const PreflightRow& row : rows) {
        CAPTURE(row.name);
        PreflightFacts facts = nothing_missing();
        row.change(facts, facts.domains.front(), facts.domains.front().containers.front());
        const auto checks = preflight_checks(facts);
        CHECK(missing_checks(checks) == row.missing);
        CHECK(preflight_document(checks)["ok"] == row.missing.empty());
        for (const auto& check : checks)
            CHECK((check.ok || !check.hint.empty()));
        for (const auto tool : {GrantTool::dsacls, GrantTool::powershell, GrantTool::samba_tool})
            CHECK(grant_commands(facts, tool, "g").empty() == !row.granted);
    }
}

TEST_CASE("preflight: what is granted") {
    PreflightFacts facts = nothing_missing();
    ContainerRights& rights = facts.domains.front().containers.front();
    rights.container = dn("CN=it's,CN=new,DC=corp,DC=test");
    rights.missing = {dn("CN=new,DC=corp,DC=test"), rights.container};
    const std::string scp = "28630ec1-41d5-11d1-a9c1-0000f80367c1";
    const auto has = [&](GrantTool tool, const std::string& part) {
        const std::string commands = grant_commands(facts, tool, "scpd-writers");
        INFO(commands << "\nhas not: " << part);
        CHECK(commands.find(part) != std::string::npos);
    };
    has(GrantTool::dsacls, "New-ADObject -Type container -Name 'new' -Path 'DC=corp,DC=test'\n"
                           "New-ADObject -Type container -Name 'it''s' -Path "
                           "'CN=new,DC=corp,DC=test'\n");
    has(GrantTool::dsacls, "dsacls 'CN=it''s,CN=new,DC=corp,DC=test' /G "
                           "'CORP\\scpd-writers:CC;serviceConnectionPoint'\n");
    has(GrantTool::dsacls, " /I:S /G 'CORP\\scpd-writers:RPWPSD;;serviceConnectionPoint'\n");
    has(GrantTool::powershell, "member = '<SID=S-1-5-21-1-2-3-1103>'");
    has(GrantTool::powershell, "Set-Acl -Path 'AD:CN=it''s,CN=new,DC=corp,DC=test' -AclObject");
    has(GrantTool::samba_tool,
        "'changetype: modify' 'add: member' 'member: <SID=S-1-5-21-1-2-3-1103>' | ldbmodify");
    has(GrantTool::samba_tool, "'dn: CN=it'\\''s,CN=new,DC=corp,DC=test'");
    has(GrantTool::samba_tool,
        "--sddl=\"(OA;;CC;" + scp + ";;$sid)(OA;CIIO;RPWPSD;;" + scp + ";$sid)\"\n");
}
