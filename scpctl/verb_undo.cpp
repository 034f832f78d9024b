#include "apply/undo.hpp"
#include "base/text.hpp"
#include "report/text.hpp"
#include "scpctl/history_listing.hpp"
#include "scpctl/lookup.hpp"
#include "scpctl/verbs.hpp"
#include "scpctl/writing.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <ostream>

namespace scp {

namespace {

struct UndoOptions {
    std::vector<std::string> ids;
    bool yes = false;
};

/// The records of those IDs, newest first, so that of several writes to one object each finds what
/// the one before it left.
Result<std::vector<HistoryRecord>> records_of(const std::vector<std::string>& ids,
                                              const HistoryListing& listing,
                                              const std::filesystem::path& dir) {
    for (const std::string& id : ids) {
        if (std::ranges::find(listing.records, id, &HistoryRecord::id) != listing.records.end())
            continue;
        if (!listing.unreadable.empty())
            return fail(listing.unreadable.front());
        return fail(
            ErrorKind::not_found,
            fmt::format("there is no write {} in {}", printable(id), printable(dir.string())),
            "scpctl history lists them; each host keeps its own");
    }
    std::vector<HistoryRecord> records;
    for (auto record = listing.records.rbegin(); record != listing.records.rend(); ++record)
        if (std::ranges::find(ids, record->id) != ids.end())
            records.push_back(*record);
    return records;
}

/// The domain as the settings have it now: its forest may have got another name since.
Result<const Domain*> domain_of(const HistoryRecord& record, const Topology& topology) {
    const Domain* domain = topology.find(record.change.forest, record.change.domain);
    if (domain == nullptr) {
        auto found = find_domain(topology, record.change.domain.text());
        if (!found)
            return fail(found.error());
        domain = *found;
    }
    if (domain->error)
        return fail(*domain->error);
    return domain;
}

/// From the server that the undo will be written to.
Result<std::optional<ObjectNow>> look_at(const HistoryRecord& record, const Domain& domain,
                                         Sessions& sessions) {
    const bool pinned = record.change.op == Op::create || record.change.op == Op::remove;
    const auto session = pinned ? sessions.writer(domain.forest, domain.name)
                                : sessions.reader(domain.forest, domain.name);
    if (!session)
        return fail(session.error());
    Search search;
    search.base = object_of(record);
    search.scope = Scope::base;
    search.attributes = {"*", "entryUUID"};
    Found found = (*session)->search(search);
    if (found.incomplete)
        return fail(*found.incomplete);
    if (found.entries.empty())
        return std::nullopt;
    Entry& entry = found.entries.front();
    return ObjectNow{entry.dn, std::move(entry.attributes)};
}

/// The rule would not make again at once what an undo deletes.
/// Where it is not known what is paused, nothing is.
bool rule_rests(const std::string& name, const Settings& settings, const StateFile& file) {
    if (const auto state = file.read();
        state && (find_pause(*state, "") != nullptr || find_pause(*state, name) != nullptr))
        return true;
    const auto rule = std::ranges::find_if(
        settings.rules, [&](const Rule& one) { return equal_ascii_nocase(one.name, name); });
    return rule == settings.rules.end() || rule->mode == Mode::observe;
}

class Undoing {
  public:
    Undoing(Context& context, const Topology& topology, bool ask)
        : context_(context), topology_(topology), ask_(ask) {}

    Result<Exit> run(const std::vector<HistoryRecord>& records) {
        for (const HistoryRecord& record : records) {
            if (context_.stop().stop_requested() || unwritable_)
                break;
            if (auto done = undo(record); !done)
                write_.errors.push_back(done.error());
        }
        const Exit code = close_by_hand(context_, report_, write_, false, "");
        if (unwritable_)
            return Exit::write_failed;
        return declined_ ? more_urgent(code, Exit::held) : code;
    }

  private:
    Result<void> undo(const HistoryRecord& record) {
        const auto domain = domain_of(record, topology_);
        if (!domain)
            return fail(domain.error());
        Sessions& sessions = **context_.sessions();
        const auto now = look_at(record, **domain, sessions);
        if (!now)
            return fail(now.error());
        const Settings& settings = sessions.settings();
        HandVerdict verdict = undo_of(
            record, *now,
            {now_to_the_second(), rule_rests(record.change.rule, settings, context_.state_file()),
             settings.marker_attribute});
        if (verdict.change)
            verdict.change->forest = (*domain)->forest;
        if (!verdict.change || verdict.change->op != Op::create) {
            write(std::move(verdict));
            return {};
        }
        auto planned = plan_creation(context_, topology_, std::move(*verdict.change));
        if (!planned)
            return fail(planned.error());
        HandVerdict created;
        if (!planned->changes.empty())
            created.change = std::move(planned->changes.front());
        if (!planned->held.empty())
            created.held = std::move(planned->held.front());
        if (!planned->already.empty())
            created.already = std::move(planned->already.front());
        write(std::move(created));
        return {};
    }

    void write(HandVerdict verdict) {
        if (verdict.held)
            report_.held.push_back(std::move(*verdict.held));
        if (!verdict.already.empty())
            write_.already.push_back(verdict.already);
        if (!verdict.change)
            return;
        if (ask_ && !agreed(*verdict.change)) {
            declined_ = true;
            write_.already.push_back(printable(verdict.change->dn.text()) + " was left as it is");
            return;
        }
        if (const auto error = write_by_hand(context_, topology_, {*verdict.change}, report_)) {
            write_.errors.push_back(*error);
            unwritable_ = true;
        }
        report_.writes.push_back(std::move(*verdict.change));
    }

    [[nodiscard]] bool agreed(const Change& change) const {
        context_.progress().clear();
        context_.around().err << change_text(change, {}, context_.out().style_for_errors())
                              << "Write it? [y/N] " << std::flush;
        const std::string answer = lower_ascii(context_.around().read_answer());
        return answer == "y" || answer == "yes";
    }

    Context& context_;
    const Topology& topology_;
    bool ask_;
    bool declined_ = false;
    bool unwritable_ = false;
    HandWrite write_;
    WriteReport report_;
};

Result<Exit> run_undo(Context& context, const UndoOptions& options) {
    const bool may_ask = context.around().in_is_terminal && context.around().err_is_terminal;
    if (!options.yes && !may_ask)
        return fail(ErrorKind::usage, "undo writes: there is no terminal to ask on",
                    "--yes to go ahead; scpctl history shows what there is to undo");
    const auto settings = context.settings();
    if (!settings)
        return fail(settings.error());
    const auto listing = read_history(context.history_dir());
    if (!listing)
        return fail(listing.error());
    tell_of_faults(context, *listing);
    const auto records = records_of(options.ids, *listing, context.history_dir());
    if (!records)
        return fail(records.error());
    const auto topology = context.topology();
    if (!topology)
        return fail(topology.error());
    return Undoing(context, **topology, !options.yes).run(*records);
}

RunVerb declare_undo(CLI::App& app) {
    auto options = std::make_shared<UndoOptions>();
    app.add_option("ID", options->ids, "of the writes, as scpctl history shows them")
        ->required()
        ->type_name("");
    app.add_flag("-y,--yes", options->yes, "do not ask");
    return [options](Context& context) { return run_undo(context, *options); };
}

} // namespace

Verb undo_verb() {
    return {.name = "undo",
            .summary = "takes writes of the history back",
            .description =
                "Puts back what was there before a write, if the object has not changed since; "
                "several writes, newest first. An\nundone update or rename parks the copy: scpd "
                "lets it be until scpctl resume DN. An undone mark is taken back. An\nundone "
                "create is a delete, and needs the rule paused, in mode observe or not in the "
                "settings, or it would be made\nagain. An undone delete creates the object again, "
                "with its marker but for a retire mark. An undo is a write\nlike any other: it is "
                "in the history, and can be undone, which takes off the parking too.",
            .exit_status = "0  undone, or there is nothing to undo\n1  there is no such write in "
                           "the history\n3  refused: changed since, or the rule would make it "
                           "again\n5  a write failed",
            .examples = "scpctl undo 20261122T173500Z-4711-0badcafe-1\n"
                        "scpctl undo --yes 20261122T173500Z-4711-0badcafe-2",
            .schema = "scpd.write/1",
            .declare = declare_undo};
}

} // namespace scp
