#include "base/text.hpp"
#include "report/events.hpp"
#include "scpctl/daemon.hpp"
#include "scpctl/verbs.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <ostream>

namespace scp {

namespace {

struct WatchOptions {
    std::size_t count = 0; ///< 0: without end
};

/// One event as the format has it: a line of text or JSON, or a YAML document.
void print_event(Output& out, const Json& event) {
    switch (out.format()) {
    case Format::json:
        return out.text(to_json_line(event));
    case Format::yaml:
        return out.text("---\n" + to_yaml_text(event));
    case Format::text:
    case Format::ldif:
        break;
    }
    out.text(event_text(event, out.style()));
}

Result<Exit> run_watch(Context& context, const WatchOptions& options) {
    const auto daemon = context.around().find_daemon();
    if (!daemon)
        return fail(daemon.error());
    // Whoever may not read would wait for ever: the bus does not tell who may not hear signals.
    const auto status = read_status(**daemon);
    if (!status)
        return fail(status.error());
    Output& out = context.out();
    std::size_t seen = 0;
    std::ostream& stream = context.around().out;
    const auto followed = (*daemon)->follow(
        {.on_ready =
             [&] {
                 out.note(fmt::format("scpctl: watching scpd, which is {}; Ctrl-C ends it",
                                      printable(status->value("state", "of another version"))));
             },
         .on_event =
             [&](const std::string& text) {
                 const Json event = Json::parse(text, nullptr, false);
                 if (!event.is_object())
                     return true;
                 print_event(out, event);
                 stream.flush();
                 return stream.good() && ++seen != options.count;
             },
         .on_turn =
             [&](bool back) {
                 out.note(back ? "scpctl: scpd is there again"
                               : "scpctl: scpd has ended; waiting for it to come back");
             }});
    if (!followed && followed.error().kind == ErrorKind::interrupted)
        return Exit::interrupted;
    if (!followed)
        return fail(followed.error());
    return Exit::ok;
}

RunVerb declare_watch(CLI::App& app) {
    auto options = std::make_shared<WatchOptions>();
    app.add_option("--count", options->count, "N: end after so many events")
        ->check(CLI::PositiveNumber)
        ->type_name("");
    return [options](Context& context) { return run_watch(context, *options); };
}

} // namespace

Verb watch_verb() {
    return {.name = "watch",
            .summary = "follows live what scpd writes, holds, loses and finds again",
            .description = "A line for each event, as scpd tells of it over D-Bus (root, or the "
                           "group scpd); with -o json one\nscpd.event/1 a line. It goes on while "
                           "scpd is restarted, until Ctrl-C.",
            .exit_status = "0  --count events were seen, or the reader of the output has gone\n"
                           "4  scpd does not run here, or does not let you read",
            .examples = "scpctl watch\nscpctl watch -o json | jq -r 'select(.kind == \"held\").dn'",
            .schema = "scpd.event/1",
            .connects = false,
            .declare = declare_watch};
}

} // namespace scp
