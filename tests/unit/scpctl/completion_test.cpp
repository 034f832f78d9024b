#include "scpctl/completion.hpp"

#include "scpctl/command_line.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace scp;

namespace {

std::vector<std::string> rules_of(const std::string& config) {
    if (config.empty())
        return {"mage", "magic", "other"};
    return {"of " + config};
}

std::vector<std::string> words_for(const std::vector<std::string>& typed) {
    const Completions found = complete(typed, rules_of);
    std::vector<std::string> words;
    for (const auto& candidate : found.candidates)
        words.push_back(candidate.word);
    if (found.files)
        words.emplace_back(":files");
    if (found.directories)
        words.emplace_back(":directories");
    return words;
}

} // namespace

TEST_CASE("completion: what may stand next") {
    struct Row {
        const char* name;
        std::vector<std::string> typed;
        std::vector<std::string> words;
    };
    using Words = std::vector<std::string>;
    const std::vector<Row> rows{
        {"a verb", {"pre"}, {"preflight"}},
        {"verbs of a group", {"config", ""}, {"check", "show", "schema"}},
        {"a verb behind options", {"-c", "f", "-q", "--partial", "topo"}, {"topology"}},
        {"an option's value is no verb", {"--history", "plan", "topo"}, {"topology"}},
        {"an option of the verb", {"sync", "--dry"}, {"--dry-run"}},
        {"an option of all verbs", {"sync", "--his"}, {"--history"}},
        {"given once", {"sync", "--yes", "--ye"}, {}},
        {"given often", {"sync", "--keyword", "a", "--keyw"}, {"--keyword"}},
        {"choices", {"sync", "--mode", ""}, {"observe", "create-only", "upsert", "sync"}},
        {"choices with a remark", {"topology", "--format", ""}, {"text", "dot"}},
        {"choices with a meaning", {"preflight", "--grant", "d"}, {"dsacls"}},
        {"as one word", {"sync", "--mode=u"}, {"--mode=upsert"}},
        {"as bash cuts it", {"sync", "--mode", "=", "u"}, {"upsert"}},
        {"cut behind the sign",
         {"sync", "--mode", "=", ""},
         {"observe", "create-only", "upsert", "sync"}},
        {"cut at the sign", {"sync", "--mode", "="}, {"observe", "create-only", "upsert", "sync"}},
        {"a cut value is no argument", {"sync", "--rule", "=", "mage", "--dry"}, {"--dry-run"}},
        {"rules", {"plan", "--rule", "mag"}, {"mage", "magic"}},
        {"rules of other settings", {"-c", "x.yaml", "plan", "--rule", ""}, {"of x.yaml"}},
        {"attached", {"-cx.yaml", "plan", "--rule", ""}, {"of x.yaml"}},
        {"with a sign", {"--config=x.yaml", "plan", "--rule", ""}, {"of x.yaml"}},
        {"a rule as argument", {"pause", "o"}, {"other"}},
        {"one argument is enough", {"pause", "mage", ""}, {}},
        {"a reason is no rule", {"pause", "--reason", ""}, {}},
        {"to resume", {"resume", "o"}, {"other"}},
        {"files", {"-c", ""}, {":files"}},
        {"directories", {"--history", ""}, {":directories"}},
        {"shells", {"completion", ""}, {"bash", "zsh", "fish"}},
        {"behind --", {"pause", "--", "--dry"}, {}},
        {"no option of this name", {"sync", "--nope=a"}, {}},
        {"nothing typed", {}, words_for({""})},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        CHECK(words_for(row.typed) == row.words);
    }
    const Words verbs_found = words_for({""});
    for (const Verb& verb : verbs())
        CHECK(std::ranges::find(verbs_found, verb.name.substr(0, verb.name.find(' '))) !=
              verbs_found.end());
}

TEST_CASE("every option that takes a value says what, before the colon of its help") {
    CommandLine line;
    declare_command_line(line);
    const auto look = [](const CLI::App& app) {
        for (const CLI::Option* option : app.get_options()) {
            if (!takes_value(*option) || option->get_positional())
                continue;
            CAPTURE(app.get_name());
            CAPTURE(option->get_name());
            CHECK(value_hint(*option).placeholder != "VALUE");
        }
    };
    look(line.app);
    for (const auto& [verb, bound] : line.verbs)
        look(*bound.first);
}

TEST_CASE("a script for each of three shells") {
    for (const char* shell : {"bash", "zsh", "fish"})
        CHECK(completion_script(shell).find("completion words -- ") != std::string_view::npos);
    CHECK(completion_script("tcsh").empty());
    CHECK(completion_script("").empty());
}
