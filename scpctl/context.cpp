#include "scpctl/context.hpp"

#include "base/text.hpp"
#include "history/state_dir.hpp"
#include "scpctl/one_off.hpp"
#include "settings/load.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <unistd.h>

#include <algorithm>

namespace scp {

namespace {

constexpr const char* default_settings_file = "/etc/scpd/scpd.yaml";

Error settings_error(const std::vector<Problem>& problems) {
    std::vector<std::string> lines;
    for (const Problem& problem : problems)
        lines.push_back(problem.to_string());
    return {ErrorKind::settings, fmt::format("{}", fmt::join(lines, "\n")),
            "nothing was done; `scpctl config check` checks the settings alone", 0};
}

} // namespace

Context::Context(const Surroundings& around, GlobalOptions options, Output& out)
    : around_(around), options_(std::move(options)), out_(out) {}

Context::~Context() = default;

std::filesystem::path Context::settings_file() const {
    if (!options_.config.empty())
        return options_.config;
    const std::string from_environment = around_.environment("SCPD_CONFIG");
    return from_environment.empty() ? default_settings_file : from_environment;
}

Result<const Settings*> Context::settings() {
    if (settings_)
        return &*settings_;
    const bool named = !options_.config.empty() || !around_.environment("SCPD_CONFIG").empty();
    if (!named && !options_.servers.empty()) {
        auto made = one_off_settings(options_);
        if (!made)
            return fail(made.error());
        settings_ = std::move(*made);
        return &*settings_;
    }
    std::error_code ignored;
    if (!named && !std::filesystem::exists(default_settings_file, ignored))
        return fail(
            ErrorKind::usage,
            fmt::format("there are no settings: {} does not exist", default_settings_file),
            "name a settings file (-c FILE or $SCPD_CONFIG), or a directory: --server ldaps://DC "
            "--bind-dn DN --password-file FILE, or --server … --mech gssapi");
    Loaded loaded = load_settings(settings_file());
    if (!loaded.problems.empty())
        return fail(settings_error(loaded.problems));
    if (auto done = override_connection(loaded.settings, options_); !done)
        return fail(done.error());
    settings_ = std::move(loaded.settings);
    return &*settings_;
}

Result<std::vector<Rule>> Context::select_rules(const RuleOptions& options) {
    const auto all = settings();
    if (!all)
        return fail(all.error());
    if (options.one_off()) {
        if (!options.names.empty())
            return fail(
                ErrorKind::usage,
                "--rule takes a rule of the settings; the other rule flags make one of their own",
                "use either");
        auto rule = one_off_rule(options);
        if (!rule)
            return fail(rule.error());
        return std::vector<Rule>{std::move(*rule)};
    }
    if (options.names.empty())
        return (*all)->rules;

    std::vector<Rule> selected;
    std::vector<std::string> known;
    for (const Rule& rule : (*all)->rules)
        known.push_back(rule.name);
    for (const std::string& name : options.names) {
        const auto found = std::ranges::find_if(
            (*all)->rules, [&](const Rule& rule) { return equal_ascii_nocase(rule.name, name); });
        if (found == (*all)->rules.end()) {
            const std::string near = nearest(name, known);
            return fail(ErrorKind::usage,
                        fmt::format("there is no rule '{}' in the settings", printable(name)),
                        !near.empty()   ? fmt::format("did you mean '{}'?", near)
                        : known.empty() ? "no rules are set"
                                        : fmt::format("there are: {}", fmt::join(known, ", ")));
        }
        const auto same = [&](const Rule& rule) { return rule.name == found->name; };
        if (std::ranges::none_of(selected, same))
            selected.push_back(*found);
    }
    return selected;
}

Result<Sessions*> Context::sessions() {
    if (sessions_)
        return sessions_.get();
    const auto found = settings();
    if (!found)
        return fail(found.error());
    connector_ = around_.make_connector();
    sessions_ = std::make_unique<Sessions>(**found, *connector_, stop());
    return sessions_.get();
}

Result<const Topology*> Context::topology() {
    if (topology_)
        return &*topology_;
    const auto open = sessions();
    if (!open)
        return fail(open.error());
    progress().stage("discovering the forest");
    Topology found = (*open)->discover();
    progress().clear();
    if (stop().stop_requested())
        return fail(ErrorKind::interrupted, "interrupted");
    const auto lost = [](const Forest& forest) {
        return forest.error.has_value() && forest.domains.empty();
    };
    if (!found.forests.empty() && std::ranges::all_of(found.forests, lost))
        return fail(*found.forests.front().error);
    topology_ = std::move(found);
    return &*topology_;
}

std::filesystem::path Context::history_dir() const {
    if (!options_.history.empty())
        return options_.history;
    return default_history_dir(around_.environment, ::geteuid());
}

StateFile Context::state_file() const {
    return StateFile(default_state_file(around_.environment, ::geteuid()));
}

Result<History*> Context::open_history() {
    if (!history_) {
        auto opened = History::open(history_dir());
        if (!opened)
            return fail(opened.error());
        history_ = std::move(*opened);
    }
    return history_.get();
}

Progress& Context::progress() {
    if (!progress_)
        progress_ = std::make_unique<Progress>(around_, out_);
    return *progress_;
}

} // namespace scp
