#include "rows.hpp"

using namespace scp;
using namespace scp::settings_test;

namespace {

/// A rule that looks for sources where `in` says, and this in it from line 7 on.
std::string looks_in(const std::string& in, const std::string& body) {
    return head + one_forest + "rules:\n  - name: r\n    match: {keywords: [K], in: " + in +
           "}\n    accounts: [a@corp.test]\n" + indented(body);
}

Rule loaded_rule(const std::string& yaml) {
    const auto loaded = load_settings_text(yaml, "f");
    REQUIRE(joined(problems_of(yaml)) == "");
    return loaded.settings.rules.at(0);
}

std::vector<std::string> texts(const std::vector<Dn>& dns) {
    std::vector<std::string> out;
    for (const auto& dn : dns)
        out.push_back(dn.text());
    return out;
}

using Texts = std::vector<std::string>;

} // namespace

TEST_CASE("Configuration NC: what settings say of it") {
    check_rows({
        {"a source's place is the whole NC",
         rule(R"(trust: {containers: ["configuration:"]})"),
         {R"(f:7:26: rules[r].trust.containers[#1]: "configuration:" would mean the whole Configuration NC; name a container, such as configuration:CN=Services)"}},
        {"and without a colon",
         rule(R"(trust: {containers: [configuration]})"),
         {R"(f:7:26: rules[r].trust.containers[#1]: "configuration" would mean the whole Configuration NC; name a container, such as configuration:CN=Services)"}},
        {"a place is no DN",
         rule(R"(trust: {exclude: ["configuration:Services"]})"),
         {"f:7:23: rules[r].trust.exclude[#1]: not a distinguished name: \"Services\": character "
          "9: an "
          "attribute type and '=' are expected"}},
        {"a place with the NC's own name",
         rule(R"(trust: {containers: ["configuration:CN=Services,CN=Configuration"]})"),
         {R"(f:7:26: rules[r].trust.containers[#1]: "configuration:CN=Services,CN=Configuration" is relative to the Configuration NC: leave off CN=Configuration,DC=…)"}},
        {"copies: with the domain's part",
         rule(R"(targets: {container: "Configuration:CN=x,DC=corp,DC=test"})"),
         {R"(f:7:26: rules[r].targets.container: "Configuration:CN=x,DC=corp,DC=test" is relative to the Configuration NC: leave off CN=Configuration,DC=…)"}},
        {"copies: the whole NC",
         rule(R"(targets: {container: "configuration:"})"),
         {R"(f:7:26: rules[r].targets.container: "configuration:" would mean the whole Configuration NC; name a container, such as configuration:CN=Services)"}},
        {"same, and sources that no domain has a place for",
         looks_in("[configuration]", "targets: {container: same}"),
         {"f:7:26: rules[r].targets.container: same has no meaning for sources in the "
          "Configuration NC: no domain has their place; name a container, or configuration:RDN"}},
        {"sources there, but no place is believed",
         looks_in("[domain, configuration]", "trust: {containers: [CN=System]}"),
         {"f:7:25: rules[r].trust.containers: none is in the Configuration NC, where match.in "
          "looks for sources: add configuration:CN=Services, or what is narrower"}},
        {"good",
         looks_in("[configuration]", R"(trust: {containers: ["configuration:CN=a,CN=Services"]})"),
         {}},
    });
}

TEST_CASE("Configuration NC: what rules become") {
    const Rule none = loaded_rule(rule(""));
    CHECK(none.in_domains);
    CHECK_FALSE(none.in_configuration);
    CHECK(none.configuration_containers.empty());
    CHECK_FALSE(uses_configuration(none));

    struct Row {
        std::string name, yaml;
        bool in_domains, in_configuration;
        Texts places, exclude;
    };
    const std::vector<Row> rows{
        {"only there", looks_in("[configuration]", ""), false, true, {"CN=Services"}, {}},
        {"both", looks_in("[domain, configuration]", ""), true, true, {"CN=Services"}, {}},
        {"an empty trust",
         looks_in("[configuration]", "trust: {}"),
         false,
         true,
         {"CN=Services"},
         {}},
        {"places of its own",
         looks_in("[configuration]", "trust: {containers: ['CONFIGURATION:CN=a,CN=Services'], "
                                     "exclude: ['configuration:CN=b,CN=a,CN=Services']}"),
         false,
         true,
         {"CN=a,CN=Services"},
         {"CN=b,CN=a,CN=Services"}},
        {"copies there",
         rule("targets: {container: configuration}"),
         true,
         false,
         {"CN=Services"},
         {}},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const Rule rule = loaded_rule(row.yaml);
        CHECK(rule.in_domains == row.in_domains);
        CHECK(rule.in_configuration == row.in_configuration);
        CHECK(texts(rule.configuration_containers) == row.places);
        CHECK(texts(rule.configuration_exclude) == row.exclude);
        CHECK(uses_configuration(rule));
    }
}

TEST_CASE("Configuration NC: where copies go, and the warning") {
    struct Row {
        std::string container, relative;
    };
    for (const auto& row :
         {Row{"configuration", "CN=scpd,CN=Services"}, Row{"Configuration", "CN=scpd,CN=Services"},
          Row{"configuration:CN=x,CN=Services", "CN=x,CN=Services"}}) {
        CAPTURE(row.container);
        const auto yaml = rule("targets: {container: \"" + row.container + "\"}");
        const Rule made = loaded_rule(yaml);
        CHECK(made.container.kind == TargetContainer::Kind::configuration);
        CHECK(made.container.relative.text() == row.relative);
        const auto warnings = load_settings_text(yaml, "f").warnings;
        REQUIRE(warnings.size() == 1);
        CHECK(warnings[0].to_string() ==
              std::string("f:7:26: rules[r].targets.container: warning: ") +
                  configuration_copies_warning);
    }
    CHECK(load_settings_text(looks_in("[configuration]", ""), "f").warnings.empty());
}

TEST_CASE("Configuration NC: the default of trust.containers is shown as it is in force") {
    const auto loaded = load_settings_text(looks_in("[configuration]", ""), "f");
    const auto* const containers =
        loaded.tree.find("rules")->children.at(0).find("trust")->find("containers");
    REQUIRE(containers->children.size() == 2);
    CHECK(containers->children[0].text == "CN=System");
    CHECK(containers->children[1].text == "configuration:CN=Services");
    CHECK_FALSE(loaded.origins.contains("rules[r].trust.containers"));
}
