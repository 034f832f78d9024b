#include "scpctl/explain.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <string>

namespace scp {

namespace {

const std::string product = "77F6F69F-AD86-437c-B47E-9A2F161E7E61";
const std::string project = "90e49231-3838-4e5e-b2e4-8813fbf59a11";
const std::string real_filter = "(&(objectClass=serviceConnectionPoint)(keywords=" + product +
                                ")(keywords=QmmEx)(keywords=" + project + ")(CN=" + project + "))";
const std::string real_place =
    "CN=Exchange Migration Project,CN=QmmEx,CN=Migration Manager,CN=Quest "
    "Software,CN=System";

Filter filter_of(const std::string& text) {
    auto filter = parse_filter(text);
    REQUIRE(filter);
    return *filter;
}

/// The product's SCP; by default in emea.corp.test, where its installer put it.
struct ScpBuilder {
    std::string domain = "emea.corp.test";
    std::string place = real_place;
    std::string cn = project;
    Values keywords{product, "QmmEx", project};
    Values bindings{"sql1.emea.corp.test"};
    std::string guid = "11111111-2222-3333-4444-555555555555";
    std::string marker_of; ///< GUID of its source
    bool conflict = false;

    ScpBuilder in(std::string name) const {
        return with([&](ScpBuilder& b) { b.domain = std::move(name); });
    }
    ScpBuilder at(std::string relative) const {
        return with([&](ScpBuilder& b) { b.place = std::move(relative); });
    }
    ScpBuilder named(std::string name) const {
        return with([&](ScpBuilder& b) { b.cn = std::move(name); });
    }
    ScpBuilder with_keywords(Values values) const {
        return with([&](ScpBuilder& b) { b.keywords = std::move(values); });
    }
    ScpBuilder with_bindings(Values values) const {
        return with([&](ScpBuilder& b) { b.bindings = std::move(values); });
    }
    ScpBuilder with_guid(std::string text) const {
        return with([&](ScpBuilder& b) { b.guid = std::move(text); });
    }
    ScpBuilder copy_of(std::string source) const {
        return with([&](ScpBuilder& b) {
            b.marker_of = std::move(source);
            b.place = "CN=scpd,CN=System";
            b.guid = "99999999-2222-3333-4444-555555555555";
        });
    }
    ScpBuilder conflicting() const {
        return with([&](ScpBuilder& b) { b.conflict = true; });
    }

    operator SeenScp() const { // NOLINT: builders read better so
        SeenScp scp;
        scp.forest = "corp";
        scp.domain = DomainName(domain);
        scp.nc = Dn::of_domain(domain);
        scp.dn = scp.nc.descendant(*Dn::parse(place)).child("CN", cn);
        scp.guid = Guid::parse(guid);
        scp.attributes = {
            {"objectClass", {"top", "leaf", "connectionPoint", "serviceConnectionPoint"}},
            {"cn", {cn}},
            {"keywords", keywords},
            {"serviceBindingInformation", bindings}};
        if (!marker_of.empty()) {
            scp.marked = true;
            scp.marker.emplace();
            scp.marker->source = *Guid::parse(marker_of);
        }
        scp.conflict = conflict;
        return scp;
    }

  private:
    ScpBuilder with(const std::function<void(ScpBuilder&)>& change) const {
        ScpBuilder out = *this;
        change(out);
        return out;
    }
};

const ScpBuilder an_scp;
const std::string source_guid = an_scp.guid;

Rule mage_rule() {
    Rule rule;
    rule.name = "mage";
    rule.keywords = {product, "qmmex"};
    rule.trust_containers = default_trust_containers();
    rule.trust_exclude = default_trust_exclude();
    rule.container.relative = default_container();
    return rule;
}

/// CORP\svc-mage asks the real filter; nothing is anywhere.
ExplainFacts facts() {
    ExplainFacts out;
    out.question.account = "CORP\\svc-mage";
    out.question.location = ResolvedAccount::Location{
        "corp", DomainName("corp.test"), *Dn::parse("CN=svc-mage,CN=Users,DC=corp,DC=test"), false};
    out.question.forest = "corp";
    out.question.domain = DomainName("corp.test");
    out.question.base = Dn::of_domain("corp.test");
    out.question.filter = filter_of(real_filter);
    out.catalog = 0;
    out.connection = {"--server", "ldaps://dc1.corp.test"};
    return out;
}

ExplainFacts unresolved(std::vector<UnreadDomain> unread) {
    ExplainFacts f;
    f.question.account = "CORP\\nobody";
    f.question.unresolved = "no account matches";
    f.question.filter = filter_of(real_filter);
    f.unread = std::move(unread);
    return f;
}

Error an_error(ErrorKind kind = ErrorKind::unreachable) {
    return {kind, "ldaps://dc9.emea.corp.test: no answer in 5s", "is it on?", 0};
}

struct Row {
    std::string name;
    std::function<ExplainFacts()> facts;
    Verdict verdict;
    std::vector<std::string> cause; ///< parts of it
    std::vector<std::string> cure;  ///< parts of its lines, in this order
};

ExplainFacts with(const std::function<void(ExplainFacts&)>& change) {
    ExplainFacts f = facts();
    change(f);
    return f;
}

/// `scp` matches and is what the agent's search shows.
void show(ExplainFacts& f, const SeenScp& scp) {
    f.found.scps.push_back(scp);
    f.candidates.push_back(scp);
}

const std::vector<Row>& rows() {
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

std::string joined(const std::vector<std::string>& lines) {
    std::string out;
    for (const auto& line : lines) {
        out += line + "\n";
    }
    return out;
}

} // namespace

TEST_CASE("explain: what is found, why, and the cure") {
    for (const Row& row : rows()) {
        CAPTURE(row.name);
        const ExplainResult result = diagnose(row.facts());
        CAPTURE(result.cause);
        const std::string cure = joined(result.cure);
        CAPTURE(cure);
        CHECK(result.verdict == row.verdict);
        CHECK(result.error.has_value() == (row.verdict == Verdict::unknown));
        for (const auto& part : row.cause) {
            CHECK_MESSAGE(result.cause.find(part) != std::string::npos, part);
        }
        std::size_t at = 0;
        for (const auto& part : row.cure) {
            at = cure.find(part, at);
            REQUIRE_MESSAGE(at != std::string::npos, part);
            at += part.size();
        }
        CHECK(result.cause.find('\x1b') == std::string::npos);
        CHECK(cure.find('\x1b') == std::string::npos);
    }
}

TEST_CASE("explain: the order of what was read changes nothing") {
    for (const Row& row : rows()) {
        CAPTURE(row.name);
        ExplainFacts f = row.facts();
        const auto before = near_misses(f);
        std::ranges::reverse(f.candidates);
        CHECK(near_misses(f) == before);
    }
}

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
