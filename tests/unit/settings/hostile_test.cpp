#include "rows.hpp"

#include <chrono>

using namespace scp;
using namespace scp::settings_test;

namespace {

/// What would grow without bound if aliases were expanded: 10^9 values.
std::string alias_bomb() {
    std::string yaml = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 9; ++i) {
        const auto n = std::to_string(i);
        yaml +=
            "a" + n + ": &a" + n + " [" + times("*a" + std::to_string(i - 1) + ", ", 10) + "]\n";
    }
    return yaml;
}

std::string nested_blocks(int depth) {
    std::string yaml;
    for (int i = 0; i < depth; ++i)
        yaml += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
    return yaml;
}

} // namespace

TEST_CASE("Settings: bytes that are no text, and structures without end") {
    check_rows({
        {"5000 lists in each other",
         with("rules: " + times("[", 5000) + times("]", 5000)),
         {"f:3:31: is not YAML: nested more than 24 deep"}},
        {"5000 maps in each other",
         with("x: " + times("{a: ", 5000) + times("}", 5000)),
         {"f:3:96: is not YAML: nested more than 24 deep"}},
        {"5000 blocks in each other",
         nested_blocks(5000),
         {"f:25:25: is not YAML: nested more than 24 deep"}},
        {"5000 lists on one line in block style",
         with(times("- ", 5000) + "x"),
         {"f:3:1: is not YAML: end of map not found"}},
        {"5000 keys that are maps",
         with(times("? ", 5000) + "x"),
         {"f:3:49: is not YAML: nested more than 24 deep"}},
        {"5000 brackets that nobody closes",
         times("[", 5000),
         {"f:1:13: is not YAML: nested more than 24 deep"}},
        {"an alias to itself",
         "a: &a [*a]\n",
         {"f:1:1: a: unknown key \"a\"",
          "f:1:1: instance: is required: Owner's name in the marker of every copy, the same on all "
          "hosts that serve the same copies.",
          "f:1:1: forests: is required: The forests to work in.",
          "f:1:4: a: anchors (&name) are not supported: write the value out where it is needed",
          "f:1:8: a[#1]: aliases (*name) are not supported: write the value out"}},
        {"an alias to nothing",
         "instance: *nobody\n",
         {"f:1:11: is not YAML: the referenced anchor is not defined"}},
        {"NUL in the file",
         std::string("instance: a\0b\n", 14),
         {R"(f:1:12: has the control character \x00)"}},
        {"EOT, which yaml-cpp would take for the end",
         "instance: prod\n\x04rubbish: [\n",
         {R"(f:2:1: has the control character \x04)"}},
        {"ESC in a comment",
         "instance: prod # \x1b[31m\n",
         {R"(f:1:18: has the control character \x1b)"}},
        {"Latin-1",
         "instance: prod\nforests: # f\xfcr\n",
         {R"(f:2:13: has a byte \xfc that is not UTF-8)"}},
        {"an overlong NUL",
         "instance: \xc0\x80\n",
         {R"(f:1:11: has a byte \xc0 that is not UTF-8)"}},
        {"a surrogate",
         "instance: \xed\xa0\x80\n",
         {R"(f:1:11: has a byte \xed that is not UTF-8)"}},
        {"a character cut short at the end",
         "instance: prod\xe2\x80",
         {R"(f:1:15: has a byte \xe2 that is not UTF-8)"}},
        {"UTF-16, little-endian",
         std::string("\xff\xfei\0n\0", 6),
         {"f:1:1: is UTF-16; settings are UTF-8"}},
        {"UTF-16, big-endian",
         std::string("\xfe\xff\0i\0n", 6),
         {"f:1:1: is UTF-16; settings are UTF-8"}},
        {"a hostile key is shown on one line and not whole",
         with("\"" + std::string(900, 'k') + "\": 1"),
         {"f:3:1: " + std::string(80, 'k') + "…(900 bytes): unknown key \"" + std::string(80, 'k') +
          "…(900 bytes)\""}},
    });
}

TEST_CASE("Settings: an alias bomb is refused alias by alias and quickly") {
    const auto started = std::chrono::steady_clock::now();
    const auto problems = problems_of(alias_bomb());
    CHECK(std::chrono::steady_clock::now() - started < std::chrono::seconds(5));
    REQUIRE(problems.size() > 80);
    CHECK(problems[3] ==
          "f:1:5: a0: anchors (&name) are not supported: write the value out where it is needed");
    CHECK(std::count(problems.begin(), problems.end(),
                     "f:9:10: a8[#1]: aliases (*name) are not supported: write the value out") ==
          1);
}

TEST_CASE("Settings: a flood of problems ends in a number") {
    std::string yaml = with("");
    for (int i = 0; i < 5000; ++i)
        yaml += "unknown" + std::to_string(i) + ": 1\n";
    const auto problems = problems_of(yaml);
    REQUIRE(problems.size() == 201);
    CHECK(problems[0] == "f:4:1: unknown0: unknown key \"unknown0\"");
    CHECK(problems.back() == "f: and 4800 problems more");
}

TEST_CASE("Settings: more values than any settings have") {
    const auto problems = problems_of(with("x: [" + times("1,", 150'000) + "]"));
    REQUIRE(problems.size() == 1);
    CHECK(problems[0] == "f: is not YAML: more than 100000 values");
}

TEST_CASE("Settings: what looks odd and is right") {
    const std::pair<std::string, std::string> rows[] = {
        {"a byte order mark", "\xef\xbb\xbf" + with("")},
        {"CR LF line ends", "instance: prod\r\nforests: [{name: corp, domain: corp.test}]\r\n"},
        {"no line end at the end", "instance: prod\nforests: [{name: corp, domain: corp.test}]"},
        {"a document's marks", "%YAML 1.2\n---\n" + with("") + "...\n"},
        {"JSON", R"({"instance": "prod", "forests": [{"name": "corp", "domain": "corp.test"}]})"},
        {"a keyword of every special character", keywords(R"(['*()\,+"<>;=#/ x', "ü€😀"])")},
        {"a keyword that looks like a number", keywords("[1.0, 0x10, true]")},
        {"a keyword of 256 characters", keywords("[" + std::string(256, 'k') + "]")},
        {"a keyword that looks like null, in quotes", keywords("['null', \"~\"]")},
        {"a keyword with a backslash", keywords(R"([a\nb])")},
        {"maps and lists with nothing in them", with("rules:\ndaemon:\nlog: {}\nlimits:")},
        {"no rules", with("rules: []")},
        {"only servers, no domain", forest("servers: ['ldapi://%2Frun%2Fldapi']")},
        {"a domain with a dot at its end", forest("domain: corp.test.")},
        {"an OID as an attribute", rule("attributes: [1.2.840.113556.1.4.510]")},
        {"no attributes at all", rule("attributes: []")},
        {"no place excluded", rule("trust: {exclude: []}")},
        {"targets alone", rule("targets: {domains: [a.b]}", "[K]", "[]")},
        {"a machine's account", account(R"(CORP\HOST$)")},
        {"a DN with a comma in its name", account(R"('CN=a\,b,DC=corp,DC=test')")},
        {"simple in clear over a local socket",
         forest("servers: ['ldapi://%2Frun%2Fldapi']\ntls: {mode: none}\nauth: {mechanism: simple, "
                "bind_dn: a, password_file: /p}")},
        {"simple with starttls",
         forest("servers: [ldap://a]\ntls: {mode: starttls}\nauth: {mechanism: "
                "simple, bind_dn: a, credential: c}")},
        {"gssapi without TLS", forest("servers: [ldap://a]\ntls: {mode: none}")},
        {"gss-spnego over ldap://, the URI's scheme wins",
         forest("servers: [ldap://a]\nauth: {mechanism: gss-spnego}")},
        {"external over a local socket",
         forest("servers: ['ldapi://%2Frun%2Fldapi']\nauth: {mechanism: external}")},
        {"external with a certificate",
         forest("domain: a.b\ntls: {cert_file: /c, key_file: /k}\nauth: {mechanism: external}")},
        {"all that equals a default",
         forest("domain: a.b\nsite: auto") +
             "rules:\n  - name: r\n    match: {in: [domain], keywords: [K]}\n    accounts: "
             "[a@b.c]\n"
             "    trust: {owners: [], first_use: allow}\n    bindings: {allow: [], deny: []}\n"
             "    mode: sync\n    prune: {grace: 1d, confirmations: 1}\n"
             "marker: {owners: []}\nlog: {format: text}\nmetrics: {listen: off, textfile: null}\n"},
    };
    for (const auto& [name, yaml] : rows) {
        CAPTURE(name);
        CHECK(joined(problems_of(yaml)).empty());
    }
}

TEST_CASE("Settings: brackets by the million do not fill memory") {
    // A regression: yaml-cpp made 600 MB of tokens from 4 MiB before the first one could be
    // refused.
    const auto problems = problems_of(std::string(4'000'000, '['));
    REQUIRE(problems.size() == 1);
    CHECK(problems[0] == R"(f: has 4000000 of the characters []{},:"'&*!?: these are no settings)");
}
