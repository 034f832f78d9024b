#include "base/text.hpp"
#include "history/history.hpp"
#include "report/html_report.hpp"
#include "scpctl/files.hpp"
#include "scpctl/listing.hpp"
#include "scpctl/planning.hpp"
#include "scpctl/verbs.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace scp {

namespace {

struct ReportOptions {
    RuleOptions rules;
    std::string file;
};

std::vector<Error> faults_of(const Planned& planned) {
    std::vector<Error> faults;
    for (const auto* error : {&planned.incomplete, &planned.report.error,
                              &planned.report.state_error, &planned.report.past_error})
        if (*error)
            faults.push_back(**error);
    return faults;
}

Result<Exit> run_report(Context& context, const ReportOptions& options) {
    auto rules = rules_to_plan(context, options.rules);
    if (!rules)
        return fail(rules.error());
    CycleOptions cycle;
    cycle.rules = *rules;
    const auto planned = run_planned(context, std::move(cycle));
    if (!planned)
        return fail(planned.error());
    if (context.stop().stop_requested())
        return Exit::interrupted;

    const CycleReport& seen = planned->report;
    HtmlReport report{
        .cycle = seen,
        .rules = *rules,
        .scps = listed_scps(
            {(*context.sessions())->settings(), *rules, seen.topology, seen.observation}),
        .writes = {},
        .instance = planned->instance,
        .at = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()),
        .faults = faults_of(*planned)};
    if (auto history = read_history(context.history_dir())) {
        report.writes = std::move(history->records);
        std::ranges::copy(history->unreadable, std::back_inserter(report.faults));
    } else {
        report.faults.push_back(history.error());
    }
    if (auto written = write_file(options.file, html_report(report)); !written)
        return fail(written.error());

    Output& out = context.out();
    if (out.structured()) {
        Json document{{"schema", "scpd.report/1"},
                      {"file", json_value(options.file)},
                      {"complete", !planned->incomplete}};
        if (planned->incomplete)
            document["error"] = error_json(*planned->incomplete);
        out.document(document);
    } else {
        out.note(fmt::format("scpctl: {} written", printable(options.file)));
    }
    return exit_of_read(context, planned->incomplete, Exit::ok);
}

RunVerb declare_report(CLI::App& app) {
    auto options = std::make_shared<ReportOptions>();
    declare_rule_options(app, options->rules);
    declare_single(app, "--html", options->file, "FILE: the page to write; replaced as a whole");
    app.get_option("--html")->required();
    return [options](Context& context) { return run_report(context, *options); };
}

} // namespace

Verb report_verb() {
    return {.name = "report",
            .summary = "one HTML page: what is mirrored where, what is held and why",
            .description =
                "Reads all domains that the rules need, and writes one self-contained HTML page: "
                "what is mirrored where, what is\nheld and why, domains, rules, and the recent "
                "writes of this host. It loads nothing and runs nothing, so it can be\nmailed or "
                "put on any web server; it names accounts, servers and bindings. Nothing else is "
                "written.",
            .exit_status = "0  written, also where something is held or due\n"
                           "With 4 the page is written too, and says what is missing.",
            .examples = "scpctl report --html scpd.html\n"
                        "scpctl report --rule mage --html /var/www/html/scpd.html",
            .schema = "scpd.report/1",
            .ldif = false,
            .declare = declare_report};
}

} // namespace scp
