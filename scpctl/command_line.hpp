#pragma once

#include "scpctl/context.hpp"
#include "scpctl/verbs.hpp"

#include <CLI/CLI.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace scp {

/// The program's command line: options, verbs, and what each verb's options are bound to.
struct CommandLine {
    CLI::App app{"scpctl mirrors AD serviceConnectionPoints into the domains of agents' accounts."};
    GlobalOptions options;
    std::vector<std::pair<const Verb*, std::pair<CLI::App*, RunVerb>>> verbs;

    struct Chosen {
        const Verb* verb = nullptr;
        CLI::App* app = nullptr;
        RunVerb run;
    };
    [[nodiscard]] Chosen chosen() const; ///< what was parsed
};

/// Once for each CommandLine.
void declare_command_line(CommandLine& line);

/// What an option or argument takes, as its help says before the colon: `FILE: settings`,
/// `auto | always | never`. The help is for people; completion and the manual go by it too.
struct ValueHint {
    std::string placeholder;          ///< FILE; "auto|always|never"; empty for a flag
    std::vector<std::string> choices; ///< where only these are accepted
    std::string meaning;              ///< the help without the placeholder
};
[[nodiscard]] ValueHint value_hint(const CLI::Option& option);
/// An option that the word after it belongs to.
[[nodiscard]] bool takes_value(const CLI::Option& option);

} // namespace scp
