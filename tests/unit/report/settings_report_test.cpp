#include "report/settings_report.hpp"

#include "settings/load.hpp"

#include <doctest/doctest.h>

using namespace scp;

namespace {

const char* const written = R"(instance: prod
forests:
  - name: corp
    domain: corp.test
    servers: [ldaps://dc1.corp.test]
    auth: { mechanism: gssapi }
rules:
  - name: mage
    match: { keywords: ["no", QmmEx] }
    accounts: ['CORP\svc-mage']
limits: { changes: 7 }
)";

} // namespace

TEST_CASE("config show gives settings that load again to the same") {
    const Loaded first = load_settings_text(written, "scpd.yaml");
    REQUIRE(first.problems.empty());
    const std::string text = settings_text(first.tree, Style{});
    CAPTURE(text);
    const Loaded second = load_settings_text(text, "shown.yaml");
    CHECK(second.problems.empty());
    CHECK(settings_document(first.tree, {}).at("settings") ==
          settings_document(second.tree, {}).at("settings"));
    CHECK(text.find("# scpd.yaml:1") != std::string::npos);
    CHECK(text.find("# default") != std::string::npos);
}

TEST_CASE("config show's document has settings and origins") {
    const Loaded loaded = load_settings_text(written, "scpd.yaml");
    const Json document = settings_document(loaded.tree, loaded.origins);
    CHECK(document.at("schema") == "scpd.config-show/1");
    CHECK(document.at("settings").at("instance") == "prod");
    CHECK(document.at("settings").at("limits").at("changes") == 7);
    CHECK(document.at("origins").at("instance") == "scpd.yaml:1");
}
