#include "scpctl/needed.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

namespace scp {

namespace {

/// An account that was not found may live in any domain of its forest, or of all; members of a
/// group may live in other forests than the group.
bool may_live_in(const ResolvedAccount& account, const std::string& forest) {
    return !account.unresolved.empty() &&
           (account.query.forest.empty() || account.query.forest == forest ||
            account.query.kind == AccountQuery::Kind::group);
}

bool needs_forest(const RuleView& view, const std::string& forest, const PlanInput& input) {
    const auto& unknown = view.unknown_trusted;
    if (std::ranges::any_of(unknown,
                            [&](const DomainRef& domain) { return domain.forest == forest; }))
        return true;
    // A domain that no forest shows may be one of a forest that could not be read.
    const auto unnamed = [](const DomainRef& domain) { return domain.forest.empty(); };
    if (std::ranges::any_of(unknown, unnamed) || !view.unknown_targets.empty())
        return true;
    return std::ranges::any_of(input.observation.accounts, [&](const ResolvedAccount& account) {
        return account.rule == view.rule->name && may_live_in(account, forest);
    });
}

} // namespace

std::set<DomainRef> needed_domains(const PlanInput& input) {
    std::set<DomainRef> needed;
    for (const Rule& rule : input.rules) {
        const RuleView view = view_rule(rule, input);
        needed.insert(view.targets.begin(), view.targets.end());
        needed.insert(view.trusted.begin(), view.trusted.end());
        for (const ResolvedAccount& account : input.observation.accounts)
            for (const DomainView& domain : input.observation.domains)
                if (account.rule == rule.name && may_live_in(account, domain.forest))
                    needed.insert(ref(domain));
    }
    return needed;
}

std::optional<Error> incomplete_among(const std::set<DomainRef>& domains,
                                      const Observation& observation) {
    std::vector<std::string> names;
    Error cause{ErrorKind::incomplete, "", "", 0};
    for (const DomainView& view : observation.domains) {
        if (view.complete() || !domains.contains(ref(view)))
            continue;
        if (names.empty())
            cause = *view.incomplete;
        names.push_back(view.domain.text());
    }
    if (names.empty())
        return std::nullopt;
    cause.message =
        fmt::format("not read to the end: {}: {}", fmt::join(names, ", "), cause.message);
    if (cause.hint.empty())
        cause.hint = "nothing was concluded from what is absent there; --partial accepts it";
    return cause;
}

std::optional<Error> needed_but_incomplete(const PlanInput& input) {
    for (const Rule& rule : input.rules) {
        const RuleView view = view_rule(rule, input);
        for (const Forest& forest : input.topology.forests)
            if (forest.error && needs_forest(view, forest.name, input))
                return Error{
                    forest.error->kind,
                    fmt::format("forest {} was not read: {}", forest.name, forest.error->message),
                    forest.error->hint, forest.error->ldap_code};
    }
    return incomplete_among(needed_domains(input), input.observation);
}

} // namespace scp
