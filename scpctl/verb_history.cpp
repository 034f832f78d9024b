#include "base/text.hpp"
#include "history/history.hpp"
#include "report/history_report.hpp"
#include "scpctl/context.hpp"
#include "scpctl/history_listing.hpp"
#include "scpctl/verbs.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace scp {

namespace {

/// A time, a day, or a duration back from now.
Result<Timestamp> parse_since(const std::string& text) {
    if (const auto time = parse_rfc3339(text))
        return *time;
    if (const auto day = parse_rfc3339(text + "T00:00:00Z"))
        return *day;
    if (const auto ago = parse_duration(text))
        return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now() - *ago);
    return fail(ErrorKind::usage, fmt::format("--since {}: this is no time", printable(text)),
                "2026-11-22T17:35:00Z, 2026-11-22, or how long ago: 30s, 15m, 24h, 7d");
}

Result<Exit> run_history(Context& context, const std::string& since) {
    std::optional<Timestamp> from;
    if (!since.empty()) {
        const auto time = parse_since(since);
        if (!time)
            return fail(time.error());
        from = *time;
    }
    auto listing = read_history(context.history_dir());
    if (!listing)
        return fail(listing.error());
    if (from)
        std::erase_if(listing->records,
                      [&](const HistoryRecord& record) { return record.at < *from; });

    Output& out = context.out();
    if (out.structured()) {
        Json document = history_document(listing->records);
        if (!listing->unreadable.empty())
            document["error"] = error_json(listing->unreadable.front());
        out.document(document);
    } else if (out.format() == Format::ldif) {
        out.text(history_ldif(listing->records));
    } else {
        out.text(history_text(listing->records, out.style()));
        if (listing->records.empty())
            out.note("scpctl: no writes in " + printable(context.history_dir().string()) +
                     (from ? " since " + to_rfc3339(*from) : ""));
    }
    tell_of_faults(context, *listing);
    return listing->unreadable.empty() ? Exit::ok : Exit::usage;
}

RunVerb declare_history(CLI::App& app) {
    auto since = std::make_shared<std::string>();
    declare_single(app, "--since", *since, "T: a time, a day, or how long ago (24h, 7d)");
    return [since](Context& context) { return run_history(context, *since); };
}

} // namespace

void tell_of_faults(Context& context, const HistoryListing& listing) {
    for (const std::string& problem : listing.problems)
        context.out().note("scpctl: " + problem);
    for (const Error& error : listing.unreadable)
        context.out().error(error);
}

Verb history_verb() {
    return {.name = "history",
            .summary = "the writes of scpd and scpctl, each with what was there before",
            .description =
                "Shows the writes that are in the history of this host, oldest first, each with "
                "its ID: what it changed, who\nmade it, how it ended, and what took it back. "
                "Reads files alone: no directory is asked. Files of all writers are read; nothing "
                "in\nthe history is ever "
                "deleted by scpd.",
            .exit_status = "0  shown, also where there is none\n"
                           "A file that cannot be read is named, and makes it 2; the others are "
                           "shown.",
            .examples = "scpctl history --since 24h\nscpctl history -o ldif",
            .schema = "scpd.history/1",
            .ldif = true,
            .declare = declare_history};
}

} // namespace scp
