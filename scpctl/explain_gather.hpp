#pragma once

#include "forest/sessions.hpp"
#include "scpctl/explain.hpp"

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace scp {

/// One question for each place that the account leads to; of a group or filter, one for each domain
/// that its accounts live in. An account that leads nowhere gives one question that says so.
[[nodiscard]] std::vector<ExplainQuestion>
questions_for(const Topology& topology, const ResolvedAccount& account, const Filter& filter);
/// Nobody says whose agent it is: the same search in every domain.
[[nodiscard]] std::vector<ExplainQuestion> questions_everywhere(const Topology& topology,
                                                                const Filter& filter);

struct ExplainInput {
    std::vector<ExplainQuestion> questions;
    std::optional<AuthSettings>
        agent; ///< --agent-…: the agent's own search is made under this account
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
