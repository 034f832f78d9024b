#include "scpctl/command_line.hpp"

#include <algorithm>
#include <map>

namespace scp {

namespace {

bool is_word(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
}

bool is_placeholder(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= 'A' && c <= 'Z') || c == '|' || c == '=';
    });
}

/// "text | dot" → both; nothing where it is no such list.
std::vector<std::string> choices_of(std::string_view text) {
    std::vector<std::string> words;
    while (true) {
        const auto bar = text.find(" | ");
        const auto word = text.substr(0, bar);
        if (!is_word(word))
            return {};
        words.emplace_back(word);
        if (bar == std::string_view::npos)
            break;
        text.remove_prefix(bar + 3);
    }
    return words.size() > 1 ? words : std::vector<std::string>{};
}

} // namespace

CommandLine::Chosen CommandLine::chosen() const {
    for (const auto& [verb, bound] : verbs)
        if (bound.first->parsed())
            return {verb, bound.first, bound.second};
    return {};
}

void declare_command_line(CommandLine& line) {
    line.app.name("scpctl");
    line.app.set_help_flag("-h,--help", "this help, or that of a verb");
    line.app.set_version_flag("--version", "scpctl " SCP_VERSION, "name and version");
    line.app.get_formatter()->column_width(34);
    line.app.allow_extras();
    line.app.require_subcommand(0, 1);
    line.app.footer(
        "\nscpctl VERB --help says what a verb does, with its exit status and examples.");
    declare_global_options(line.app, line.options);

    std::map<std::string_view, CLI::App*> groups;
    for (const Verb& verb : verbs()) {
        CLI::App* parent = &line.app;
        std::string_view name = verb.name;
        if (const auto blank = name.find(' '); blank != std::string_view::npos) {
            auto& group = groups[name.substr(0, blank)];
            if (group == nullptr) {
                group = line.app.add_subcommand(std::string(name.substr(0, blank)), "the settings");
                group->require_subcommand(0, 1);
                group->fallthrough();
            }
            parent = group;
            name.remove_prefix(blank + 1);
        }
        CLI::App* app = parent->add_subcommand(std::string(name), std::string(verb.summary));
        app->fallthrough();
        line.verbs.push_back({&verb, {app, verb.declare(*app)}});
    }
}

bool takes_value(const CLI::Option& option) {
    return option.get_items_expected_max() > 0;
}

ValueHint value_hint(const CLI::Option& option) {
    const std::string& help = option.get_description();
    if (!takes_value(option))
        return {"", {}, help};
    const auto end = std::min({help.find(": "), help.find(" ("), help.size()});
    std::string head = help.substr(0, end);
    std::string rest = end == help.size() ? "" : help.substr(end + (help[end] == ':' ? 2 : 1));
    if (auto choices = choices_of(head); !choices.empty()) {
        std::erase(head, ' ');
        return {std::move(head), std::move(choices), std::move(rest)};
    }
    if (help[end] == ':' && is_placeholder(head))
        return {std::move(head), {}, std::move(rest)};
    return {option.get_positional() ? option.get_name(true) : "VALUE", {}, help};
}

} // namespace scp
