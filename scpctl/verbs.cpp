#include "scpctl/verbs.hpp"

namespace scp {

const std::vector<Verb>& verbs() {
    static const std::vector<Verb> table{
        preflight_verb(),     topology_verb(),   list_verb(),         show_verb(),
        diff_verb(),          plan_verb(),       sync_verb(),         approve_verb(),
        pause_verb(),         resume_verb(),     create_verb(),       delete_verb(),
        adopt_verb(),         release_verb(),    explain_verb(),      history_verb(),
        undo_verb(),          status_verb(),     watch_verb(),        resync_verb(),
        reload_verb(),        report_verb(),     config_check_verb(), config_show_verb(),
        config_schema_verb(), completion_verb(),
    };
    return table;
}

} // namespace scp
