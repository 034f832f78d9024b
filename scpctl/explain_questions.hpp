#pragma once

#include "forest/sessions.hpp"
#include "observe/observe.hpp"
#include "scpctl/explain.hpp"

#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace scp {

/// One question for each place that the account leads to; of a group or filter, one for each domain
/// that its accounts live in. An account that leads nowhere gives one question that says so.
[[nodiscard]] std::vector<ExplainQuestion>
questions_for(const Topology& topology, const ResolvedAccount& account, const Filter& filter);
/// Nobody says whose agent it is: the same search in every domain.
[[nodiscard]] std::vector<ExplainQuestion> questions_everywhere(const Topology& topology,
                                                                const Filter& filter);

/// Who asks: turns filters into questions. Each account is resolved once.
class Askers {
  public:
    Askers(const Topology& topology, Sessions& sessions)
        : topology_(topology), sessions_(sessions) {}

    /// --account. ErrorKind::usage where one is none.
    Result<void> name(const std::vector<std::string>& accounts);
    /// As each account that was named, else as each of `accounts`.
    void ask(const std::vector<AccountQuery>& accounts, const Filter& filter,
             std::vector<ExplainQuestion>& questions);
    /// --to DOMAIN: as an agent that lives there. ErrorKind::usage where there is no such domain.
    Result<void> ask_in(const std::vector<std::string>& domains, const Filter& filter,
                        std::vector<ExplainQuestion>& questions);
    /// As the accounts named, else as those of the rules whose keywords the filter has, else in
    /// every domain. True: it was asked in every domain.
    bool ask_from_log(std::span<const Rule> rules, const AskedFilter& asked,
                      std::vector<ExplainQuestion>& questions);

  private:
    const Topology& topology_;
    Sessions& sessions_;
    std::vector<AccountQuery> named_;
    std::map<std::pair<std::string, std::string>, ResolvedAccount> resolved_;
};

} // namespace scp
