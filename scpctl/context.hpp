#pragma once

#include "cycle.hpp"
#include "forest/sessions.hpp"
#include "history/state.hpp"
#include "scpctl/exit.hpp"
#include "scpctl/output.hpp"
#include "scpctl/surroundings.hpp"
#include "settings/settings.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace scp {

/// Flags that every verb takes.
struct GlobalOptions {
    std::string config; ///< -c; empty: not given
    Format format = Format::text;
    ColorWhen color = ColorWhen::automatic;
    bool quiet = false;
    int verbosity = 0;
    std::string history; ///< --history DIR
    bool partial = false;

    std::vector<std::string> servers;
    std::string ca_file;
    bool starttls = false;
    std::string bind_dn;
    std::string password_file;
    std::string mechanism;

    /// Any flag that says how to log in or which CA to believe.
    [[nodiscard]] bool overrides_connection() const {
        return !ca_file.empty() || starttls || !bind_dn.empty() || !password_file.empty() ||
               !mechanism.empty();
    }
};
void declare_global_options(CLI::App& app, GlobalOptions& options);

/// A flag with one value, which must not be empty.
void declare_single(CLI::App& app, const std::string& name, std::string& into,
                    const std::string& help);

/// --rule and the flags of a one-off rule, for verbs that work on rules.
struct RuleOptions {
    std::vector<std::string> names; ///< --rule
    std::vector<std::string> keywords;
    std::vector<std::string> accounts;
    std::vector<std::string> to;
    std::string container;
    bool create_containers = false;
    std::string mode;
    std::vector<std::string> trust_containers;

    /// Any flag of a one-off rule was given.
    [[nodiscard]] bool one_off() const {
        return !keywords.empty() || !accounts.empty() || !to.empty() || !container.empty() ||
               create_containers || !mode.empty() || !trust_containers.empty();
    }
};
void declare_rule_options(CLI::App& app, RuleOptions& options);

/// A one-off rule, named "cli". ErrorKind::usage where a flag makes no sense. Accounts and targets
/// may be empty.
[[nodiscard]] Result<Rule> one_off_rule(const RuleOptions& options);

/// What a verb works with: settings, sessions and output, each made when first asked for.
class Context {
  public:
    Context(const Surroundings& around, GlobalOptions options, Output& out);
    ~Context();
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;

    [[nodiscard]] const Surroundings& around() const { return around_; }
    [[nodiscard]] const GlobalOptions& options() const { return options_; }
    [[nodiscard]] Output& out() const { return out_; }
    [[nodiscard]] std::stop_token stop() const { return around_.stop; }

    /// The file -c names, else $SCPD_CONFIG, else /etc/scpd/scpd.yaml.
    [[nodiscard]] std::filesystem::path settings_file() const;
    /// From the settings file, with the connection flags over it; or from the connection flags
    /// alone, where --server is given and neither -c nor $SCPD_CONFIG. ErrorKind::settings, usage.
    [[nodiscard]] Result<const Settings*> settings();
    /// Those that --rule names, else a one-off rule where its flags are given, else all.
    /// ErrorKind::usage.
    [[nodiscard]] Result<std::vector<Rule>> select_rules(const RuleOptions& options);
    /// Sessions over settings(); nothing is connected yet.
    [[nodiscard]] Result<Sessions*> sessions();
    /// Discovered once. Fails where no forest could be read at all; otherwise what is missing says
    /// so inside.
    [[nodiscard]] Result<const Topology*> topology();
    /// --history DIR, else as default_history_dir() says.
    [[nodiscard]] std::filesystem::path history_dir() const;
    /// This host's pauses and approvals.
    [[nodiscard]] StateFile state_file() const;
    /// Opened once.
    [[nodiscard]] Result<History*> open_history();

    [[nodiscard]] Progress& progress();

  private:
    const Surroundings& around_;
    GlobalOptions options_;
    Output& out_;
    std::optional<Settings> settings_;
    std::unique_ptr<Connector> connector_;
    std::unique_ptr<Sessions> sessions_;
    std::optional<Topology> topology_;
    std::unique_ptr<History> history_;
    std::unique_ptr<Progress> progress_;
};

/// Bytes that may stand in an argument: valid UTF-8 without control characters. `option` is for the
/// message.
[[nodiscard]] Result<void> check_argument(std::string_view option, std::string_view value);

} // namespace scp
