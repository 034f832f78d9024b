#include "base/text.hpp"
#include "report/settings_report.hpp"
#include "scpctl/context.hpp"
#include "scpctl/verbs.hpp"
#include "settings/load.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace scp {

namespace {

Result<Exit> run_config_show(Context& context) {
    const Loaded loaded = load_settings(context.settings_file());
    if (!loaded.problems.empty()) {
        std::vector<std::string> lines;
        for (const Problem& problem : loaded.problems)
            lines.push_back(problem.to_string());
        return fail(ErrorKind::settings, fmt::format("{}", fmt::join(lines, "\n")),
                    "correct the settings first");
    }
    Output& out = context.out();
    if (out.structured())
        out.document(settings_document(loaded.tree, loaded.origins));
    else
        out.text(settings_text(loaded.tree, out.style()));
    return Exit::ok;
}

RunVerb declare_config_show(CLI::App& app) {
    static_cast<void>(app);
    return run_config_show;
}

} // namespace

Verb config_show_verb() {
    return {.name = "config show",
            .summary = "the settings in force, each value with its file and line",
            .description =
                "Shows the settings as scpd would use them: the file, its drop-ins over it, and "
                "the defaults, as YAML, with\nthe origin of each value behind it.",
            .exit_status = "0  shown",
            .examples = "scpctl config show\nscpctl -c ./scpd.yaml config show -o json",
            .schema = "scpd.config-show/1",
            .ldif = false,
            .connects = false,
            .declare = declare_config_show};
}

} // namespace scp
