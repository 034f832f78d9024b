#include "run.hpp"

#include <doctest/doctest.h>

#include <string>

namespace scp {

namespace {

const std::string project_of_agent = "90e49231-3838-4e5e-b2e4-8813fbf59a11";
const std::string asked =
    "(&(objectClass=serviceConnectionPoint)(keywords=77F6F69F-AD86-437c-B47E-9A2F161E7E61)"
    "(keywords=QmmEx)(keywords=" +
    project_of_agent + ")(CN=" + project_of_agent + "))";
const std::string log_line =
    "2015-01-16 23:07:58.0656 Px1700  Tx5 A- C- M- Info Waiting for agent settings: "
    "Not found: " +
    asked + "\r\n";

/// corp.test with the account, emea.corp.test with the product's SCP, and settings for them.
struct ExplainForest {
    ExplainForest() {
        auto configuration =
            run.forest.add_partition(*Dn::parse("CN=Configuration,DC=corp,DC=test"));
        corp = &run.forest.add_server("corp.test", Flavour::ad, {configuration});
        emea = &run.forest.add_server("emea.corp.test", Flavour::ad, {configuration});
        run.forest.add_cross_refs(*configuration, Dn::of_domain("corp.test"));
        corp->default_partition().put(*Dn::parse("CN=svc-mage,CN=Users,DC=corp,DC=test"),
                                      {{"objectClass", {"top", "user"}},
                                       {"sAMAccountName", {"svc-mage"}},
                                       {"userAccountControl", {"512"}}});
        put(*emea, "CN=QmmEx,CN=System");
        run.folder.write("scpd.yaml", R"(
instance: test
forests:
  - name: corp
    servers: [ldap://dc1.corp.test]
    domains: { emea.corp.test: { servers: [ldap://dc1.emea.corp.test] } }
    tls: { mode: none }
rules:
  - name: mage
    match: { keywords: [QmmEx] }
    accounts: ['CORP\svc-mage']
)");
    }

    static void put(MemoryServer& server, const std::string& below) {
        server.default_partition().put(
            server.default_partition().nc().descendant(
                *Dn::parse("CN=" + project_of_agent + "," + below)),
            {{"objectClass", {"top", "leaf", "connectionPoint", "serviceConnectionPoint"}},
             {"keywords", {"77F6F69F-AD86-437c-B47E-9A2F161E7E61", "QmmEx", project_of_agent}},
             {"serviceBindingInformation", {"sql1"}}});
    }

    test::Ran explain(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), {"-c", run.folder / "scpd.yaml", "explain"});
        return run(arguments);
    }

    test::Program run;
    MemoryServer* corp = nullptr;
    MemoryServer* emea = nullptr;
};

const std::vector<std::string> by_account{"--account", "CORP\\svc-mage", "--filter", asked};

} // namespace

TEST_CASE("scpctl explain: the agent's log names cause and cure") {
    ExplainForest forest;
    const std::string log =
        forest.run.folder.write("agent.log", log_line + "something else\r\n" + log_line);
    const auto ran = forest.explain({"-o", "json", "--log", log});
    CHECK(ran.code == 1);
    const Json document = ran.json();
    CHECK(document["schema"] == "scpd.explain/1");
    REQUIRE(document["results"].size() == 1);
    const Json& result = document["results"][0];
    CHECK(result["account"]["query"] == "CORP\\svc-mage");
    CHECK(result["account"]["dn"] == "CN=svc-mage,CN=Users,DC=corp,DC=test");
    CHECK(result["account"]["domain"] == "corp.test");
    CHECK(result["account"]["forest"] == "corp");
    CHECK(result["filter"] == asked);
    CHECK(result["base"] == "DC=corp,DC=test");
    CHECK(result["found"] == 0);
    CHECK(result["matches"].empty());
    CHECK(result["near_misses"][0]["domain"] == "emea.corp.test");
    CHECK(result["near_misses"][0]["differs"] ==
          Json::array({"is in domain emea.corp.test, not in corp.test"}));
    CHECK(result["cause"] ==
          "The SCP exists in emea.corp.test, but the agent's account svc-mage lives in corp.test, "
          "and the agent looks only there.");
    CHECK(result["cure"].back() ==
          "scpctl sync --rule mage -c " + (forest.run.folder / "scpd.yaml").string());
    CHECK(result["log"]["count"] == 2);
    CHECK(result["log"]["first"] == "2015-01-16T23:07:58Z");
    CHECK(result["log"]["first_text"] == "2015-01-16 23:07:58.0656");
    CHECK(result["log"]["zone_known"] == false);

    const auto text = forest.explain({"--log", log, "--account", "svc-mage@corp.test"});
    CHECK(text.code == 1);
    CHECK(text.out.find("The SCP exists in emea.corp.test") != std::string::npos);
    CHECK(text.out.find("scpctl sync --rule mage") != std::string::npos);
    CHECK(text.out.find("2 times") != std::string::npos);
}

TEST_CASE("scpctl explain: exit codes") {
    struct Row {
        std::string name;
        std::vector<std::string> arguments;
        void (*change)(ExplainForest&);
        int code;
        std::string err; ///< a part of it
    };
    const auto nothing = [](ExplainForest&) {};
    const Row rows[] = {
        {"none", by_account, nothing, 1, ""},
        {"one", by_account, [](ExplainForest& f) { ExplainForest::put(*f.corp, "CN=System"); }, 0,
         ""},
        {"more than one", by_account,
         [](ExplainForest& f) {
             ExplainForest::put(*f.corp, "CN=System");
             ExplainForest::put(*f.corp, "CN=Users");
         },
         6, ""},
        {"by the rule's account", {"--rule", "mage"}, nothing, 1, ""},
        {"by keyword, in two places: one none, one found",
         {"--keyword", "QmmEx", "--to", "corp.test", "--to", "emea.corp.test"},
         nothing,
         1,
         ""},
        {"in one place", {"--keyword", "QmmEx", "--to", "emea.corp.test"}, nothing, 0, ""},
        {"nobody", {"--keyword", "QmmEx", "--account", "CORP\\nobody"}, nothing, 1, ""},
        {"the account's domain cannot be read", by_account,
         [](ExplainForest& f) { f.corp->entries_then_lost = 0; }, 4, ""},
        {"the only place where it could be", by_account,
         [](ExplainForest& f) { f.emea->unreachable = true; }, 4, ""},
        {"the same, with --partial",
         {"--account", "CORP\\svc-mage", "--filter", asked, "--partial"},
         [](ExplainForest& f) { f.emea->unreachable = true; },
         1,
         ""},
        {"found, whatever is down elsewhere", by_account,
         [](ExplainForest& f) {
             ExplainForest::put(*f.corp, "CN=System");
             f.emea->unreachable = true;
         },
         0, ""},
        {"nothing asked",
         {"--account", "CORP\\svc-mage"},
         nothing,
         2,
         "what the agent asks is missing"},
        {"two things asked",
         {"--account", "a@b", "--filter", asked, "--keyword", "x"},
         nothing,
         2,
         "exclude"},
        {"nobody asks", {"--filter", asked}, nothing, 2, "--account is missing"},
        {"a filter that is none", {"--account", "a@b", "--filter", "(cn=x"}, nothing, 2, "byte 6"},
        {"a keyword with ESC",
         {"--account", "a@b", "--keyword", "\x1b[2J"},
         nothing,
         2,
         "control characters"},
        {"a rule that is not there", {"--rule", "maga"}, nothing, 2, "did you mean 'mage'"},
        {"a domain that is not there",
         {"--keyword", "x", "--to", "nowhere.test"},
         nothing,
         2,
         "nowhere.test"},
        {"--container with a rule of the settings",
         {"--rule", "mage", "--container", "CN=x,CN=System"},
         nothing,
         2,
         "--container is for one without them"},
        {"--create-containers with a rule of the settings",
         {"--rule", "mage", "--create-containers"},
         nothing,
         2,
         "--create-containers is for"},
        {"a mode that there is not",
         {"--account", "a@b", "--keyword", "x", "--mode", "maybe"},
         nothing,
         2,
         "there is no such mode"},
        {"a container with its domain",
         {"--account", "a@b", "--filter", asked, "--container", "CN=x,DC=corp,DC=test"},
         nothing,
         2,
         "relative to the domain"},
        {"a place to trust that is none",
         {"--account", "a@b", "--filter", asked, "--trust-container", "same"},
         nothing,
         2,
         "this is a place"},
        {"a log and a filter",
         {"--log", "x", "--filter", asked},
         nothing,
         2,
         "--log brings its own"},
        {"a log that is not there",
         {"--log", "/nonexistent/agent.log"},
         nothing,
         2,
         "No such file"},
        {"half of a log-in",
         {"--rule", "mage", "--agent-bind-dn", "CN=x"},
         nothing,
         2,
         "go together"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        ExplainForest forest;
        row.change(forest);
        const auto ran = forest.explain(row.arguments);
        CAPTURE(ran.err);
        CHECK(ran.code == row.code);
        CHECK(ran.err.find(row.err) != std::string::npos);
        CHECK((ran.out + ran.err).find('\x1b') == std::string::npos);
        std::vector<std::string> again = row.arguments;
        again.insert(again.end(), {"-o", "json"});
        const Json document = forest.explain(again).json();
        CHECK(document["schema"] == "scpd.explain/1");
        CHECK(document.contains("error") ==
              (row.code == 2 || row.code == 4 || row.name == "the same, with --partial"));
    }
}

TEST_CASE("scpctl explain: logs of all kinds") {
    struct Row {
        std::string name, text;
        int code;
        std::size_t results;
        std::string err;
    };
    std::string deep = "(cn=x)";
    for (int i = 1; i < 1000; ++i) {
        deep = "(&" + deep + ")";
    }
    const Row rows[] = {
        {"empty", "", 0, 0, "no agent's search that found nothing"},
        {"nothing in it", "hello\n", 0, 0, "in the 1 lines"},
        {"a filter 1,000 deep", "Not found: " + deep + "\n", 0, 0, "line 1: filter, byte 17"},
        {"a filter over accounts", "Not found: (userPassword=*)\n", 0, 0,
         "not a filter that an agent of this kind asks"},
        {"a line too long", std::string(70'000, 'x') + "\n" + log_line, 1, 1, "longer than 64 KiB"},
        {"no rule has these keywords: every domain", "Not found: (cn=" + project_of_agent + ")\n",
         1, 2, "name the account: --account"},
        {"ESC", "Not found: (cn=\x1b]0;owned\x07)\n", 1, 2, ""},
        {"many filters",
         [] {
             std::string text;
             for (int i = 0; i < 150; ++i) {
                 text += "Not found: (&(keywords=QmmEx)(cn=" + std::to_string(i) + "))\n";
             }
             return text;
         }(),
         1, 100, "only the 100 most frequent filters are explained"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        ExplainForest forest;
        const std::string log = forest.run.folder.write("agent.log", row.text);
        const auto ran = forest.explain({"-o", "json", "--log", log});
        CAPTURE(ran.err);
        CHECK(ran.code == row.code);
        CHECK(ran.json()["results"].size() == row.results);
        CHECK(ran.err.find(row.err) != std::string::npos);
        const auto text = forest.explain({"--log", log});
        CHECK(text.code == row.code);
        CHECK((text.out + text.err + ran.out).find('\x1b') == std::string::npos);
        CHECK((text.out + text.err).find('\x07') == std::string::npos);
    }
}

} // namespace scp
