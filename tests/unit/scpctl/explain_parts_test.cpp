#include "explain_facts.hpp"

namespace scp {

using namespace test::explain;

TEST_CASE("explain: near misses say what differs, nearest first, twenty at most") {
    ExplainFacts f = facts();
    f.candidates = {an_scp.with_keywords({"QmmEx"}).named("other").with_bindings({}),
                    an_scp.in("corp.test").with_keywords({product, "QmmEx", "emea"}), an_scp};
    const auto misses = near_misses(f);
    REQUIRE(misses.size() == 3);
    CHECK(misses[0].differs ==
          std::vector<std::string>{"is in domain emea.corp.test, not in corp.test"});
    CHECK(misses[1].domain == DomainName("corp.test"));
    CHECK(misses[1].differs == std::vector<std::string>{"keyword " + project + " missing"});
    CHECK(misses[2].differs ==
          std::vector<std::string>{"keyword " + product + " missing",
                                   "keyword " + project + " missing", "cn is other, not " + project,
                                   "is in domain emea.corp.test, not in corp.test",
                                   "has no bindings"});
    for (int i = 0; i < 40; ++i) {
        f.candidates.push_back(an_scp.named("n" + std::to_string(i)));
    }
    CHECK(near_misses(f).size() == 20);
    CHECK(near_misses(f)[0] == misses[0]);
}

TEST_CASE("explain: values of a near miss are escaped") {
    ExplainFacts f = facts();
    f.candidates = {an_scp.named("a\x1b]0;x\x07")};
    const auto misses = near_misses(f);
    REQUIRE(misses.size() == 1);
    CHECK(misses[0].differs[0] == "cn is a\\x1b]0;x\\x07, not " + project);
}

TEST_CASE("explain: the search for what comes near") {
    struct NearRow {
        std::string name, filter, near;
    };
    const NearRow near_rows[] = {
        {"the real one", real_filter,
         "(&(objectClass=serviceConnectionPoint)(|(keywords=" + product +
             ")(keywords=QmmEx)(keywords=" + project + ")(CN=" + project + ")))"},
        {"no list", "(cn=x)", "(&(objectClass=serviceConnectionPoint)(|(cn=x)))"},
        {"nested lists that must hold", "(&(&(cn=x))(keywords=*)(|(keywords=a)(keywords=b)))",
         "(&(objectClass=serviceConnectionPoint)(|(cn=x)(|(keywords=a)(keywords=b))))"},
        {"nothing that tells one from another",
         "(&(objectClass=serviceConnectionPoint)(keywords=*))",
         "(&(objectClass=serviceConnectionPoint)(&(objectClass=serviceConnectionPoint)(keywords=*))"
         ")"},
    };
    for (const auto& row : near_rows) {
        CAPTURE(row.name);
        CHECK(to_string(near_filter(filter_of(row.filter))) == row.near);
    }
}

TEST_CASE("explain: a rule as an agent would ask for it") {
    struct RuleRow {
        std::string name, glob, filter;
    };
    const std::string head = "(&(objectClass=serviceConnectionPoint)(keywords=a\\2a)";
    const RuleRow rule_rows[] = {
        {"any name", "*", head + ")"},
        {"one name", "mage", head + "(cn=mage))"},
        {"ends", "m*e", head + "(cn=m*e))"},
        {"in the middle", "*ag*", head + "(cn=*ag*))"},
        {"one character cannot be said", "m?ge", head + ")"},
    };
    for (const auto& row : rule_rows) {
        CAPTURE(row.name);
        Rule rule;
        rule.keywords = {"a*"};
        rule.name_glob = row.glob;
        CHECK(to_string(filter_of_rule(rule)) == row.filter);
    }
}

TEST_CASE("explain: distinguishedName and name count, whether the server shows them or not") {
    const SeenScp scp = an_scp.at("CN=System");
    CHECK(matches_filter(filter_of("(name=" + project + ")"), scp));
    CHECK(matches_filter(
        filter_of("(distinguishedName=cn=" + project + ",cn=system,dc=emea,dc=corp,dc=test)"),
        scp));
    CHECK(!matches_filter(filter_of("(name=other)"), scp));
}

TEST_CASE("explain: words for a shell") {
    struct WordRow {
        std::string name, value, word; ///< empty word: refused
    };
    const WordRow word_rows[] = {
        {"plain", "ldaps://dc1:636", "ldaps://dc1:636"},
        {"empty", "", "''"},
        {"blank", "a b", "'a b'"},
        {"quote", "it's", "'it'\\''s'"},
        {"backslash", "CORP\\svc", "'CORP\\svc'"},
        {"substitution", "$(x)`y`!z", "'$(x)`y`!z'"},
        {"umlaut", "J\u00fcrgen", "'J\u00fcrgen'"},
        {"newline", "a\nb", ""},
        {"ESC", "\x1b[0m", ""},
        {"override", "a\u202eb", ""},
        {"not UTF-8", "\xff", ""},
        {"NUL", std::string("a\0b", 3), ""},
    };
    for (const auto& row : word_rows) {
        CAPTURE(row.name);
        CHECK(shell_word(row.value).value_or("") == row.word);
    }
}

TEST_CASE("explain: the exit code of several answers") {
    struct ExitRow {
        std::string name;
        std::vector<Verdict> verdicts;
        Exit exit, partial;
    };
    using enum Verdict;
    const ExitRow exit_rows[] = {
        {"nothing asked", {}, Exit::ok, Exit::ok},
        {"one", {one}, Exit::ok, Exit::ok},
        {"none", {none}, Exit::no, Exit::no},
        {"several", {several}, Exit::several, Exit::several},
        {"one and several", {one, several}, Exit::several, Exit::several},
        {"any none comes before any several", {several, none, one}, Exit::no, Exit::no},
        {"what could not be read comes first", {none, unknown}, Exit::unreachable, Exit::no},
        {"only what could not be read", {unknown}, Exit::unreachable, Exit::no},
    };
    for (const auto& row : exit_rows) {
        CAPTURE(row.name);
        std::vector<ExplainResult> results;
        for (const Verdict verdict : row.verdicts) {
            results.emplace_back().verdict = verdict;
        }
        CHECK(explain_exit(results, false) == row.exit);
        CHECK(explain_exit(results, true) == row.partial);
    }
}

} // namespace scp
