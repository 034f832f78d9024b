#include "explain_facts.hpp"

namespace scp {

namespace {

using namespace test::explain;

const std::vector<Row>& verdicts() {
    static const std::vector<Row> table{
        {"only a copy elsewhere",
         [] {
             return with([](ExplainFacts& f) {
                 f.candidates = {an_scp.in("apac.corp.test").copy_of(source_guid)};
             });
         },
         Verdict::none,
         {"Only a copy made by scpd matches", "apac.corp.test"},
         {"scpctl show"}},
        {"nowhere, but something near",
         [] {
             return with([](ExplainFacts& f) {
                 f.candidates = {an_scp.with_keywords({product, "QmmEx"})};
             });
         },
         Verdict::none,
         {"No SCP in any domain matches", "keyword " + project + " missing"},
         {"# the agent may belong", "scpctl show"}},
        {"nowhere at all",
         [] { return facts(); },
         Verdict::none,
         {"has not published itself"},
         {"#", "scpctl topology"}},
        {"nowhere, and a domain could not be read",
         [] { return with([](ExplainFacts& f) {
                  f.unread = {{"emea.corp.test", an_error()}};
              }); },
         Verdict::unknown,
         {"not everything could be read: emea.corp.test (ldaps://dc9.emea.corp.test: no answer in "
          "5s)"},
         {"scpctl topology"}},
        {"its own domain could not be read",
         [] {
             return with([](ExplainFacts& f) {
                 f.found.error = an_error();
                 f.candidates = {an_scp};
             });
         },
         Verdict::unknown,
         {"The agent's search cannot be made in corp.test", "no answer in 5s"},
         {"# is it on?", "scpctl topology"}},
        {"one before the read broke off is no answer",
         [] {
             return with([](ExplainFacts& f) {
                 show(f, an_scp.in("corp.test"));
                 f.found.error = an_error(ErrorKind::incomplete);
             });
         },
         Verdict::unknown,
         {"cannot be made"},
         {}},
        {"two before the read broke off are more than one",
         [] {
             return with([](ExplainFacts& f) {
                 show(f, an_scp.in("corp.test"));
                 show(f, an_scp.in("corp.test").at("CN=System"));
                 f.found.error = an_error(ErrorKind::incomplete);
             });
         },
         Verdict::several,
         {"2 SCPs in corp.test"},
         {}},
        {"the agent's account cannot log in",
         [] {
             return with([](ExplainFacts& f) {
                 f.as_agent = true;
                 f.found.error = an_error(ErrorKind::refused);
                 f.by_us = SeenBy{};
             });
         },
         Verdict::unknown,
         {"The agent's account cannot log in to corp.test"},
         {}},
        {"the agent's account may not read it",
         [] {
             return with([](ExplainFacts& f) {
                 f.as_agent = true;
                 f.by_us = SeenBy{{an_scp.in("corp.test")}, {}};
                 f.candidates = {an_scp.in("corp.test")};
             });
         },
         Verdict::none,
         {"is in corp.test, where the agent's account svc-mage looks, but that account may not "
          "read it"},
         {"#", "dsacls 'CN=" + project, "/G 'CORP\\svc-mage:GR'", "scpctl show"}},
        {"exactly one",
         [] { return with([](ExplainFacts& f) { show(f, an_scp.in("corp.test")); }); },
         Verdict::one,
         {"exactly one SCP", "as it should"},
         {}},
        {"exactly one, a copy that is right",
         [] {
             return with([](ExplainFacts& f) {
                 show(f, an_scp.in("corp.test").copy_of(source_guid));
                 f.candidates.push_back(an_scp);
             });
         },
         Verdict::one,
         {"as it should"},
         {}},
        {"exactly one, a copy gone stale",
         [] {
             return with([](ExplainFacts& f) {
                 show(f, an_scp.in("corp.test").copy_of(source_guid).with_bindings({"old"}));
                 f.candidates.push_back(an_scp);
                 f.rules = {{mage_rule(), true, ""}};
             });
         },
         Verdict::one,
         {"a copy gone stale"},
         {"scpctl sync --rule mage"}},
        {"exactly one, without bindings",
         [] {
             return with(
                 [](ExplainFacts& f) { show(f, an_scp.in("corp.test").with_bindings({})); });
         },
         Verdict::one,
         {"exactly one SCP", "has no bindings"},
         {"#", "scpctl show"}},
        {"exactly one, and another with other bindings",
         [] {
             return with([](ExplainFacts& f) {
                 show(f, an_scp.in("corp.test"));
                 f.candidates.push_back(an_scp.with_bindings({"other"}));
             });
         },
         Verdict::one,
         {"as it should", "in emea.corp.test, has other bindings"},
         {}},
        {"two, one of them a copy",
         [] {
             return with([](ExplainFacts& f) {
                 show(f, an_scp.in("corp.test"));
                 show(f, an_scp.in("corp.test").copy_of(source_guid).with_bindings({"old"}));
             });
         },
         Verdict::several,
         {"2 SCPs in corp.test", "(1 of them bear scpd's marker)", "bindings differ"},
         {"#", "scpctl show", "scpctl show"}},
        {"an account that is there twice",
         [] {
             return with([](ExplainFacts& f) {
                 show(f, an_scp.in("corp.test"));
                 f.question.doubt = "svc@corp.test is ambiguous: CN=a; CN=b";
             });
         },
         Verdict::one,
         {"as it should", "not certain: svc@corp.test is ambiguous: CN=a; CN=b."},
         {"# name the account by its DN"}},
        {"a disabled account",
         [] {
             return with([](ExplainFacts& f) {
                 show(f, an_scp.in("corp.test"));
                 f.question.location->disabled = true;
             });
         },
         Verdict::one,
         {"Besides, the account is disabled"},
         {}},
        {"an account that is nowhere",
         [] { return unresolved({}); },
         Verdict::none,
         {"CORP\\nobody could not be found", "no account matches"},
         {"#"}},
        {"an account that may be in a domain nobody could read",
         [] {
             return unresolved({{"emea.corp.test", an_error()}});
         },
         Verdict::unknown,
         {"could not be found"},
         {"#", "scpctl topology"}},
    };
    return table;
}

} // namespace

TEST_CASE("explain: what is found, and what nobody can say") {
    check_rows(verdicts());
}

} // namespace scp
