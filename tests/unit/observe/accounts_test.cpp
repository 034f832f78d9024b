#include "observe/observe.hpp"

#include "unit/observe/forest_bench.hpp"

#include <doctest/doctest.h>
#include <fmt/ranges.h>

using namespace scp;
using namespace scp::test;

namespace {

constexpr const char* group_dn = "CN=agents,CN=Users,DC=corp,DC=test";

std::string domain_sid(unsigned domain, unsigned rid) {
    return fmt::format("S-1-5-21-7-7-{}-{}", domain, rid);
}

/// corp.test, emea.corp.test and tree.test, with accounts in each and a group over all of them.
class Accounts : public ForestBench {
  public:
    explicit Accounts(Flavour flavour = Flavour::ad)
        : ForestBench({"corp.test", "emea.corp.test", "tree.test"}, flavour) {
        rules.clear();
        netbios("corp", "CORP");
        netbios("emea", "EUROPE");
        put_account("corp.test", "svc-mage",
                    {{"userPrincipalName", {"mage@corp.example"}},
                     {"objectSid", {sid(1, 1001)}},
                     {"servicePrincipalName", {"mage/host1"}}});
        put_account("corp.test", "off", {{"userAccountControl", {"514"}}});
        put_account("emea.corp.test", "svc-emea",
                    {{"objectSid", {sid(2, 1001)}}, {"servicePrincipalName", {"mage/host2"}}});
        put_account("emea.corp.test", "twin", {{"userPrincipalName", {"twin@corp.example"}}});
        put_account("tree.test", "twin", {{"userPrincipalName", {"twin@corp.example"}}});
        put_account("tree.test", "primary", {{"primaryGroupID", {"2002"}}});
        domain("corp.test")
            .put(dn("CN=no account,CN=Users,DC=corp,DC=test"), {{"objectClass", {"contact"}}});
    }

    void netbios(const std::string& crossref, const std::string& name) {
        configuration->set(partitions().child("CN", crossref), "nETBIOSName", {name});
    }
    static std::string sid(unsigned domain, unsigned rid) {
        return Sid::parse(domain_sid(domain, rid))->bytes();
    }
    void group(const std::string& text, Values members, Attributes more = {}) {
        Attributes attributes{{"objectClass", {"group"}}};
        if (!members.empty())
            attributes["member"] = std::move(members);
        attributes.insert(more.begin(), more.end());
        domain(domain_of(text)).put(dn(text), attributes);
    }

    /// "corp.test:svc-mage* | why it is unresolved": * is disabled.
    std::string resolve(const AccountQuery& query) {
        sessions.emplace(settings, forest, std::stop_token{});
        topology = sessions->discover();
        const ResolvedAccount account = resolve_account(topology, *sessions, query);
        CHECK(account.query == query);
        std::vector<std::string> out;
        for (const auto& at : account.locations)
            out.push_back(at.domain.text() + ":" + at.dn.rdn_value() + (at.disabled ? "*" : ""));
        return fmt::format("{} | {}", fmt::join(out, " "), account.unresolved);
    }

  private:
    static std::string domain_of(const std::string& text) {
        for (Dn name = dn(text); !name.empty(); name = name.parent())
            if (!name.domain_name().empty())
                return name.domain_name();
        return {};
    }
};

AccountQuery filter(const std::string& text) {
    return {AccountQuery::Kind::filter, "", text};
}
AccountQuery the_group(const std::string& text = group_dn) {
    return {AccountQuery::Kind::group, "", text};
}

} // namespace

TEST_CASE("accounts: every form that the settings know") {
    struct Row {
        std::string name;
        AccountQuery query;
        std::string found;
    };
    const auto written = [](const std::string& text) { return parse_account(text).value(); };
    const std::string mage = "corp.test:svc-mage | ";
    const std::vector<Row> rows{
        {"DOMAIN\\name", written("CORP\\svc-mage"), mage},
        {"in another case", written("corp\\SVC-MAGE"), mage},
        {"by the domain's DNS name", written("corp.test\\svc-mage"), mage},
        {"a NetBIOS name that is not the first label", written("EUROPE\\svc-emea"),
         "emea.corp.test:svc-emea | "},
        {"the first label that is no NetBIOS name", written("EMEA\\svc-emea"),
         " | no domain is called EMEA"},
        {"UPN", written("mage@corp.example"), mage},
        {"the implicit UPN", written("svc-mage@corp.test"), mage},
        {"the implicit UPN of a child", written("svc-emea@EMEA.corp.test"),
         "emea.corp.test:svc-emea | "},
        {"the implicit UPN under another domain", written("svc-emea@corp.test"),
         " | no account matches it"},
        {"DN", written("CN=svc-mage,CN=Users,DC=corp,DC=test"), mage},
        {"DN in a child", written("cn=svc-emea,cn=users,dc=emea,dc=corp,dc=test"),
         "emea.corp.test:svc-emea | "},
        {"DN that is not there", written("CN=gone,CN=Users,DC=corp,DC=test"),
         " | CN=gone,CN=Users,DC=corp,DC=test is not there"},
        {"DN in no domain", written("CN=x,DC=other,DC=example"),
         " | CN=x,DC=other,DC=example lies in no domain of the forests"},
        {"DN of a container", written("CN=Users,DC=corp,DC=test"),
         " | CN=Users,DC=corp,DC=test is no account"},
        {"DN of a group, not said to be one", written(group_dn),
         fmt::format(" | {} is no account but a group: write {{group: …}}", group_dn)},
        {"SID", written(domain_sid(1, 1001)), mage},
        {"the same last number in another domain", written(domain_sid(2, 1001)),
         "emea.corp.test:svc-emea | "},
        {"SID of nobody", written(domain_sid(3, 1)), " | no account matches it"},
        {"disabled", written("CORP\\off"), "corp.test:off* | "},
        {"nobody", written("CORP\\nobody"), " | no account matches it"},
        {"what a filter would take for one", AccountQuery{AccountQuery::Kind::sam, "", "CORP\\*"},
         " | no account matches it"},
        {"a UPN that two bear", written("twin@corp.example"),
         "emea.corp.test:twin tree.test:twin | twin@corp.example is ambiguous: "
         "CN=twin,CN=Users,DC=emea,DC=corp,DC=test; CN=twin,CN=Users,DC=tree,DC=test"},
        {"a filter", filter("(servicePrincipalName=mage/*)"),
         "corp.test:svc-mage emea.corp.test:svc-emea | "},
        {"a filter that finds none", filter("(servicePrincipalName=http/*)"),
         " | no account matches it"},
        {"a filter that finds no accounts", filter("(objectClass=contact)"),
         " | no account matches it"},
        {"a group with members in every domain", the_group(),
         "corp.test:svc-mage emea.corp.test:svc-emea tree.test:twin | "},
        {"a group that is an account", the_group("CN=svc-mage,CN=Users,DC=corp,DC=test"), mage},
        {"a group that is a container", the_group("CN=Users,DC=corp,DC=test"),
         " | CN=Users,DC=corp,DC=test is no group"},
        {"a group that is not there", the_group("CN=gone,DC=corp,DC=test"),
         " | CN=gone,DC=corp,DC=test is not there"},
        {"a forest that is not this one",
         {AccountQuery::Kind::sam, "other", "CORP\\svc-mage"},
         " | no domain is called CORP"},
        {"this forest", {AccountQuery::Kind::sam, "corp", "CORP\\svc-mage"}, mage},
    };
    for (const auto flavour : {Flavour::ad, Flavour::openldap})
        for (const auto& row : rows) {
            CAPTURE(row.name);
            Accounts accounts(flavour);
            accounts.group(group_dn, {"CN=svc-mage,CN=Users,DC=corp,DC=test",
                                      "CN=svc-emea,CN=Users,DC=emea,DC=corp,DC=test",
                                      "CN=twin,CN=Users,DC=tree,DC=test"});
            CHECK(accounts.resolve(row.query) == row.found);
        }
}

TEST_CASE("accounts: who is in a group") {
    struct Row {
        std::string name;
        std::function<void(Accounts&)> arrange;
        std::string found;
    };
    const std::string mage = "CN=svc-mage,CN=Users,DC=corp,DC=test";
    const std::string emea = "CN=svc-emea,CN=Users,DC=emea,DC=corp,DC=test";
    const std::string inner = "CN=inner,CN=Users,DC=emea,DC=corp,DC=test";
    const auto foreign = [](const std::string& sid) {
        return "CN=" + sid + ",CN=ForeignSecurityPrincipals,DC=corp,DC=test";
    };
    const std::vector<Row> rows{
        {"nobody", [](Accounts& at) { at.group(group_dn, {}); }, " | no account matches it"},
        {"a group in a group of another domain",
         [=](Accounts& at) {
             at.group(group_dn, {inner});
             at.group(inner, {emea, mage});
         },
         "corp.test:svc-mage emea.corp.test:svc-emea | "},
        {"groups that hold each other",
         [=](Accounts& at) {
             at.group(group_dn, {inner, mage});
             at.group(inner, {group_dn, emea});
         },
         "corp.test:svc-mage emea.corp.test:svc-emea | "},
        {"a group that holds itself",
         [=](Accounts& at) {
             at.group(group_dn, {group_dn, mage});
         },
         "corp.test:svc-mage | "},
        {"one account by two ways",
         [=](Accounts& at) {
             at.group(group_dn, {inner, mage});
             at.group(inner, {mage});
         },
         "corp.test:svc-mage | "},
        {"a disabled account too",
         [](Accounts& at) { at.group(group_dn, {"CN=off,CN=Users,DC=corp,DC=test"}); },
         "corp.test:off* | "},
        {"a contact, who is no account",
         [=](Accounts& at) {
             at.group(group_dn, {mage, "CN=no account,CN=Users,DC=corp,DC=test"});
         },
         "corp.test:svc-mage | "},
        {"a member that is gone: the group is unresolved",
         [=](Accounts& at) {
             at.group(group_dn, {mage, "CN=gone,CN=Users,DC=corp,DC=test"});
         },
         "corp.test:svc-mage | CN=gone,CN=Users,DC=corp,DC=test is not there"},
        {"a member in a domain that nobody knows",
         [=](Accounts& at) {
             at.group(group_dn, {mage, "CN=x,DC=other,DC=example"});
         },
         "corp.test:svc-mage | CN=x,DC=other,DC=example lies in no domain of the forests"},
        {"a member in a domain that is down",
         [=](Accounts& at) {
             at.group(group_dn, {mage, emea});
             at.server("emea.corp.test").unreachable = true;
         },
         "corp.test:svc-mage | cannot connect to ldap://dc1.emea.corp.test: no answer in time"},
        {"those whose primary group it is",
         [](Accounts& at) {
             at.group("CN=g,CN=Users,DC=tree,DC=test", {},
                      {{"objectSid", {Accounts::sid(3, 2002)}}});
             at.group(group_dn, {"CN=g,CN=Users,DC=tree,DC=test"});
         },
         "tree.test:primary | "},
        {"but not those of another domain",
         [](Accounts& at) {
             at.group(group_dn, {}, {{"objectSid", {Accounts::sid(1, 2002)}}});
         },
         " | no account matches it"},
        {"an account of another forest, by its SID",
         [=](Accounts& at) {
             at.group(group_dn, {mage, foreign(domain_sid(2, 1001))});
         },
         "corp.test:svc-mage emea.corp.test:svc-emea | "},
        {"an account of a forest that nobody knows: the group is unresolved",
         [=](Accounts& at) {
             at.group(group_dn, {mage, foreign(domain_sid(9, 1001))});
         },
         "corp.test:svc-mage | the member S-1-5-21-7-7-9-1001 is in none of the forests"},
        {"everybody who logged in, which is no account",
         [=](Accounts& at) {
             at.group(group_dn, {mage, foreign("S-1-5-11")});
         },
         "corp.test:svc-mage | "},
        {"a value that is no DN",
         [=](Accounts& at) {
             at.group(group_dn, {mage, "no DN at all"});
         },
         "corp.test:svc-mage | "},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        Accounts accounts;
        row.arrange(accounts);
        const std::string found = accounts.resolve(the_group());
        if (row.name == "a value that is no DN") {
            CHECK(found.starts_with(row.found));
            CHECK(found.size() > row.found.size());
        } else {
            CHECK(found == row.found);
        }
    }
}

TEST_CASE("accounts: what could not be read leaves them unresolved") {
    struct Row {
        std::string name;
        AccountQuery query;
        std::function<void(Accounts&)> spoil;
        std::string found;
    };
    const auto written = [](const std::string& text) { return parse_account(text).value(); };
    const auto down = [](const std::string& name) {
        return [name](Accounts& at) { at.server(name).unreachable = true; };
    };
    const auto cut = [](Accounts& at) { at.server("emea.corp.test").entries_then_lost = 0; };
    const std::string no_answer = "cannot connect to ldap://dc1.emea.corp.test: no answer in time";
    const std::string cut_off =
        "cannot read all of DC=emea,DC=corp,DC=test on ldap://dc1.emea.corp.test";
    const std::vector<Row> rows{
        {"its own domain is down", written("EUROPE\\svc-emea"), down("emea.corp.test"),
         " | emea.corp.test: " + no_answer},
        {"another domain is down: nothing to it", written("CORP\\svc-mage"), down("emea.corp.test"),
         "corp.test:svc-mage | "},
        {"its own domain is read in part", written("EUROPE\\svc-emea"), cut,
         " | emea.corp.test: " + cut_off},
        {"a UPN that no readable domain has", written("nobody@corp.example"),
         down("emea.corp.test"), " | emea.corp.test: " + no_answer},
        {"a SID that no readable domain has", written(domain_sid(2, 1001)), cut,
         " | emea.corp.test: " + cut_off},
        {"a UPN that was found", written("mage@corp.example"), down("emea.corp.test"),
         "corp.test:svc-mage | "},
        {"a filter: there may be more", filter("(servicePrincipalName=mage/*)"),
         down("emea.corp.test"), "corp.test:svc-mage | emea.corp.test: " + no_answer},
        {"a DN whose server does not answer any more",
         written("CN=svc-emea,CN=Users,DC=emea,DC=corp,DC=test"),
         [](Accounts& at) {
             at.server("emea.corp.test").search_fault = [](const Search& search) {
                 return contains(search.base.dn.text(), "CN=svc-emea")
                            ? std::optional(Error{ErrorKind::unreachable, "gone", "", -1})
                            : std::nullopt;
             };
         },
         " | gone"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        Accounts accounts;
        row.spoil(accounts);
        CHECK(accounts.resolve(row.query) == row.found);
    }
}

TEST_CASE("accounts: several forests") {
    struct Row {
        std::string name;
        AccountQuery query;
        std::string found;
    };
    const std::string lost = "forest lost: cannot connect to ldap://nowhere.example: DNS: no such "
                             "host";
    const std::vector<Row> rows{
        {"a NetBIOS name that repeats, one account",
         {AccountQuery::Kind::sam, "", "CORP\\svc-mage"},
         "corp.test:svc-mage | "},
        {"a NetBIOS name that repeats, two accounts",
         {AccountQuery::Kind::sam, "", "CORP\\both"},
         "corp.test:both corp.example:both | CORP\\\\both is ambiguous: "
         "CN=both,CN=Users,DC=corp,DC=test; CN=both,CN=Users,DC=corp,DC=example"},
        {"told apart by the forest",
         {AccountQuery::Kind::sam, "second", "CORP\\both"},
         "corp.example:both | "},
        {"a domain that may be in the forest that is lost",
         {AccountQuery::Kind::sam, "", "LOST\\svc"},
         " | " + lost},
        {"a UPN found nowhere: it may be in the forest that is lost",
         {AccountQuery::Kind::upn, "", "x@lost.example"},
         " | " + lost},
        {"a UPN found",
         {AccountQuery::Kind::upn, "", "mage@corp.example"},
         "corp.test:svc-mage | "},
        {"a filter: there may be more in the forest that is lost",
         filter("(servicePrincipalName=mage/host1)"), "corp.test:svc-mage | " + lost},
        {"a filter in one forest",
         {AccountQuery::Kind::filter, "corp", "(servicePrincipalName=mage/host1)"},
         "corp.test:svc-mage | "},
        {"a DN in no domain that is known",
         {AccountQuery::Kind::dn, "", "CN=x,DC=lost,DC=example"},
         " | CN=x,DC=lost,DC=example lies in no domain of the forests; " + lost},
        {"a member in the second forest, of a group that is looked for in the first",
         {AccountQuery::Kind::group, "corp", group_dn},
         "corp.example:both | "},
        {"a member that is in neither: it may be in the forest that is lost",
         {AccountQuery::Kind::group, "corp", "CN=others,CN=Users,DC=corp,DC=test"},
         " | " + lost + "; the member S-1-5-21-7-7-9-1 is in none of the forests"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        Accounts accounts;
        auto configuration =
            accounts.forest.add_partition(dn("CN=Configuration,DC=corp,DC=example"));
        MemoryServer& second = accounts.forest.add_server("corp.example", Flavour::ad,
                                                          {configuration}, "second.corp.example");
        configuration->put(dn("CN=CORP,CN=Partitions,CN=Configuration,DC=corp,DC=example"),
                           {{"objectClass", {"crossRef"}},
                            {"nCName", {"DC=corp,DC=example"}},
                            {"dnsRoot", {"corp.example"}},
                            {"nETBIOSName", {"CORP"}},
                            {"systemFlags", {"3"}}});
        for (const auto& [name, uri] : std::vector<std::pair<std::string, ServerUri>>{
                 {"second", second.uri},
                 {"lost", {ServerUri::Scheme::ldap, "nowhere.example", 389}}}) {
            ForestSettings more = accounts.settings.forests[0];
            more.name = name;
            more.domain = DomainName(name + ".example");
            more.domains.clear();
            more.servers = {uri};
            accounts.settings.forests.push_back(more);
        }
        accounts.put_account("corp.test", "both");
        second.default_partition().put(dn("CN=both,CN=Users,DC=corp,DC=example"),
                                       {{"objectClass", {"user"}},
                                        {"sAMAccountName", {"both"}},
                                        {"objectSid", {Accounts::sid(8, 1)}}});
        accounts.group(
            group_dn, {"CN=" + domain_sid(8, 1) + ",CN=ForeignSecurityPrincipals,DC=corp,DC=test"});
        accounts.group(
            "CN=others,CN=Users,DC=corp,DC=test",
            {"CN=" + domain_sid(9, 1) + ",CN=ForeignSecurityPrincipals,DC=corp,DC=test"});
        CHECK(accounts.resolve(row.query) == row.found);
    }
}

TEST_CASE("accounts: many are looked up at once, and each rule is told of its own") {
    Accounts accounts;
    for (const auto* name : {"one", "two"}) {
        accounts.rules.push_back(a_rule(name));
        for (const auto* text : {"CORP\\svc-mage", "CN=svc-emea,CN=Users,DC=emea,DC=corp,DC=test",
                                 "twin@corp.example"})
            accounts.rules.back().accounts.push_back(parse_account(text).value());
    }
    accounts.rules[1].accounts.push_back(parse_account("CORP\\nobody").value());
    accounts.look();
    std::vector<std::string> out;
    for (const auto& account : accounts.seen.accounts)
        out.push_back(fmt::format("{} {} {}{}", account.rule, account.query.text,
                                  account.locations.size(),
                                  account.unresolved.empty() ? "" : " unresolved"));
    CHECK(fmt::format("{}", fmt::join(out, "\n")) ==
          "one CORP\\svc-mage 1\n"
          "one CN=svc-emea,CN=Users,DC=emea,DC=corp,DC=test 1\n"
          "one twin@corp.example 2 unresolved\n"
          "two CORP\\svc-mage 1\n"
          "two CN=svc-emea,CN=Users,DC=emea,DC=corp,DC=test 1\n"
          "two twin@corp.example 2 unresolved\n"
          "two CORP\\nobody 0 unresolved");
}
