#include "scpctl/completion.hpp"
#include "scpctl/context.hpp"
#include "scpctl/verbs.hpp"
#include "settings/load.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace scp {

namespace {

struct CompletionOptions {
    std::string shell;
    std::vector<std::string> words;
};

std::string one_line(std::string text) {
    std::ranges::replace_if(
        text, [](char c) { return c == '\n' || c == '\t'; }, ' ');
    return text;
}

std::string words_text(const Completions& found) {
    std::string text;
    for (const auto& [word, meaning] : found.candidates)
        text += meaning.empty() ? word + "\n" : fmt::format("{}\t{}\n", word, one_line(meaning));
    if (found.files)
        text += ":files\n";
    if (found.directories)
        text += ":directories\n";
    return text;
}

Result<Exit> run_completion(Context& context, const CompletionOptions& options) {
    std::string text;
    if (options.shell == "words") {
        const auto rules = [&](const std::string& config) {
            const Loaded loaded = load_settings(config.empty() ? context.settings_file()
                                                               : std::filesystem::path(config));
            std::vector<std::string> names;
            if (loaded.problems.empty())
                for (const Rule& rule : loaded.settings.rules)
                    names.push_back(rule.name);
            return names;
        };
        text = words_text(complete(options.words, rules));
    } else {
        text = completion_script(options.shell);
        if (text.empty() || !options.words.empty())
            return fail(ErrorKind::usage, "one shell is wanted: bash, zsh or fish",
                        "scpctl completion bash");
    }
    if (context.out().structured())
        context.out().document({{"schema", "scpd.completion/1"}, {"text", text}});
    else
        context.out().text(text);
    return Exit::ok;
}

RunVerb declare_completion(CLI::App& app) {
    auto options = std::make_shared<CompletionOptions>();
    app.add_option("SHELL", options->shell, "bash | zsh | fish")->required()->type_name("");
    app.add_option("WORD", options->words, "")->type_name("")->group("");
    return [options](Context& context) { return run_completion(context, *options); };
}

} // namespace

Verb completion_verb() {
    return {.name = "completion",
            .summary = "the script by which bash, zsh or fish completes scpctl's words",
            .description =
                "Prints a script for the shell; packages install it where shells look for it. It "
                "completes verbs, options,\ntheir values, and the names of the rules in the "
                "settings. The script asks: scpctl completion words -- WORD…",
            .exit_status = "0  printed",
            .examples =
                "scpctl completion bash > ~/.local/share/bash-completion/completions/scpctl\n"
                "scpctl completion zsh > ~/.zfunc/_scpctl\n"
                "scpctl completion fish > ~/.config/fish/completions/scpctl.fish",
            .schema = "scpd.completion/1",
            .ldif = false,
            .connects = false,
            .declare = declare_completion};
}

} // namespace scp
