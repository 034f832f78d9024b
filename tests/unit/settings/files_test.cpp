#include "rows.hpp"

#include "settings/tree.hpp"
#include "support/temporary_folder.hpp"

#include <filesystem>

#include <sys/stat.h>
#include <unistd.h>

using namespace scp;
using namespace scp::settings_test;
namespace fs = std::filesystem;

namespace {

class Folder : public test::TemporaryFolder {
  public:
    [[nodiscard]] Loaded load() const { return load_settings(*this / "scpd.yaml"); }
    /// Without the folder's own path.
    [[nodiscard]] std::string problems() const {
        std::string out;
        for (const auto& problem : load().problems)
            out += problem.to_string() + "\n";
        const auto prefix = path().string() + "/";
        for (auto at = out.find(prefix); at != std::string::npos; at = out.find(prefix))
            out.erase(at, prefix.size());
        return out;
    }
};

} // namespace

TEST_CASE("Settings: a file that cannot be read") {
    const Folder folder;
    SUBCASE("none there") {
        CHECK(folder.problems() == "scpd.yaml: cannot be opened: No such file or directory\n");
    }
    SUBCASE("a folder in its place") {
        fs::create_directory(folder / "scpd.yaml");
        CHECK(folder.problems() == "scpd.yaml: is a folder, not a file\n");
    }
    SUBCASE("a FIFO that nobody writes to") {
        REQUIRE(mkfifo((folder / "scpd.yaml").c_str(), 0600) == 0);
        CHECK(folder.problems() == "scpd.yaml: is not a regular file\n");
    }
    SUBCASE("a link to itself") {
        fs::create_symlink("scpd.yaml", folder / "scpd.yaml");
        CHECK(folder.problems() ==
              "scpd.yaml: cannot be opened: Too many levels of symbolic links\n");
    }
    SUBCASE("more than 4 MiB") {
        folder.write("scpd.yaml", with("") + std::string(4U << 20U, '#'));
        CHECK(folder.problems() == "scpd.yaml: is larger than 4 MiB: these are no settings\n");
    }
    SUBCASE("empty") {
        folder.write("scpd.yaml", "");
        CHECK(folder.problems() == "scpd.yaml: is empty\n");
    }
    SUBCASE("not ours to read") {
        folder.write("scpd.yaml", with(""));
        fs::permissions(folder / "scpd.yaml", fs::perms::none);
        if (geteuid() != 0)
            CHECK(folder.problems() == "scpd.yaml: cannot be opened: Permission denied\n");
        else
            CHECK(folder.problems() == ""); // root reads all
    }
}

TEST_CASE("Settings: drop-ins that cannot be read are problems, not silence") {
    const Folder folder;
    folder.write("scpd.yaml", with(""));
    SUBCASE("no folder") {
        CHECK(folder.problems() == "");
    }
    SUBCASE("a file in the folder's place") {
        folder.write("scpd.d", "");
        CHECK(folder.problems() == "scpd.d: cannot be read: Not a directory\n");
    }
    SUBCASE("a dangling link") {
        fs::create_directory(folder / "scpd.d");
        fs::create_symlink("nowhere", folder / "scpd.d/a.yaml");
        CHECK(folder.problems() == "scpd.d/a.yaml: cannot be opened: No such file or directory\n");
    }
    SUBCASE("another spelling of the name") {
        folder.write("scpd.d/a.yml", "limits: {changes: 1}\n");
        CHECK(folder.problems() == "scpd.d/a.yml: is not read: drop-ins are named *.yaml\n");
    }
    SUBCASE("others' files are nothing to us") {
        folder.write("scpd.d/README", "[");
        folder.write("scpd.d/a.yaml.dpkg-old", "[");
        folder.write("scpd.d/.a.yaml.swp", "[");
        folder.write("scpd.d/.hidden.yaml", "[");
        CHECK(folder.problems() == "");
    }
    SUBCASE("only comments") {
        folder.write("scpd.d/a.yaml", "# nothing yet\n");
        CHECK(folder.problems() == "");
    }
    SUBCASE("empty") {
        folder.write("scpd.d/a.yaml", "");
        CHECK(folder.problems() == "scpd.d/a.yaml: is empty; remove it if it is not needed\n");
    }
    SUBCASE("problems of all files at once, in their order") {
        folder.write("scpd.yaml", with("limits: {changes: x}"));
        folder.write("scpd.d/b.yaml", "daemon: {worker: 1}\n");
        folder.write("scpd.d/a.yaml", "- 1\n");
        CHECK(folder.problems() ==
              "scpd.yaml:3:19: limits.changes: a whole number is expected, not \"x\"\n"
              "scpd.d/a.yaml:1:1: settings are a map of keys (key: value), and this is not\n"
              "scpd.d/b.yaml:1:10: daemon.worker: unknown key \"worker\"; did you mean "
              "\"workers\"?\n");
    }
    SUBCASE("a line break in the file's name stays in its line") {
        folder.write("scpd.d/a\nb.yaml", "");
        CHECK(folder.problems() ==
              "scpd.d/a\\x0ab.yaml: is empty; remove it if it is not needed\n");
    }
}

TEST_CASE("Settings: drop-ins are merged in the order of their names") {
    const Folder folder;
    folder.write("scpd.yaml", R"(instance: prod
forests:
  - name: corp
    domain: corp.test
    auth: { keytab: /k, principal: p }
    domains: { emea.corp.test: { tls: { mode: starttls } } }
    tls: { ca_file: /ca }
rules:
  - name: Mage
    match: { keywords: [K, L] }
    accounts: [a@corp.test]
    targets: { exclude: [x.corp.test] }
  - name: other
    match: { keywords: [O] }
    accounts: [a@corp.test]
daemon: { workers: 2, resync: 1h }
log: { level: debug }
)");
    folder.write("scpd.d/10-first.yaml", R"(rules:
  - name: mage
    match: { keywords: [M] }
    mode: observe
  - name: third
    match: { keywords: [T] }
    accounts: [b@corp.test]
daemon: { workers: 3 }
log: { level: ~ }
)");
    folder.write("scpd.d/20-second.yaml", R"(forests:
  - name: CORP
    domains: { EMEA.corp.test: { servers: [ldaps://e] } }
daemon: { workers: 4 }
rules:
)");
    const auto loaded = folder.load();
    REQUIRE(folder.problems() == "");
    const auto& s = loaded.settings;
    REQUIRE(s.rules.size() == 3);
    CHECK(s.rules[0].name == "mage");
    CHECK(s.rules[0].keywords == std::vector<std::string>{"M"});
    CHECK(s.rules[0].mode == Mode::observe);
    CHECK(s.rules[0].target_exclude == std::vector{DomainName("x.corp.test")});
    CHECK(s.rules[1].name == "other");
    CHECK(s.rules[2].name == "third");
    CHECK(s.daemon.workers == 4);
    CHECK(s.daemon.resync == std::chrono::hours(1));
    CHECK(s.log.level == "info");
    REQUIRE(s.forests.size() == 1);
    REQUIRE(s.forests[0].domains.size() == 1);
    const auto& emea = s.forests[0].domains.at(DomainName("emea.corp.test"));
    CHECK(emea.servers.size() == 1);
    REQUIRE(emea.tls.has_value());
    CHECK(emea.tls->mode == TlsSettings::Mode::starttls);
    CHECK(emea.tls->ca_file == "/ca"); // the forest's
    CHECK_FALSE(emea.auth.has_value());

    const auto at = [&](const std::string& name, int line) {
        return (folder / name).string() + ":" + std::to_string(line);
    };
    CHECK(loaded.origins.at("rules[mage].match.keywords") == at("scpd.d/10-first.yaml", 3));
    CHECK(loaded.origins.at("rules[mage].targets.exclude") == at("scpd.yaml", 12));
    CHECK(loaded.origins.at("daemon.workers") == at("scpd.d/20-second.yaml", 4));
    CHECK(loaded.origins.at("daemon.resync") == at("scpd.yaml", 16));
    CHECK(loaded.origins.at("forests[CORP].domains[emea.corp.test].tls.ca_file") ==
          at("scpd.yaml", 7)); // the forest's
    CHECK(loaded.origins.at("rules[other].name") == at("scpd.yaml", 13));
    CHECK_FALSE(loaded.origins.contains("log.level"));
    CHECK_FALSE(loaded.origins.contains("rules"));
}

TEST_CASE("Settings: null in a drop-in") {
    const Folder folder;
    folder.write("scpd.yaml", R"(instance: prod
forests:
  - name: corp
    domain: corp.test
    servers: [ldaps://a]
    global_catalog: [ldaps://a:3269]
rules:
  - name: r
    match: { keywords: [K], name: x }
    accounts: [a@corp.test]
    attributes: [vendor]
    trust: { owners: [S-1-5-32-544], exclude: [] }
    on_conflict: { prefer: [corp.test] }
daemon: { workers: 2 }
)");
    const auto with_null = [&](const std::string& text) {
        folder.write("scpd.d/a.yaml", text);
        REQUIRE(folder.problems() == "");
        return folder.load();
    };
    const auto in_rule = [&](const std::string& text) {
        return with_null("rules: [{name: r, " + text + "}]\n").settings.rules.at(0);
    };
    const auto in_forest = [&](const std::string& text) {
        return with_null("forests: [{name: corp, " + text + "}]\n").settings.forests.at(0);
    };
    SUBCASE("takes a value or a list back to its default") {
        CHECK(in_rule("match: {name: ~}").name_glob == "*");
        CHECK(in_rule("attributes: ~").attributes == default_attributes());
        CHECK(in_rule("trust: {owners: ~}").trust_owners.empty());
        CHECK(in_rule("trust: {exclude: ~}").trust_exclude == default_trust_exclude());
        CHECK(in_rule("on_conflict: ~").prefer.empty());
        CHECK(in_forest("servers: ~").servers.empty());
        CHECK(in_forest("global_catalog: ~").global_catalog.servers.empty());
    }
    SUBCASE("says nothing of what lies below a map, or of forests and rules") {
        for (const auto* text :
             {"daemon:\n", "forests:\n", "rules:\n", "rules: [{name: r, trust: ~, match: ~}]\n"}) {
            CAPTURE(text);
            const auto loaded = with_null(text);
            CHECK(loaded.settings.daemon.workers == 2);
            CHECK(loaded.settings.forests.at(0).servers.size() == 1);
            CHECK(loaded.settings.rules.at(0).trust_owners.size() == 1);
            CHECK(loaded.settings.rules.at(0).keywords == std::vector<std::string>{"K"});
        }
    }
    SUBCASE("of what is required is missed") {
        folder.write("scpd.d/a.yaml", "rules: [{name: r, match: {keywords: ~}}]\n");
        CHECK(folder.problems() != "");
    }
}

TEST_CASE("Settings: the tree has all values, the defaults too") {
    const auto loaded = load_settings_text(rule("") + "daemon: {workers: 2}\n", "f");
    REQUIRE(loaded.problems.empty());
    const auto* daemon = loaded.tree.find("daemon");
    REQUIRE(daemon != nullptr);
    CHECK(daemon->find("workers")->kind == SettingsTree::Kind::integer);
    CHECK(daemon->find("workers")->text == "2");
    CHECK(daemon->find("poll")->text == "30s");
    CHECK(daemon->find("poll")->place == TextPlace{});
    const auto& r = loaded.tree.find("rules")->children.at(0);
    CHECK(r.find("targets")->find("create_containers")->kind == SettingsTree::Kind::boolean);
    CHECK(r.find("attributes")->children.size() == default_attributes().size());
    CHECK(r.find("trust")->find("exclude")->children.size() == 2);
    CHECK(loaded.tree.find("log")->find("level")->text == "info");
    CHECK(loaded.tree.find("metrics")->find("textfile") == nullptr);
}

TEST_CASE("Settings: auth of a domain is its own once it has a mechanism") {
    const auto load = [](const std::string& auth) {
        auto loaded =
            load_settings_text(forest("domain: corp.test\nauth: {keytab: /k, principal: p}\n"
                                      "domains: {a.corp.test: {auth: " +
                                      auth + "}}"),
                               "f");
        REQUIRE(loaded.problems.empty());
        return loaded.settings.forests.at(0).domains.at(DomainName("a.corp.test")).auth.value();
    };
    CHECK(load("{keytab: /other}").principal == "p");
    CHECK(load("{keytab: /other}").keytab == "/other");
    CHECK(load("{mechanism: gssapi}").keytab.empty());
    CHECK(load("{mechanism: anonymous}").mechanism == AuthSettings::Mechanism::anonymous);
}
