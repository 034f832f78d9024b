/// Writes a man page: `manual TEMPLATE > PAGE`. The template is the page, written by hand; each
/// line of it that is one of `blocks` below is replaced by what the tables of the program say.
#include "base/text.hpp"
#include "daemon/events.hpp"
#include "plan/reason.hpp"
#include "scpctl/command_line.hpp"
#include "settings/schema.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <fstream>
#include <iostream>
#include <map>
#include <set>

using namespace scp;

namespace {

/// The character that begins at `at`, as roff names it, and `at` moved behind it.
std::string roff_character(std::string_view text, std::size_t& at) {
    const auto first = static_cast<unsigned char>(text[at]);
    const std::size_t length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    char32_t c = length == 1 ? first : first & (0xffU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i)
        c = (c << 6U) | (static_cast<unsigned char>(text[at + i]) & 0x3fU);
    at += length;
    return fmt::format("\\[u{:04X}]", static_cast<std::uint32_t>(c));
}

/// Any text as roff prints it literally, on however many lines.
std::string roff(std::string_view text) {
    static const std::map<char, std::string_view> named{
        {'\\', "\\(rs"}, {'-', "\\-"},   {'\'', "\\(aq"}, {'"', "\\(dq"},
        {'^', "\\(ha"},  {'~', "\\(ti"}, {'`', "\\(ga"}};
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        const char c = text[at];
        if (static_cast<unsigned char>(c) >= 0x80) {
            out += roff_character(text, at);
            continue;
        }
        if (c == '.' && (out.empty() || out.back() == '\n'))
            out += "\\&";
        const auto found = named.find(c);
        out += found == named.end() ? std::string(1, c) : std::string(found->second);
        ++at;
    }
    return out;
}

/// The same, an empty line beginning another paragraph.
std::string prose(std::string_view text) {
    std::string out = roff(text);
    for (auto at = out.find("\n\n"); at != std::string::npos; at = out.find("\n\n", at))
        out.replace(at, 2, "\n.PP\n");
    return out;
}

std::string bold(std::string_view text) {
    return "\\fB" + roff(text) + "\\fR";
}

std::string italic(std::string_view text) {
    return "\\fI" + roff(text) + "\\fR";
}

/// An entry of a list: what it is about, then what there is to say.
std::string entry(const std::string& head, const std::string& body) {
    return ".TP\n" + head + "\n" + body + "\n";
}

std::string literal(std::string_view text) {
    return ".PP\n.nf\n.RS\n" + roff(text) + "\n.RE\n.fi\n";
}

std::string option_entry(const CLI::Option& option) {
    const ValueHint hint = value_hint(option);
    std::vector<std::string> names;
    for (const auto& name : option.get_snames())
        names.push_back(bold("-" + name));
    for (const auto& name : option.get_lnames())
        names.push_back(bold("--" + name));
    std::string head = option.get_positional() ? italic(option.get_name(true))
                                               : fmt::format("{}", fmt::join(names, ", "));
    if (!option.get_positional() && takes_value(option))
        head += " " + italic(hint.placeholder);
    std::string meaning = hint.meaning;
    if (option.get_positional() && !hint.choices.empty())
        meaning = fmt::format("{}", fmt::join(hint.choices, ", "));
    return entry(head, meaning.empty()
                           ? fmt::format("One of {}.",
                                         roff(fmt::format("{}", fmt::join(hint.choices, ", "))))
                           : roff(meaning));
}

/// In groups, as --help has them.
std::string options_of(const CLI::App& app) {
    std::string text;
    std::vector<std::string> groups;
    for (const CLI::Option* option : app.get_options())
        if (!option->get_group().empty() &&
            std::ranges::find(groups, option->get_group()) == groups.end())
            groups.push_back(option->get_group());
    for (const std::string& group : groups) {
        if (group != "Options")
            text += ".PP\n" + roff(group) + ":\n";
        for (const CLI::Option* option : app.get_options())
            if (option->get_group() == group)
                text += option_entry(*option);
    }
    return text;
}

std::string global_options() {
    CommandLine line;
    declare_command_line(line);
    return options_of(line.app);
}

/// Options of a one-off rule are the same for several verbs: told once.
bool is_one_off(const CLI::Option& option) {
    return option.get_group().starts_with("A one-off rule");
}

std::string one_off_options() {
    CommandLine line;
    declare_command_line(line);
    std::string text;
    for (const auto& [verb, bound] : line.verbs)
        if (verb->name == "plan")
            for (const CLI::Option* option : bound.first->get_options())
                if (is_one_off(*option))
                    text += option_entry(*option);
    return text;
}

std::string usage_of(const Verb& verb, const CLI::App& app) {
    std::string usage = bold(verb.name);
    for (const CLI::Option* option : app.get_options()) {
        if (!option->get_positional() || option->get_group().empty())
            continue;
        std::string name = option->get_name(true);
        if (option->get_items_expected_max() > 1)
            name += "…";
        usage += " " + italic(option->get_required() ? name : "[" + name + "]");
    }
    return usage;
}

std::string verb_section(const Verb& verb, const CLI::App& app) {
    std::string text =
        ".SS " + fmt::format("\"{}\"", usage_of(verb, app)) + "\n" + prose(verb.description) + "\n";
    bool one_off = false;
    for (const CLI::Option* option : app.get_options()) {
        one_off = one_off || is_one_off(*option);
        if (!option->get_group().empty() && !option->check_lname("help") && !is_one_off(*option))
            text += option_entry(*option);
    }
    if (one_off)
        text += ".PP\nAlso those of a one\\-off rule, above.\n";
    text += ".PP\nExit status besides 2, 4 and 130:\n" + literal(verb.exit_status);
    text += ".PP\nExamples:\n" + literal(verb.examples);
    if (verb.schema != "scpd.error/1")
        text += ".PP\n\\fB\\-o json\\fR: " + bold(verb.schema) +
                (verb.ldif ? ". \\fB\\-o ldif\\fR too.\n" : ".\n");
    return text;
}

std::string verb_sections() {
    CommandLine line;
    declare_command_line(line);
    std::string text;
    for (const auto& [verb, bound] : line.verbs)
        text += verb_section(*verb, *bound.first);
    return text;
}

std::string reasons() {
    std::string text;
    for (const Reason reason : all_reasons())
        text += entry(bold(to_string(reason)), roff(explain(reason)));
    return text;
}

std::string type_of(const KeyDoc& key) {
    std::vector<std::string> ways;
    const auto single = [&]() -> std::string {
        switch (key.type) {
        case ValueType::integer:
            return fmt::format("whole number, {} to {}", key.min, key.max);
        case ValueType::boolean:
            return "true or false";
        case ValueType::duration:
            return "duration";
        case ValueType::choice:
            return fmt::format("{}", fmt::join(key.choices, ", "));
        case ValueType::text:
            break;
        }
        return key.choices.empty() ? "text"
                                   : fmt::format("{}, or text", fmt::join(key.choices, ", "));
    };
    const bool has_items = find_key(key.path + "[]") != nullptr;
    if ((key.shapes & value_shape) != 0)
        ways.push_back(single());
    if ((key.shapes & list_shape) != 0)
        ways.push_back(has_items || (key.shapes & value_shape) != 0 ? "list"
                                                                    : "list of: " + single());
    if ((key.shapes & map_shape) != 0)
        ways.emplace_back("map");
    return fmt::format("{}", fmt::join(ways, "; or "));
}

std::string settings() {
    std::string text;
    for (const KeyDoc& key : settings_keys()) {
        if (key.path.empty())
            continue;
        if (key.path.find_first_of(".[") == std::string::npos)
            text += ".SS " + roff(key.path) + "\n";
        std::string facts = roff(type_of(key));
        if (key.required)
            facts += "; required";
        if (!key.preset.empty())
            facts += "; default: " + roff(key.preset);
        text += entry(bold(key.path), "(" + facts + ")\n.br\n" + roff(key.doc));
    }
    return text;
}

std::string messages() {
    std::string text;
    for (const EventDoc& event : all_events())
        text += entry(bold(event.subject), roff(event.cause) + "\n.br\n" + roff(event.remedy) +
                                               "\n.br\nMESSAGE_ID=" + roff(event.id));
    return text;
}

const std::map<std::string_view, std::string (*)()> blocks{
    {"@OPTIONS@", global_options}, {"@ONE_OFF@", one_off_options}, {"@VERBS@", verb_sections},
    {"@REASONS@", reasons},        {"@SETTINGS@", settings},       {"@MESSAGES@", messages},
};

} // namespace

int main(int argc, char** argv) {
    std::ifstream page(argc == 2 ? argv[1] : "");
    if (!page) {
        std::cerr << "usage: manual TEMPLATE\n";
        return 2;
    }
    std::cout << ".\\\" Made from " << std::filesystem::path(argv[1]).filename().string()
              << " and the tables of the program: edit those.\n";
    for (std::string line; std::getline(page, line);) {
        if (const auto block = blocks.find(line); block != blocks.end()) {
            std::cout << block->second();
            continue;
        }
        if (const auto at = line.find("@VERSION@"); at != std::string::npos)
            line.replace(at, 9, SCP_VERSION);
        std::cout << line << '\n';
    }
    return std::cout.flush() ? 0 : 1;
}
