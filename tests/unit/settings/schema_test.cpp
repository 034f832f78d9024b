#include "rows.hpp"

#include "settings/schema.hpp"

#include <fstream>
#include <set>
#include <sstream>

using namespace scp;
using namespace scp::settings_test;

namespace {

std::string read(const std::string& name) {
    std::ifstream file(std::string(SCP_TEST_DIR) + "/../config/" + name);
    REQUIRE(file.good());
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

bool is_example(const std::string& line) {
    return line.starts_with('#') && !line.starts_with("##") &&
           !line.starts_with("# yaml-language-server:");
}

/// The file once for each block of examples, with the examples of that block in force. Comments
/// (##) do not end a block.
std::vector<std::string> with_each_block(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);)
        lines.push_back(line);
    std::vector<std::string> files;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        if (!is_example(lines[i]))
            continue;
        auto copy = lines;
        for (; i < lines.size() && lines[i].starts_with('#'); ++i)
            if (is_example(lines[i]))
                copy[i].erase(0, 1);
        std::string file;
        for (const auto& line : copy)
            file += line + "\n";
        files.push_back(file);
    }
    return files;
}

/// rules[mage].match.keywords → rules[].match.keywords
std::string table_path(std::string path) {
    // forests and rules are lists of named things; domains is a map
    const auto generalise = [&](std::string_view key, std::string_view brackets) {
        const auto at = path.find(key);
        const auto end = path.find(']', at);
        if (at != std::string::npos && end != std::string::npos)
            path.replace(at + key.size() - 1, end - at - key.size() + 2, brackets);
    };
    generalise("forests[", "[]");
    generalise("rules[", "[]");
    generalise("domains[", ".*");
    return path;
}

std::string settings_of_each_type() {
    return rule("") + "limits: {changes: 1}\n";
}

} // namespace

TEST_CASE("The shipped settings load, as they are and with each of their examples") {
    const auto text = read("scpd.yaml");
    CHECK(joined(problems_of(text)).empty());
    std::set<std::string> shown;
    const auto files = with_each_block(text);
    CHECK(files.size() >= 14);
    for (const auto& file : files) {
        const auto loaded = load_settings_text(file, "f");
        CAPTURE(file);
        for (const auto& problem : loaded.problems)
            CHECK(problem.to_string() == "");
        for (const auto& [path, origin] : loaded.origins)
            shown.insert(table_path(path));
    }
    // Every key that works is shown to the operator; the overrides of a domain have those of the
    // forest.
    for (const auto& key : settings_keys()) {
        const bool is_inner = (key.shapes & map_shape) != 0 ||
                              key.path.find("[]") == key.path.size() - 2 ||
                              key.path.starts_with("forests[].domains.*.") ||
                              key.path.ends_with("]") || key.path.starts_with("rules[].accounts[]");
        const bool has_doc_only = key.path == "forests" || key.path == "rules" ||
                                  key.path == "rules[].on_conflict.prefer";
        if (is_inner || has_doc_only || key.path.empty())
            continue;
        CAPTURE(key.path);
        CHECK(shown.contains(key.path));
    }
}

TEST_CASE("The profile of the migration agent loads") {
    const auto loaded = load_settings_text(read("examples/migration-agent.yaml"), "f");
    CHECK(loaded.problems.empty());
    REQUIRE(loaded.settings.rules.size() == 1);
    CHECK(loaded.settings.rules[0].keywords ==
          std::vector<std::string>{"77F6F69F-AD86-437c-B47E-9A2F161E7E61", "QmmEx"});
}

TEST_CASE("The table of keys is sound") {
    std::set<std::string> paths;
    for (const auto& key : settings_keys()) {
        CAPTURE(key.path);
        CHECK(paths.insert(key.path).second);
        CHECK_FALSE(key.doc.empty());
        CHECK(find_key(key.path) == &key);
        if (key.path.find('.') != std::string::npos)
            CHECK(find_key(key.path.substr(0, key.path.rfind('.'))) != nullptr);
        if (key.type == ValueType::choice)
            CHECK_FALSE(key.choices.empty());
        if (key.type == ValueType::integer || key.type == ValueType::duration)
            CHECK(key.min < key.max);
    }
    CHECK(find_key("rules[].nothing") == nullptr);
    CHECK(keys_below("nowhere").empty());
}

TEST_CASE("The defaults of the table are those of the types") {
    const auto loaded = load_settings_text(settings_of_each_type(), "f");
    REQUIRE(loaded.problems.empty());
    const auto& given = loaded.settings;
    const Settings types;
    const Rule rule_type;
    const auto& r = given.rules.at(0);
    CHECK(given.forests.at(0).tls == TlsSettings{});
    CHECK(given.forests.at(0).auth == AuthSettings{});
    CHECK(given.forests.at(0).timeouts == Timeouts{});
    CHECK(given.forests.at(0).site == SiteSettings{});
    CHECK(given.forests.at(0).global_catalog.mode == GlobalCatalogSettings::Mode::automatic);
    CHECK(r.name_glob == rule_type.name_glob);
    CHECK(r.mode == rule_type.mode);
    CHECK(r.prune_grace == rule_type.prune_grace);
    CHECK(r.prune_confirmations == rule_type.prune_confirmations);
    CHECK(r.create_containers == rule_type.create_containers);
    CHECK(r.container.kind == rule_type.container.kind);
    CHECK(r.container.relative == default_container());
    CHECK(r.trust_containers == default_trust_containers());
    CHECK(r.trust_exclude == default_trust_exclude());
    CHECK(r.attributes == default_attributes());
    CHECK(given.daemon.resync == types.daemon.resync);
    CHECK(given.daemon.debounce == types.daemon.debounce);
    CHECK(given.daemon.max_wait == types.daemon.max_wait);
    CHECK(given.daemon.watch == types.daemon.watch);
    CHECK(given.daemon.poll == types.daemon.poll);
    CHECK(given.daemon.workers == types.daemon.workers);
    CHECK(given.marker_attribute == types.marker_attribute);
    CHECK(given.log.level == types.log.level);
    CHECK(given.log.target == types.log.target);
    CHECK(load_settings_text(with(""), "f").settings.limits.changes == types.limits.changes);
}

TEST_CASE("Modes have names") {
    for (const auto mode : {Mode::observe, Mode::create_only, Mode::upsert, Mode::sync})
        CHECK(parse_mode(to_string(mode)) == mode);
    CHECK_FALSE(parse_mode("Upsert").has_value());
    CHECK_FALSE(parse_mode("").has_value());
}
