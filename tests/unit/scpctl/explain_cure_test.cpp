#include "explain_facts.hpp"

namespace scp {

namespace {

using namespace test::explain;

const std::vector<Row>& cures() {
    static const std::vector<Row> table{
        {"in another domain, and no rule",
         [] { return with([](ExplainFacts& f) { f.candidates = {an_scp}; }); },
         Verdict::none,
         {"The SCP exists in emea.corp.test, but the agent's account svc-mage lives in corp.test, "
          "and the agent looks "
          "only there."},
         {"scpctl sync --server ldaps://dc1.corp.test --keyword " + product +
          " --keyword QmmEx --keyword " + project + " --account 'CORP\\svc-mage' --yes"}},
        {"in another domain, and a rule that leads here",
         [] {
             return with([](ExplainFacts& f) {
                 f.candidates = {an_scp};
                 f.rules = {{mage_rule(), true, ""}};
                 f.connection = {"-c", "/etc/scpd/other.yaml"};
             });
         },
         Verdict::none,
         {"exists in emea.corp.test"},
         {"scpctl sync --rule mage -c /etc/scpd/other.yaml"}},
        {"a rule whose accounts live elsewhere",
         [] {
             return with([](ExplainFacts& f) {
                 f.candidates = {an_scp};
                 f.rules = {{mage_rule(), false, ""}};
                 f.connection = {};
             });
         },
         Verdict::none,
         {"exists in emea.corp.test"},
         {"# first add CORP\\svc-mage to rules[mage].accounts", "scpctl sync --rule mage"}},
        {"a rule that only observes, and no container yet",
         [] {
             return with([](ExplainFacts& f) {
                 Rule rule = mage_rule();
                 rule.mode = Mode::observe;
                 f.candidates = {an_scp};
                 f.rules = {{rule, true, ""}};
                 f.missing_containers = {*Dn::parse("CN=scpd,CN=System,DC=corp,DC=test")};
             });
         },
         Verdict::none,
         {"exists in emea.corp.test"},
         {"# rule mage never writes",
          "New-ADObject -Type container -Name 'scpd' -Path 'CN=System,DC=corp,DC=test'",
          "scpctl sync --rule mage"}},
        {"one-off, and no container yet",
         [] {
             return with([](ExplainFacts& f) {
                 f.candidates = {an_scp};
                 f.missing_containers = {*Dn::parse("CN=scpd,CN=System,DC=corp,DC=test")};
             });
         },
         Verdict::none,
         {"exists in emea.corp.test"},
         {"--create-containers --yes"}},
        {"below a computer object, where anybody may have put it",
         [] {
             return with(
                 [](ExplainFacts& f) { f.candidates = {an_scp.at("CN=PC7,CN=Computers")}; });
         },
         Verdict::none,
         {"exists in emea.corp.test"},
         {"# CN=" + project, "scpctl show --server ldaps://dc1.corp.test " + source_guid,
          "--trust-container CN=PC7,CN=Computers --yes"}},
        {"below CN=Policies, which no one-off rule trusts",
         [] {
             return with(
                 [](ExplainFacts& f) { f.candidates = {an_scp.at("CN=x,CN=Policies,CN=System")}; });
         },
         Verdict::none,
         {"exists in emea.corp.test"},
         {"# CN=" + project, "scpctl show",
          "scpctl create --server ldaps://dc1.corp.test --from " + source_guid +
              " --domain corp.test\n"}},
        {"the flags of a one-off rule, though a rule of the settings fits",
         [] {
             return with([](ExplainFacts& f) {
                 f.candidates = {an_scp};
                 f.rules = {{mage_rule(), true, ""}};
                 f.wish = wish({"--container", "CN=x,CN=System", "--mode", "observe"});
                 f.wish->rule.mode = Mode::observe;
                 f.missing_containers = {*Dn::parse("CN=scpd,CN=System,DC=corp,DC=test")};
             });
         },
         Verdict::none,
         {"exists in emea.corp.test"},
         {"# mode observe writes nothing",
          "--account 'CORP\\svc-mage' --container CN=x,CN=System --mode observe --yes"}},
        {"the container asked for is not there yet",
         [] {
             return with([](ExplainFacts& f) {
                 f.candidates = {an_scp};
                 f.wish = wish({"--container", "CN=x,CN=System"});
                 f.missing_containers = {*Dn::parse("CN=x,CN=System,DC=corp,DC=test")};
             });
         },
         Verdict::none,
         {"exists in emea.corp.test"},
         {"--container CN=x,CN=System --create-containers --yes"}},
        {"containers are to be made: said once",
         [] {
             return with([](ExplainFacts& f) {
                 f.candidates = {an_scp};
                 f.wish = wish({"--create-containers"});
                 f.wish->rule.create_containers = true;
                 f.missing_containers = {*Dn::parse("CN=x,CN=System,DC=corp,DC=test")};
             });
         },
         Verdict::none,
         {"exists in emea.corp.test"},
         {"'CORP\\svc-mage' --create-containers --yes"}},
        {"a place that this call trusts",
         [] {
             return with([](ExplainFacts& f) {
                 f.candidates = {an_scp.at("CN=PC7,CN=Computers")};
                 f.wish = wish({"--trust-container", "CN=Computers"});
                 f.wish->rule.trust_containers = {*Dn::parse("CN=Computers")};
             });
         },
         Verdict::none,
         {"exists in emea.corp.test"},
         {"'CORP\\svc-mage' --trust-container CN=Computers --yes"}},
        {"no keyword to sync by: the container goes with create, too",
         [] {
             return with([](ExplainFacts& f) {
                 f.question.filter = filter_of("(cn=" + project + ")");
                 f.candidates = {an_scp.with_keywords({})};
                 f.wish = wish({"--container", "CN=x,CN=System"});
             });
         },
         Verdict::none,
         {"exists in emea.corp.test"},
         {" --domain corp.test --container CN=x,CN=System\n"}},
        {"below CN=Policies, with a rule",
         [] {
             return with([](ExplainFacts& f) {
                 f.candidates = {an_scp.at("CN=x,CN=Policies,CN=System")};
                 f.rules = {{mage_rule(), true, ""}};
             });
         },
         Verdict::none,
         {"exists in emea.corp.test"},
         {"does not lie where rule mage trusts", "scpctl show", "trust.containers",
          "scpctl sync --rule mage"}},
        {"in two domains that agree",
         [] {
             return with([](ExplainFacts& f) {
                 f.candidates = {an_scp, an_scp.in("apac.corp.test")};
             });
         },
         Verdict::none,
         {"2 SCPs that match exist in apac.corp.test, emea.corp.test"},
         {"scpctl sync"}},
        {"in two domains that differ",
         [] {
             return with([](ExplainFacts& f) {
                 f.candidates = {an_scp, an_scp.in("apac.corp.test")
                                             .with_bindings({"other"})
                                             .with_guid("22222222-2222-3333-4444-555555555555")};
             });
         },
         Verdict::none,
         {"2 SCPs"},
         {"# their bindings differ",
          "scpctl create --server ldaps://dc1.corp.test --from " + source_guid +
              " --domain corp.test # ",
          "--from 22222222"}},
        {"elsewhere, without bindings",
         [] { return with([](ExplainFacts& f) { f.candidates = {an_scp.with_bindings({})}; }); },
         Verdict::none,
         {"exists in emea.corp.test", "no bindings there either"},
         {"scpctl sync"}},
        {"found by its name alone: no keyword to sync by",
         [] {
             return with([](ExplainFacts& f) {
                 f.question.filter =
                     filter_of("(&(objectClass=serviceConnectionPoint)(cn=" + project + "))");
                 f.candidates = {an_scp.with_keywords({})};
             });
         },
         Verdict::none,
         {"exists in emea.corp.test"},
         {"scpctl create --server ldaps://dc1.corp.test --from " + source_guid +
          " --domain corp.test"}},
        {"a keyword that no terminal should show",
         [] {
             return with([](ExplainFacts& f) {
                 const std::string evil = "a\x1b[2J\u202eb";
                 f.question.filter = equals("keywords", evil);
                 f.candidates = {an_scp.with_keywords({evil})};
             });
         },
         Verdict::none,
         {"exists in emea.corp.test"},
         {"scpctl create --server ldaps://dc1.corp.test --from " + source_guid}},
        {"a keyword that a shell would run",
         [] {
             return with([](ExplainFacts& f) {
                 const std::string evil = "$(reboot)';`x` --yes";
                 f.question.filter = equals("keywords", evil);
                 f.candidates = {an_scp.with_keywords({evil})};
             });
         },
         Verdict::none,
         {"exists in emea.corp.test"},
         {"--keyword '$(reboot)'\\'';`x` --yes' --account"}},
        {"a keyword like an option",
         [] {
             return with([](ExplainFacts& f) {
                 f.question.filter = equals("keywords", "--force");
                 f.candidates = {an_scp.with_keywords({"--force"})};
             });
         },
         Verdict::none,
         {"exists in emea.corp.test"},
         {"--keyword=--force"}},
        {"elsewhere, and a third domain could not be read",
         [] {
             return with([](ExplainFacts& f) {
                 f.candidates = {an_scp};
                 f.unread = {{"apac.corp.test", an_error()}};
             });
         },
         Verdict::none,
         {"exists in emea.corp.test"},
         {"scpctl sync"}},
        {"the copy's keywords were edited",
         [] {
             return with([](ExplainFacts& f) {
                 f.candidates = {
                     an_scp.in("corp.test").copy_of(source_guid).with_keywords({product, "QmmEx"}),
                     an_scp};
                 f.rules = {{mage_rule(), true, ""}};
             });
         },
         Verdict::none,
         {"A copy of the SCP is in corp.test", "keyword " + project + " missing"},
         {"scpctl sync --rule mage"}},
        {"what a replication conflict left is no source",
         [] { return with([](ExplainFacts& f) { f.candidates = {an_scp.conflicting()}; }); },
         Verdict::none,
         {"the nearest", "replication conflict"},
         {}},
        {"nobody says whose agent it is",
         [] {
             return with([](ExplainFacts& f) {
                 f.question.account.clear();
                 f.question.location.reset();
                 f.candidates = {an_scp};
             });
         },
         Verdict::none,
         {"The SCP exists in emea.corp.test; an agent whose account lives in corp.test"},
         {"# if the agent's account lives in corp.test:", "--to corp.test --yes"}},
    };
    return table;
}

} // namespace

TEST_CASE("explain: an SCP that lies elsewhere, or was edited, and the cure") {
    check_rows(cures());
}

} // namespace scp
