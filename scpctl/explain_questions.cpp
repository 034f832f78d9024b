#include "scpctl/explain_questions.hpp"

#include "base/text.hpp"
#include "scpctl/context.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>

namespace scp {

namespace {

using DomainKey = std::pair<std::string, DomainName>;

ExplainQuestion question_in(const Topology& topology, const std::string& forest,
                            const DomainName& domain, const Filter& filter) {
    ExplainQuestion question;
    question.forest = forest;
    question.domain = domain;
    question.filter = filter;
    if (const Domain* known = topology.find(forest, domain)) {
        question.base = known->nc;
    }
    return question;
}

/// All keywords of the rule are among those that the filter asks for.
bool rule_fits(const Rule& rule, const Filter& filter) {
    Values asked = keywords_of(filter);
    std::ranges::transform(asked, asked.begin(),
                           [](const std::string& word) { return fold_case(word); });
    return std::ranges::all_of(rule.keywords, [&](const std::string& keyword) {
        return std::ranges::find(asked, fold_case(keyword)) != asked.end();
    });
}

} // namespace

std::vector<ExplainQuestion> questions_for(const Topology& topology, const ResolvedAccount& account,
                                           const Filter& filter) {
    const bool several_expected = account.query.kind == AccountQuery::Kind::group ||
                                  account.query.kind == AccountQuery::Kind::filter;
    std::vector<ExplainQuestion> out;
    std::set<DomainKey> domains;
    for (const auto& location : account.locations) {
        // Agents of one domain look in one place, so one of them stands for all.
        if (!domains.insert({location.forest, location.domain}).second && several_expected) {
            continue;
        }
        ExplainQuestion question = question_in(topology, location.forest, location.domain, filter);
        question.account = several_expected ? location.dn.text() : account.query.text;
        question.location = location;
        question.doubt = several_expected ? std::string() : account.unresolved;
        out.push_back(std::move(question));
    }
    if (!account.unresolved.empty() && (out.empty() || several_expected)) {
        ExplainQuestion question;
        question.account = account.query.text;
        question.unresolved = account.unresolved;
        question.filter = filter;
        out.push_back(std::move(question));
    }
    return out;
}

std::vector<ExplainQuestion> questions_everywhere(const Topology& topology, const Filter& filter) {
    std::vector<ExplainQuestion> out;
    for (const Forest& forest : topology.forests) {
        for (const Domain& domain : forest.domains) {
            out.push_back(question_in(topology, forest.name, domain.name, filter));
        }
    }
    return out;
}

Result<void> Askers::name(const std::vector<std::string>& accounts) {
    for (const std::string& text : accounts) {
        if (auto ok = check_argument("--account", text); !ok) {
            return ok;
        }
        auto query = parse_account(text);
        if (!query) {
            return fail(ErrorKind::usage,
                        fmt::format("--account {}: {}", printable(text), query.error().message),
                        query.error().hint);
        }
        named_.push_back(std::move(*query));
    }
    return {};
}

void Askers::ask(const std::vector<AccountQuery>& accounts, const Filter& filter,
                 std::vector<ExplainQuestion>& questions) {
    for (const AccountQuery& query : named_.empty() ? accounts : named_) {
        auto known = resolved_.find({query.forest, query.text});
        if (known == resolved_.end()) {
            known = resolved_
                        .emplace(std::pair{query.forest, query.text},
                                 resolve_account(topology_, sessions_, query))
                        .first;
        }
        std::ranges::move(questions_for(topology_, known->second, filter),
                          std::back_inserter(questions));
    }
}

Result<void> Askers::ask_in(const std::vector<std::string>& domains, const Filter& filter,
                            std::vector<ExplainQuestion>& questions) {
    for (const std::string& name : domains) {
        const std::size_t before = questions.size();
        for (ExplainQuestion& question : questions_everywhere(topology_, filter)) {
            if (question.domain == DomainName(name)) {
                questions.push_back(std::move(question));
            }
        }
        if (questions.size() == before) {
            return fail(
                ErrorKind::usage,
                fmt::format("--to {}: no domain of the forests has that name", printable(name)),
                "scpctl topology lists them");
        }
    }
    return {};
}

bool Askers::ask_from_log(std::span<const Rule> rules, const AskedFilter& asked,
                          std::vector<ExplainQuestion>& questions) {
    const std::size_t before = questions.size();
    std::vector<AccountQuery> accounts;
    for (const Rule& rule : rules) {
        if (rule_fits(rule, asked.filter)) {
            accounts.insert(accounts.end(), rule.accounts.begin(), rule.accounts.end());
        }
    }
    ask(accounts, asked.filter, questions);
    const bool everywhere = questions.size() == before;
    if (everywhere) {
        std::ranges::move(questions_everywhere(topology_, asked.filter),
                          std::back_inserter(questions));
    }
    for (std::size_t i = before; i < questions.size(); ++i) {
        questions[i].log = asked;
    }
    return everywhere;
}

} // namespace scp
