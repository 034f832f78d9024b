#include "base/text.hpp"
#include "report/documents.hpp"
#include "scpctl/context.hpp"
#include "scpctl/verbs.hpp"
#include "settings/load.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace scp {

namespace {

Result<Exit> run_config_check(Context& context) {
    const auto file = context.settings_file();
    const Loaded loaded = load_settings(file);
    Output& out = context.out();
    if (out.structured()) {
        Json document = problems_document(loaded.problems, loaded.warnings);
        document["file"] = json_value(file.string());
        out.document(document);
    } else if (loaded.problems.empty()) {
        out.text(fmt::format("{}: {} ({}, {})\n", printable(file.string()),
                             out.style().green("good"),
                             counted(loaded.settings.forests.size(), "forest"),
                             counted(loaded.settings.rules.size(), "rule")));
        for (const Problem& warning : loaded.warnings)
            out.note(warning.to_string());
    } else {
        for (const Problem& problem : loaded.problems)
            out.text(problem.to_string() + "\n");
    }
    if (!loaded.problems.empty())
        out.note(
            fmt::format("scpctl: {} in the settings", counted(loaded.problems.size(), "problem")));
    return loaded.problems.empty() ? Exit::ok : Exit::usage;
}

RunVerb declare_config_check(CLI::App& app) {
    static_cast<void>(app);
    return run_config_check;
}

} // namespace

Verb config_check_verb() {
    return {.name = "config check",
            .summary = "validates the settings: all problems at once, as file:line:column",
            .description = "Reads the settings file and its drop-ins as scpd would, and shows all "
                           "that is wrong in them. "
                           "Connects nowhere.",
            .exit_status = "0  the settings are good",
            .examples = "scpctl config check\nscpctl -c ./scpd.yaml config check -o json",
            .schema = "scpd.config/1",
            .ldif = false,
            .connects = false,
            .declare = declare_config_check};
}

} // namespace scp
