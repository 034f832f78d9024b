#pragma once

#include "forest/sessions.hpp"
#include "scpctl/explain.hpp"

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace scp {

struct ExplainInput {
    std::vector<ExplainQuestion> questions;
    std::optional<AuthSettings>
        agent; ///< --agent-…: the agent's own search is made under this account
    std::optional<CopyWish> wish;        ///< see ExplainFacts
    std::vector<std::string> connection; ///< see ExplainFacts
    std::string log_file;
    std::function<void(const std::string&)>
        progress; ///< one short line as each stage begins; may be null
};

/// All the I/O of explain: the agents' searches, each forest's global catalog, what comes near in
/// every domain (all domains at once), and where rules of the settings lead. Never fails as a
/// whole; in the order of the questions.
[[nodiscard]] std::vector<ExplainFacts> gather_facts(const Topology& topology, Sessions& sessions,
                                                     const ExplainInput& input);

} // namespace scp
