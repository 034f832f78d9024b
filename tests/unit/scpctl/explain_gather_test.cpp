#include "scpctl/explain_gather.hpp"
#include "scpctl/explain_questions.hpp"

#include "directory/memory.hpp"
#include "observe/observe.hpp"

#include <doctest/doctest.h>

#include <string>

namespace scp {

namespace {

const std::string project_name = "90e49231-3838-4e5e-b2e4-8813fbf59a11";
const std::string filter_text =
    "(&(objectClass=serviceConnectionPoint)(keywords=QmmEx)(keywords=" + project_name +
    ")(CN=" + project_name + "))";

/// corp.test (the accounts), emea.corp.test (the product), and a global catalog where one is asked
/// for.
class Lab {
  public:
    Lab() {
        auto configuration = forest_.add_partition(*Dn::parse("CN=Configuration,DC=corp,DC=test"));
        root_ = &forest_.add_server("corp.test", Flavour::ad, {configuration});
        emea_ = &forest_.add_server("emea.corp.test", Flavour::ad, {configuration});
        forest_.add_cross_refs(*configuration, Dn::of_domain("corp.test"));
        account("svc-mage");

        ForestSettings forest;
        forest.name = "corp";
        forest.servers = {root_->uri};
        forest.tls.mode = TlsSettings::Mode::none;
        forest.domains[DomainName("emea.corp.test")].servers = {emea_->uri};
        settings_.forests = {forest};
        settings_.instance = "test";
    }

    void account(const std::string& name, const std::string& control = "512") const {
        root_->default_partition().put(*Dn::parse("CN=" + name + ",CN=Users,DC=corp,DC=test"),
                                       {{"objectClass", {"top", "person", "user"}},
                                        {"sAMAccountName", {name}},
                                        {"userAccountControl", {control}}});
    }

    Guid scp(MemoryServer& server, const std::string& relative, const Values& keywords,
             const Values& settings = {}) const {
        Attributes attributes{
            {"objectClass", {"top", "leaf", "connectionPoint", "serviceConnectionPoint"}},
            {"keywords", keywords},
            {"serviceBindingInformation", {"sql1"}}};
        if (!settings.empty()) {
            attributes["msDS-Settings"] = settings;
        }
        return server.default_partition().put(
            server.default_partition().nc().descendant(*Dn::parse(relative)), attributes);
    }

    void add_catalog(const std::vector<std::shared_ptr<MemoryPartition>>& partitions) {
        MemoryServer& catalog = forest_.add_server("gc.test");
        catalog.partitions = partitions;
        settings_.forests[0].global_catalog.mode = GlobalCatalogSettings::Mode::listed;
        settings_.forests[0].global_catalog.servers = {catalog.uri};
    }

    void add_rule(const std::string& name, const std::string& account) {
        Rule rule;
        rule.name = name;
        rule.keywords = {"qmmex"};
        rule.trust_containers = default_trust_containers();
        rule.container.relative = default_container();
        rule.accounts = {*parse_account(account)};
        settings_.rules.push_back(rule);
    }

    std::vector<ExplainFacts> ask(const std::string& account,
                                  const std::optional<AuthSettings>& agent = {}) {
        Sessions sessions(settings_, forest_, {});
        const Topology topology = sessions.discover();
        ExplainInput input;
        const Filter filter = *parse_filter(filter_text);
        input.questions =
            account.empty()
                ? questions_everywhere(topology, filter)
                : questions_for(topology, resolve_account(topology, sessions, query(account)),
                                filter);
        input.agent = agent;
        return gather_facts(topology, sessions, input);
    }

    ExplainFacts ask_one(const std::string& account,
                         const std::optional<AuthSettings>& agent = {}) {
        auto facts = ask(account, agent);
        REQUIRE(facts.size() == 1);
        return facts[0];
    }

    MemoryServer& root() const { return *root_; }
    MemoryServer& emea() const { return *emea_; }

  private:
    static AccountQuery query(const std::string& text) {
        if (text.starts_with("(")) {
            return {AccountQuery::Kind::filter, "", text};
        }
        return *parse_account(text);
    }

    MemoryForest forest_;
    MemoryServer* root_ = nullptr;
    MemoryServer* emea_ = nullptr;
    Settings settings_;
};

const std::string project_place = "CN=" + project_name + ",CN=QmmEx,CN=System";
const Values keywords{"QmmEx", project_name};

} // namespace

TEST_CASE("explain, facts: the account's domain is searched, the others are looked through") {
    Lab lab;
    lab.scp(lab.emea(), project_place, keywords);
    lab.scp(lab.root(), "CN=other,CN=System", {"qmmex"});
    lab.scp(lab.root(), "CN=unrelated,CN=System", {"something"});
    const ExplainFacts facts = lab.ask_one("CORP\\svc-mage");
    CHECK(facts.question.domain == DomainName("corp.test"));
    CHECK(facts.question.base == Dn::of_domain("corp.test"));
    CHECK(facts.found.scps.empty());
    CHECK(!facts.found.error);
    CHECK(facts.unread.empty());
    REQUIRE(facts.candidates.size() == 2);
    CHECK(facts.candidates[0].dn.rdn_value() == "other");
    CHECK(facts.candidates[1].domain == DomainName("emea.corp.test"));
    REQUIRE(facts.missing_containers.size() == 1);
    CHECK(facts.missing_containers[0] == *Dn::parse("CN=scpd,CN=System,DC=corp,DC=test"));
    CHECK(!facts.catalog);
    CHECK(!facts.catalog_error.empty());
    CHECK(diagnose(facts).verdict == Verdict::none);
}

TEST_CASE("explain, facts: found where the agent looks") {
    Lab lab;
    lab.scp(lab.root(), project_place, keywords);
    const ExplainFacts facts = lab.ask_one("svc-mage@corp.test");
    REQUIRE(facts.found.scps.size() == 1);
    CHECK(diagnose(facts).verdict == Verdict::one);
    lab.scp(lab.root(), "CN=" + project_name + ",CN=System", keywords);
    CHECK(diagnose(lab.ask_one("svc-mage@corp.test")).verdict == Verdict::several);
}

TEST_CASE("explain, facts: the global catalog, also one that does not carry every domain") {
    Lab lab;
    lab.scp(lab.emea(), project_place, keywords);
    SUBCASE("all domains") {
        lab.add_catalog({lab.root().partitions[0], lab.emea().partitions[0]});
    }
    SUBCASE("one domain") {
        lab.add_catalog({lab.emea().partitions[0]});
    }
    const ExplainFacts facts = lab.ask_one("CORP\\svc-mage");
    CHECK(facts.catalog == std::size_t{1});
    CHECK(facts.catalog_error.empty());
}

TEST_CASE("explain, facts: a domain that cannot be read") {
    Lab lab;
    lab.emea().unreachable = true;
    SUBCASE("a foreign one") {
        const ExplainFacts facts = lab.ask_one("CORP\\svc-mage");
        REQUIRE(facts.unread.size() == 1);
        CHECK(facts.unread[0].name == "emea.corp.test");
        CHECK(diagnose(facts).verdict == Verdict::unknown);
    }
    SUBCASE("nobody names an account") {
        const auto facts = lab.ask("");
        REQUIRE(facts.size() == 2);
        CHECK(facts[1].found.error);
        CHECK(diagnose(facts[1]).verdict == Verdict::unknown);
    }
    SUBCASE("a read that breaks off") {
        lab.emea().unreachable = false;
        lab.scp(lab.root(), project_place, keywords);
        lab.root().entries_then_lost = 0;
        const auto facts = lab.ask("");
        REQUIRE(facts.size() == 2);
        CHECK(diagnose(facts[0]).verdict == Verdict::unknown);
        CHECK(diagnose(facts[1]).verdict == Verdict::unknown);
    }
}

TEST_CASE("explain, facts: looking as the agent's account") {
    Lab lab;
    lab.scp(lab.root(), project_place, keywords);
    AuthSettings agent;
    agent.mechanism = AuthSettings::Mechanism::simple;
    agent.bind_dn = "CN=svc-mage,CN=Users,DC=corp,DC=test";
    const ExplainFacts facts = lab.ask_one("CORP\\svc-mage", agent);
    CHECK(facts.as_agent);
    REQUIRE(facts.by_us);
    CHECK(facts.by_us->scps.size() == 1);
    CHECK(facts.found.scps.size() == 1);
}

TEST_CASE("explain, facts: a copy whose keywords and name were edited is found by its marker") {
    Lab lab;
    const Guid source = lab.scp(lab.emea(), project_place, keywords);
    Marker marker;
    marker.instance = "prod";
    marker.rule = "mage";
    marker.source = source;
    marker.origin = DomainName("emea.corp.test");
    marker.sel = marker.attrs = marker.hash = std::string(64, 'a');
    lab.scp(lab.root(), "CN=renamed,CN=scpd,CN=System", {"edited"}, {to_string(marker)});
    const ExplainFacts facts = lab.ask_one("CORP\\svc-mage");
    REQUIRE(facts.candidates.size() == 2);
    const ExplainResult result = diagnose(facts);
    CHECK_MESSAGE(result.cause.starts_with("A copy of the SCP is in corp.test"), result.cause);
    CHECK(facts.missing_containers.empty());
}

TEST_CASE("explain, facts: rules that mirror it, and where they lead") {
    Lab lab;
    lab.scp(lab.emea(), project_place, keywords);
    lab.add_rule("here", "CORP\\svc-mage");
    lab.add_rule("lost", "CORP\\nobody");
    const ExplainFacts facts = lab.ask_one("CORP\\svc-mage");
    REQUIRE(facts.rules.size() == 2);
    CHECK(facts.rules[0].reaches);
    CHECK(!facts.rules[1].reaches);
    CHECK(!facts.rules[1].unresolved.empty());
    CHECK(diagnose(facts).cure.back() == "scpctl sync --rule here");
}

TEST_CASE("explain, questions: one for each place that an account leads to") {
    Lab lab;
    lab.account("svc-two");
    lab.account("svc-off", "514");
    struct Row {
        std::string name, account;
        std::size_t questions;
        bool unresolved, disabled;
    };
    const Row rows[] = {
        {"an account", "CORP\\svc-mage", 1, false, false},
        {"a disabled one", "CORP\\svc-off", 1, false, true},
        {"nobody", "CORP\\nobody", 1, true, false},
        {"a filter's accounts of one domain are asked once", "(sAMAccountName=svc-*)", 1, false,
         false},
        {"a filter that finds nobody", "(sAMAccountName=x*)", 1, true, false},
        {"no account: every domain", "", 2, false, false},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const auto facts = lab.ask(row.account);
        REQUIRE(facts.size() == row.questions);
        CHECK(facts[0].question.unresolved.empty() == !row.unresolved);
        CHECK((facts[0].question.location && facts[0].question.location->disabled) == row.disabled);
        CHECK(facts[0].question.domain.empty() == row.unresolved);
    }
}

} // namespace scp
