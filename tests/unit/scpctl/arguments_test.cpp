// The command line itself: nothing here needs a directory.
#include "run.hpp"
#include "scpctl/verbs.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace scp;
using namespace scp::test;

TEST_CASE("every verb has help with its exit status and an example") {
    for (const Verb& verb : verbs()) {
        CAPTURE(verb.name);
        std::vector<std::string> words;
        std::istringstream names{std::string(verb.name)};
        for (std::string word; names >> word;)
            words.push_back(word);
        words.emplace_back("--help");
        Program scpctl;
        const Ran ran = scpctl(words);
        CHECK(ran.code == 0);
        CHECK(ran.err.empty());
        for (const char* wanted :
             {"EXIT STATUS\n", "\n  0  ", "EXAMPLES\n  scpctl ", "-h,--help", "\nUsage: scpctl "}) {
            CAPTURE(wanted);
            CHECK(ran.out.find(wanted) != std::string::npos);
        }
        CHECK(ran.out.find(std::string(verb.description)) != std::string::npos);
        CHECK(std::string(verb.schema).starts_with("scpd."));
    }
}

TEST_CASE("the program's help names every verb and every global option") {
    Program scpctl;
    const Ran ran = scpctl({"--help"});
    CHECK(ran.code == 0);
    for (const Verb& verb : verbs())
        CHECK(ran.out.find(std::string(verb.name.substr(0, verb.name.find(' ')))) !=
              std::string::npos);
    for (const char* option :
         {"--config", "--output", "--color", "--quiet", "--verbose", "--history", "--partial",
          "--server", "--ca-file", "--starttls", "--bind-dn", "--password-file", "--mech"})
        CHECK(ran.out.find(option) != std::string::npos);
    CHECK(scpctl({"--version"}).out == "scpctl " SCP_VERSION "\n");
}

TEST_CASE("wrong arguments: exit 2, and what is wrong") {
    const std::string server = "ldap://dc1.corp.test";
    const std::vector<std::string> one_off{"plan", "--server", server, "--mech", "gssapi"};
    const auto with = [&](std::vector<std::string> more) {
        std::vector<std::string> all = one_off;
        all.insert(all.end(), more.begin(), more.end());
        return all;
    };
    struct Row {
        const char* name;
        std::vector<std::string> arguments;
        const char* message;
        const char* hint;
    };
    const Row rows[] = {
        {"nothing", {}, "no verb was given", ""},
        {"unknown verb", {"plam"}, "there is no verb 'plam'", "did you mean 'plan'?"},
        {"nothing like it", {"frobnicate"}, "there is no verb 'frobnicate'", "--help"},
        {"unknown verb of a group",
         {"config", "chek"},
         "there is no verb 'config chek'",
         "did you mean 'config check'?"},
        {"half a group", {"config"}, "no verb was given", ""},
        {"unknown option",
         {"plan", "--ruel", "x"},
         "there is no option --ruel of plan",
         "did you mean --rule?"},
        {"an argument too many",
         {"plan", "x"},
         "plan: unexpected argument 'x'",
         "scpctl plan --help"},
        {"option without a value", {"plan", "--rule"}, "--rule", ""},
        {"format", {"-o", "xml", "plan"}, "--output", ""},
        {"colour", {"--color", "blue", "plan"}, "--color", ""},
        {"no settings at all", {"plan", "--rule", "x"}, "there are no settings", "--server"},
        {"LDIF of what has none", {"topology", "-o", "ldif"}, "topology has no LDIF", ""},
        {"a bad URI", {"plan", "--server", "http://x"}, "--server http://x", ""},
        {"a simple bind in clear",
         {"plan", "--server", server, "--bind-dn", "CN=x", "--password-file", "f"},
         "never goes out in clear",
         "--starttls"},
        {"DN without password",
         {"plan", "--server", server, "--bind-dn", "CN=x"},
         "--bind-dn needs --password-file",
         "0600"},
        {"password without DN",
         {"plan", "--server", server, "--password-file", "f"},
         "--password-file needs --bind-dn",
         ""},
        {"mechanism",
         {"plan", "--server", server, "--mech", "digest-md5"},
         "there is no such mechanism",
         "gssapi"},
        {"mechanism and DN",
         {"plan", "--server", server, "--mech", "gssapi", "--bind-dn", "x"},
         "exclude each other",
         ""},
        {"no rule", one_off, "there is no rule to plan with", "--keyword"},
        {"no target", with({"--keyword", "k"}), "has no target", "--account"},
        {"no keyword", with({"--to", "corp.test"}), "a rule needs --keyword", ""},
        {"empty keyword", with({"--keyword", "", "--to", "corp.test"}), "--keyword is empty", ""},
        {"keyword with a line end", with({"--keyword", "a\r\nb", "--to", "corp.test"}),
         "control characters", ""},
        {"keyword with ESC", with({"--keyword", "a\x1b[31m", "--to", "corp.test"}),
         "control characters", ""},
        {"keyword not UTF-8", with({"--keyword", "a\xff", "--to", "corp.test"}), "not UTF-8", ""},
        {"account", with({"--keyword", "k", "--account", "svc"}), "--account svc", ""},
        {"account not UTF-8", with({"--keyword", "k", "--account", "\xff"}), "not UTF-8", ""},
        {"mode", with({"--keyword", "k", "--to", "corp.test", "--mode", "force"}), "--mode force",
         "upsert"},
        {"container with a domain",
         with({"--keyword", "k", "--to", "corp.test", "--container", "CN=x,DC=corp"}),
         "relative to the domain", ""},
        {"container that is no DN",
         with({"--keyword", "k", "--to", "corp.test", "--container", "x"}), "--container x", ""},
        {"rule and one-off", with({"--keyword", "k", "--rule", "r"}),
         "--rule takes a rule of the settings", ""},
        {"rule of no settings", with({"--rule", "r"}), "there is no rule 'r'", ""},
        {"sync without a terminal", {"sync"}, "no terminal to ask on", "--yes"},
        {"LDIF of a real sync",
         {"sync", "--yes", "-o", "ldif"},
         "LDIF shows what would be written",
         "--dry-run"},
        {"create without domain", {"create", "--name", "x"}, "--domain is missing", ""},
        {"create without name", {"create", "--domain", "d"}, "--name is missing", ""},
        {"create without keyword",
         {"create", "--domain", "d", "--name", "x"},
         "--keyword is missing",
         ""},
        {"create without binding",
         {"create", "--domain", "d", "--name", "x", "--keyword", "k"},
         "--binding is missing",
         ""},
        {"name of 65",
         {"create", "--domain", "d", "--name", std::string(65, 'x'), "--keyword", "k", "--binding",
          "b"},
         "65 characters long",
         "64"},
        {"create from and values",
         {"create", "--domain", "d", "--from", "x", "--name", "y"},
         "--from copies an SCP whole",
         ""},
        {"create marked from nothing",
         {"create", "--domain", "d", "--rule", "r"},
         "--rule without --from",
         ""},
        {"show nothing", {"show"}, "NAME", ""},
        {"a plan file that is none", with({"--keyword", "k", "--to", "d", "--out", "/nowhere/x"}),
         "", ""},
    };
    for (const Row& row : rows) {
        if (row.message[0] == '\0')
            continue;
        CAPTURE(row.name);
        Program scpctl;
        const Ran ran = scpctl(row.arguments);
        CAPTURE(ran.err);
        CHECK(ran.code == 2);
        CHECK(ran.out.empty());
        CHECK(ran.err.find(row.message) != std::string::npos);
        CHECK(ran.err.find(row.hint) != std::string::npos);
        CHECK(ran.err.find('\x1b') == std::string::npos);
    }
}

TEST_CASE("with -o json an error is one document, whatever is wrong") {
    struct Row {
        const char* name;
        std::vector<std::string> arguments;
        const char* schema;
        const char* kind;
    };
    const Row rows[] = {
        {"unknown verb", {"-o", "json", "plam"}, "scpd.error/1", "usage"},
        {"unknown option", {"plan", "--nope", "-o", "json"}, "scpd.plan/1", "usage"},
        {"glued", {"-ojson", "plan", "--rule"}, "scpd.plan/1", "usage"},
        {"equals",
         {"--output=json", "list", "--mode", "x", "--keyword", "k"},
         "scpd.list/1",
         "usage"},
        {"no settings", {"topology", "-o", "json"}, "scpd.topology/1", "usage"},
        {"bad settings",
         {"-c", "/nowhere/scpd.yaml", "plan", "-o", "json"},
         "scpd.plan/1",
         "settings"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        Program scpctl;
        const Ran ran = scpctl(row.arguments);
        CAPTURE(ran.out);
        CHECK(ran.code == 2);
        const Json document = ran.json();
        REQUIRE(document.is_object());
        CHECK(document.at("schema") == row.schema);
        CHECK(document.at("error").at("kind") == row.kind);
        CHECK_FALSE(document.at("error").at("message").get<std::string>().empty());
        CHECK(document.at("error").contains("hint"));
    }
}

TEST_CASE("values with every character that a filter escapes are taken") {
    Program scpctl;
    for (const char* keyword : {"a*b", "(a)", "a\\b",
                                "\xe2\x80\xae"
                                "abc",
                                "[a,b]", "a=b", "-a", "{}"}) {
        CAPTURE(keyword);
        const Ran ran = scpctl({"plan", "--server", "ldap://dc1.corp.test", "--mech", "gssapi",
                                "--keyword=" + std::string(keyword), "--to", "corp.test"});
        CHECK(ran.code == 4); // it got as far as the directory, which is not there
        CHECK(ran.err.find("\xe2\x80\xae") == std::string::npos);
    }
}

TEST_CASE("colour: when asked for, and on a terminal unless NO_COLOR") {
    struct Row {
        const char* name;
        const char* when;
        bool terminal;
        const char* no_color;
        bool colored;
    };
    const Row rows[] = {
        {"terminal", "auto", true, "", true},   {"pipe", "auto", false, "", false},
        {"NO_COLOR", "auto", true, "1", false}, {"always", "always", false, "1", true},
        {"never", "never", true, "", false},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        Program scpctl;
        scpctl.terminal = row.terminal;
        scpctl.environment["NO_COLOR"] = row.no_color;
        const Ran ran = scpctl({"--color", row.when, "topology"});
        CHECK((ran.err.find('\x1b') != std::string::npos) == row.colored);
    }
}

TEST_CASE("config check: problems, and as a document") {
    Program scpctl;
    const std::string bad = scpctl.folder.write("bad.yaml", "instance: x\nruels: []\n");
    const Ran text = scpctl({"-c", bad, "config", "check"});
    CHECK(text.code == 2);
    CHECK(text.out.find("bad.yaml:2:1: ruels: ") != std::string::npos);
    const Json document = scpctl({"config", "check", "-c", bad, "-o", "json"}).json();
    CHECK(document.at("schema") == "scpd.config/1");
    CHECK(document.at("ok") == false);
    const Json& problems = document.at("problems");
    CHECK(std::any_of(problems.begin(), problems.end(), [](const Json& problem) {
        return problem.at("key") == "ruels" && problem.at("line") == 2;
    }));
    CHECK(scpctl({"-c", bad, "config", "show"}).code == 2);
    CHECK(scpctl({"-c", scpctl.folder / "none.yaml", "config", "check"}).code == 2);
}
