#include "scpctl/verbs.hpp"

namespace scp {

const std::vector<Verb>& verbs() {
    static const std::vector<Verb> table{
        plan_verb(),
        diff_verb(),
        sync_verb(),
        config_check_verb(),
    };
    return table;
}

} // namespace scp
