#include "scpctl/program.hpp"

#include "base/text.hpp"
#include "scpctl/command_line.hpp"
#include "scpctl/context.hpp"
#include "scpctl/verbs.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ostream>

namespace scp {

namespace {

std::string indented(std::string_view text) {
    std::string out = "  ";
    for (const char c : text) {
        out += c;
        if (c == '\n')
            out += "  ";
    }
    return out;
}

std::string footer_of(const Verb& verb) {
    return fmt::format(
        "\nEXIT STATUS\n{}\n  2  wrong arguments or settings\n"
        "  4  a needed directory could not be reached, refused us, or was read incompletely\n"
        "  130  interrupted\n\nEXAMPLES\n{}\n\nOptions of all verbs: scpctl --help",
        indented(verb.exit_status), indented(verb.examples));
}

/// The format that the arguments ask for, also where they cannot be parsed: an error is to be in
/// that format.
Format wanted_format(const std::vector<std::string>& arguments) {
    Format format = Format::text;
    const auto take = [&](std::string_view text) {
        format = text == "json" ? Format::json : text == "yaml" ? Format::yaml : Format::text;
    };
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string_view argument = arguments[i];
        if (argument == "--")
            break;
        if ((argument == "-o" || argument == "--output") && i + 1 < arguments.size())
            take(arguments[i + 1]);
        else if (argument.starts_with("--output="))
            take(argument.substr(9));
        else if (argument.starts_with("-o") && argument.size() > 2)
            take(argument.substr(argument[2] == '=' ? 3 : 2));
    }
    return format;
}

int report_failure(Output& out, const Error& error, std::string_view schema) {
    if (out.structured())
        out.document({{"schema", std::string(schema)}, {"error", error_json(error)}});
    out.error(error);
    return static_cast<int>(exit_for(error));
}

std::vector<std::string> option_names(const CLI::App& app) {
    std::vector<std::string> names;
    for (const CLI::Option* option : app.get_options())
        for (const std::string& name : option->get_lnames())
            names.push_back("--" + name);
    return names;
}

Error unknown_verb(const std::string& word) {
    std::vector<std::string> names;
    for (const Verb& verb : verbs())
        names.emplace_back(verb.name);
    const std::string near = nearest(word, names);
    return {ErrorKind::usage, fmt::format("there is no verb '{}'", printable(word)),
            near.empty() ? "scpctl --help lists all verbs"
                         : fmt::format("did you mean '{}'?", near),
            0};
}

/// What was left over after parsing, as an error.
std::optional<Error> leftover(const CommandLine& line) {
    auto rest = line.app.remaining(true);
    std::erase(rest, "--"); // done its duty: what follows it are arguments
    const auto chosen = line.chosen();
    const auto is_option = [](const std::string& word) {
        return word.size() > 1 && word.front() == '-';
    };
    const auto option = std::ranges::find_if(rest, is_option);
    const auto word = std::ranges::find_if_not(rest, is_option);
    if (chosen.verb == nullptr && word != rest.end()) {
        for (const CLI::App* group : line.app.get_subcommands())
            return unknown_verb(group->get_name() + " " + *word);
        return unknown_verb(*word);
    }
    if (option != rest.end()) {
        std::vector<std::string> names = option_names(line.app);
        if (chosen.app != nullptr)
            std::ranges::copy(option_names(*chosen.app), std::back_inserter(names));
        const std::string near = nearest(option->substr(0, option->find('=')), names);
        return Error{
            ErrorKind::usage,
            fmt::format("there is no option {}{}", printable(*option),
                        chosen.verb == nullptr ? "" : fmt::format(" of {}", chosen.verb->name)),
            near.empty() ? "--help lists the options" : fmt::format("did you mean {}?", near), 0};
    }
    if (!rest.empty())
        return Error{
            ErrorKind::usage,
            fmt::format("{}: unexpected argument '{}'", chosen.verb->name, printable(rest.front())),
            fmt::format("scpctl {} --help", chosen.verb->name), 0};
    return std::nullopt;
}

std::string help_text(const CommandLine& line) {
    const auto chosen = line.chosen();
    if (chosen.verb != nullptr) {
        chosen.app->description(std::string(chosen.verb->description) + "\n");
        chosen.app->footer(footer_of(*chosen.verb));
        std::string prefix = "scpctl";
        if (const auto blank = chosen.verb->name.find(' '); blank != std::string_view::npos)
            prefix += " " + std::string(chosen.verb->name.substr(0, blank));
        return chosen.app->help(prefix);
    }
    for (const CLI::App* group : line.app.get_subcommands())
        return group->help("scpctl");
    return line.app.help();
}

int run_chosen(const CommandLine& line, const Surroundings& around) {
    const auto chosen = line.chosen();
    const GlobalOptions& options = line.options;
    Output out(around, options.format, options.color, options.quiet, options.verbosity);
    if (chosen.verb == nullptr) {
        around.err << help_text(line);
        return report_failure(out, {ErrorKind::usage, "no verb was given", "scpctl plan --help", 0},
                              "scpd.error/1");
    }
    if (options.format == Format::ldif && !chosen.verb->ldif)
        return report_failure(out,
                              {ErrorKind::usage, fmt::format("{} has no LDIF", chosen.verb->name),
                               "-o text, json or yaml", 0},
                              chosen.verb->schema);
    if (!chosen.verb->connects && (options.overrides_connection() || !options.servers.empty()))
        return report_failure(out,
                              {ErrorKind::usage,
                               fmt::format("{} looks at the settings alone: --server, --ca-file, "
                                           "--starttls, --bind-dn, --password-file and --mech "
                                           "change nothing there",
                                           chosen.verb->name),
                               "leave them away", 0},
                              chosen.verb->schema);
    Context context(around, options, out);
    Result<Exit> result = [&]() -> Result<Exit> {
        try {
            return chosen.run(context);
        } catch (const std::exception& error) {
            return fail(ErrorKind::internal,
                        fmt::format("{}: {}", chosen.verb->name, printable(error.what())),
                        "this is a bug of scpctl: please report it");
        }
    }();
    context.progress().clear();
    int code = result ? static_cast<int>(*result)
                      : report_failure(out, result.error(), chosen.verb->schema);
    errno = 0;
    around.out.flush();
    if (!around.out && errno != EPIPE) { // whoever closed a pipe knows that he did
        out.error({ErrorKind::io, "the result could not be written to standard output",
                   "is the disk full?", 0});
        code = static_cast<int>(more_urgent(static_cast<Exit>(code), Exit::usage));
    }
    return code;
}

} // namespace

int run_scpctl(const std::vector<std::string>& arguments, const Surroundings& around) {
    CommandLine line;
    declare_command_line(line);
    const auto refuse = [&](const Error& error) {
        const auto chosen = line.chosen();
        Output out(around, wanted_format(arguments), line.options.color, false, 0);
        return report_failure(out, error,
                              chosen.verb == nullptr ? "scpd.error/1" : chosen.verb->schema);
    };
    try {
        line.app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    } catch (const CLI::CallForHelp&) {
        around.out << help_text(line) << std::flush;
        return 0;
    } catch (const CLI::CallForVersion& version) {
        around.out << version.what() << std::endl;
        return 0;
    } catch (const CLI::ParseError& error) {
        const auto chosen = line.chosen();
        return refuse({ErrorKind::usage, printable(error.what()),
                       chosen.verb == nullptr ? "scpctl --help"
                                              : fmt::format("scpctl {} --help", chosen.verb->name),
                       0});
    }
    if (const auto error = leftover(line))
        return refuse(*error);
    return run_chosen(line, around);
}

} // namespace scp
