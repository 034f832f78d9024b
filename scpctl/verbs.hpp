#pragma once

#include "base/result.hpp"
#include "scpctl/exit.hpp"

#include <functional>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace scp {

class Context;

/// Runs a verb whose options have been parsed. An Error is printed by the frame, in text or JSON,
/// and decides the exit code (exit_for); a verb that has printed its document itself returns the
/// code instead.
using RunVerb = std::function<Result<Exit>(Context&)>;

/// One verb of scpctl: a row of the table in verbs.cpp. Two words ("config check") make a group.
struct Verb {
    std::string_view name;
    std::string_view summary;     ///< one line, for `scpctl --help`
    std::string_view description; ///< what it does, for `scpctl VERB --help`
    std::string_view
        exit_status; ///< one code a line, besides 2, 4 and 130: "0  nothing to do\n1  …"
    std::string_view examples;                   ///< command lines, one a line
    std::string_view schema;                     ///< of its JSON document: "scpd.plan/1"
    bool ldif = false;                           ///< -o ldif makes sense
    bool connects = true;                        ///< the connection flags make sense
    RunVerb (*declare)(CLI::App& app) = nullptr; ///< declares its options on `app`
};

/// All verbs, in the order of `scpctl --help`.
[[nodiscard]] const std::vector<Verb>& verbs();

// One a file, verb_NAME.cpp.
[[nodiscard]] Verb preflight_verb();
[[nodiscard]] Verb topology_verb();
[[nodiscard]] Verb list_verb();
[[nodiscard]] Verb show_verb();
[[nodiscard]] Verb diff_verb();
[[nodiscard]] Verb plan_verb();
[[nodiscard]] Verb sync_verb();
[[nodiscard]] Verb create_verb();
[[nodiscard]] Verb delete_verb();
[[nodiscard]] Verb adopt_verb();
[[nodiscard]] Verb release_verb();
[[nodiscard]] Verb explain_verb();
[[nodiscard]] Verb history_verb();
[[nodiscard]] Verb undo_verb();
[[nodiscard]] Verb approve_verb();
[[nodiscard]] Verb pause_verb();
[[nodiscard]] Verb resume_verb();
[[nodiscard]] Verb status_verb();
[[nodiscard]] Verb watch_verb();
[[nodiscard]] Verb resync_verb();
[[nodiscard]] Verb reload_verb();
[[nodiscard]] Verb report_verb();
[[nodiscard]] Verb config_check_verb();
[[nodiscard]] Verb config_show_verb();
[[nodiscard]] Verb config_schema_verb();
[[nodiscard]] Verb completion_verb();

} // namespace scp
