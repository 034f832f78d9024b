#include "scpctl/explain_gather.hpp"

#include "base/text.hpp"
#include "observe/observe.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace scp {

namespace {

using DomainKey = std::pair<std::string, DomainName>;

void add_attributes_of(const Filter& filter, std::set<std::string, LessNoCase>& names) {
    if (!filter.attribute.empty() && filter.kind != Filter::Kind::extensible) {
        names.insert(filter.attribute);
    }
    for (const Filter& child : filter.children) {
        add_attributes_of(child, names);
    }
}

/// The different filters of all questions; many questions ask the same.
class Filters {
  public:
    std::size_t index(const Filter& filter) {
        const auto [at, added] = by_text_.emplace(to_string(filter), filters_.size());
        if (added) {
            filters_.push_back(filter);
        }
        return at->second;
    }
    [[nodiscard]] const std::vector<Filter>& all() const { return filters_; }

  private:
    std::map<std::string, std::size_t> by_text_;
    std::vector<Filter> filters_;
};

/// What is asked of one domain, and what it said.
struct DomainWork {
    const Domain* domain = nullptr;
    std::set<std::size_t> asked; ///< filters that an agent asks there
    std::vector<SeenBy> near;    ///< by filter
    std::map<std::size_t, SeenBy> exact;
    std::vector<Dn> missing_containers;
};

/// A catalog that does not carry a domain says noSuchObject for its base, or refers to another
/// server.
bool is_elsewhere(const Error& error) {
    constexpr int referral = 10;
    constexpr int no_such_object = 32;
    return error.kind == ErrorKind::not_found || error.ldap_code == no_such_object ||
           error.ldap_code == referral;
}

class Gatherer {
  public:
    Gatherer(const Topology& topology, Sessions& sessions, const ExplainInput& input)
        : topology_(topology), sessions_(sessions), input_(input),
          marker_attribute_(sessions.settings().marker_attribute) {}

    std::vector<ExplainFacts> run() {
        prepare();
        stage(fmt::format("looking in {} domain(s)", work_.size()));
        run_parallel(work_.size(), 8, [&](std::size_t i) { look(work_[i]); });
        if (input_.agent) {
            stage("looking as the agent");
            for (DomainWork& work : work_) {
                look_as_agent(work);
            }
        }
        stage("asking the global catalogs");
        for (const Forest& forest : topology_.forests) {
            ask_catalog(forest);
        }
        std::vector<ExplainFacts> facts;
        for (std::size_t i = 0; i < input_.questions.size(); ++i) {
            facts.push_back(facts_of(input_.questions[i], filter_of_[i]));
        }
        return facts;
    }

  private:
    void stage(const std::string& what) const {
        if (input_.progress) {
            input_.progress(what);
        }
    }

    void prepare() {
        std::map<DomainKey, std::size_t> at;
        const bool configuration = any_uses_configuration(sessions_.settings().rules) ||
                                   (input_.wish && uses_configuration(input_.wish->rule));
        for (const Domain* domain : topology_.partitions(configuration)) {
            at[{domain->forest, domain->name}] = work_.size();
            work_.push_back({domain, {}, {}, {}, {}});
        }
        std::set<std::string, LessNoCase> names{"objectClass",
                                                "objectGUID",
                                                "entryUUID",
                                                "cn",
                                                "name",
                                                "keywords",
                                                "serviceBindingInformation",
                                                marker_attribute_};
        for (const ExplainQuestion& question : input_.questions) {
            const std::size_t filter = filters_.index(question.filter);
            filter_of_.push_back(filter);
            add_attributes_of(question.filter, names);
            if (const auto found = at.find({question.forest, question.domain}); found != at.end()) {
                work_[found->second].asked.insert(filter);
            }
        }
        attributes_.assign(names.begin(), names.end());
    }

    [[nodiscard]] Search subtree(const Dn& base, Filter filter) const {
        Search search;
        search.base.dn = base;
        search.filter = std::move(filter);
        search.attributes = attributes_;
        return search;
    }

    /// Only what lies in the domain itself: some servers show parts of the domains below, too.
    [[nodiscard]] SeenBy seen(const Found& found, const Domain& domain) const {
        SeenBy out;
        out.error = found.incomplete;
        for (const Entry& entry : found.entries) {
            if (topology_.domain_of(domain.forest, entry.dn) == &domain) {
                out.scps.push_back(seen_scp(entry, domain, marker_attribute_));
            }
        }
        std::ranges::sort(out.scps, {}, &SeenScp::dn);
        return out;
    }

    [[nodiscard]] std::vector<Dn> containers(const Domain& domain) const {
        std::set<Dn> out{domain.nc.descendant(default_container())};
        const auto add = [&](const Rule& rule) {
            if (rule.container.kind == TargetContainer::Kind::relative) {
                out.insert(domain.nc.descendant(rule.container.relative));
            }
        };
        std::ranges::for_each(sessions_.settings().rules, add);
        if (input_.wish) {
            add(input_.wish->rule);
        }
        return {out.begin(), out.end()};
    }

    void look(DomainWork& work) {
        const Domain& domain = *work.domain;
        auto session = sessions_.reader(domain.forest, domain.name);
        if (!session) {
            const SeenBy nothing{{}, session.error()};
            work.near.assign(filters_.all().size(), nothing);
            for (const std::size_t filter : work.asked) {
                work.exact[filter] = nothing;
            }
            return;
        }
        std::vector<Search> searches;
        for (const Filter& filter : filters_.all()) {
            searches.push_back(subtree(domain.nc, near_filter(filter)));
        }
        for (const std::size_t filter : work.asked) {
            searches.push_back(subtree(domain.nc, filters_.all()[filter]));
        }
        const std::vector<Dn> wanted = work.asked.empty() ? std::vector<Dn>{} : containers(domain);
        for (const Dn& dn : wanted) {
            Search search = subtree(dn, present("objectClass"));
            search.scope = Scope::base;
            searches.push_back(std::move(search));
        }
        const std::vector<Found> answers = (*session)->search_all(searches);
        std::size_t at = 0;
        while (at < filters_.all().size()) {
            work.near.push_back(seen(answers[at++], domain));
        }
        for (const std::size_t filter : work.asked) {
            work.exact[filter] = seen(answers[at++], domain);
        }
        for (const Dn& dn : wanted) {
            const Found& found = answers[at++];
            if (found.complete() && found.entries.empty()) {
                work.missing_containers.push_back(dn);
            }
        }
    }

    void look_as_agent(const DomainWork& work) {
        if (work.asked.empty()) {
            return;
        }
        auto& answers = as_agent_[{work.domain->forest, work.domain->name}];
        const auto session =
            sessions_.separate_as(work.domain->forest, work.domain->name, *input_.agent);
        if (!session) {
            for (const std::size_t filter : work.asked) {
                answers[filter].error = session.error();
            }
            return;
        }
        std::vector<Search> searches;
        for (const std::size_t filter : work.asked) {
            searches.push_back(subtree(work.domain->nc, filters_.all()[filter]));
        }
        const std::vector<Found> found = (*session)->search_all(searches);
        std::size_t at = 0;
        for (const std::size_t filter : work.asked) {
            answers[filter] = seen(found[at++], *work.domain);
        }
    }

    /// The union over all domains' naming contexts, by DN: whether a catalog glues them together
    /// differs.
    void ask_catalog(const Forest& forest) {
        std::set<std::size_t> asked;
        for (const DomainWork& work : work_) {
            if (work.domain->forest == forest.name) {
                asked.insert(work.asked.begin(), work.asked.end());
            }
        }
        if (asked.empty()) {
            return;
        }
        auto& answers = catalogs_[forest.name];
        const auto session = sessions_.global_catalog(forest.name);
        if (!session) {
            answers.error = session.error().message;
            return;
        }
        std::vector<Search> searches;
        for (const std::size_t filter : asked) {
            for (const Domain& domain : forest.domains) {
                searches.push_back(subtree(domain.nc, filters_.all()[filter]));
                searches.back().attributes = {"objectClass"};
            }
        }
        const std::vector<Found> found = (*session)->search_all(searches);
        std::size_t at = 0;
        for (const std::size_t filter : asked) {
            std::set<Dn> dns;
            for (std::size_t i = 0; i < forest.domains.size(); ++i, ++at) {
                if (!found[at].complete() && !is_elsewhere(*found[at].incomplete)) {
                    answers.error = found[at].incomplete->message;
                }
                for (const Entry& entry : found[at].entries) {
                    dns.insert(entry.dn);
                }
            }
            answers.found[filter] = dns.size();
        }
    }

    ExplainFacts facts_of(const ExplainQuestion& question, std::size_t filter) {
        ExplainFacts facts;
        facts.question = question;
        facts.connection = input_.connection;
        facts.log_file = input_.log_file;
        facts.wish = input_.wish;
        const DomainWork* home = nullptr;
        for (const Forest& forest : topology_.forests) {
            if (forest.error) {
                facts.unread.push_back({forest.name, *forest.error});
            }
        }
        for (const DomainWork& work : work_) {
            const SeenBy& near = work.near[filter];
            facts.candidates.insert(facts.candidates.end(), near.scps.begin(), near.scps.end());
            if (near.error) {
                facts.unread.push_back({work.domain->name.text(), *near.error});
            }
            if (work.domain->forest == question.forest && work.domain->name == question.domain) {
                home = &work;
            }
        }
        if (home == nullptr) {
            return facts;
        }
        facts.found = home->exact.at(filter);
        facts.missing_containers = home->missing_containers;
        if (input_.agent) {
            facts.as_agent = true;
            facts.by_us = std::move(facts.found);
            facts.found = as_agent_.at({question.forest, question.domain}).at(filter);
        }
        const Catalog& catalog = catalogs_[question.forest];
        facts.catalog_error = catalog.error;
        if (catalog.error.empty()) {
            facts.catalog = catalog.found.at(filter);
        }
        add_edited_copies(facts, *home);
        add_rules(facts);
        return facts;
    }

    /// Copies in the agent's own domain whose keywords and name may both have been edited: found by
    /// their marker.
    void add_edited_copies(ExplainFacts& facts, const DomainWork& home) {
        std::vector<Filter> markers;
        for (const SeenScp& scp : facts.candidates) {
            if (!scp.marked && scp.guid && matches_filter(facts.question.filter, scp)) {
                Filter marker = starts_with(marker_attribute_, std::string(marker_prefix));
                marker.parts.insert(marker.parts.begin() + 1, "s=" + scp.guid->to_string());
                markers.push_back(std::move(marker));
            }
        }
        if (!facts.found.scps.empty() || markers.empty()) {
            return;
        }
        const auto session = sessions_.reader(facts.question.forest, facts.question.domain);
        if (!session) {
            return;
        }
        const Found found = (*session)->search(
            subtree(home.domain->nc,
                    all_of({equals("objectClass", "serviceConnectionPoint"), any_of(markers)})));
        for (SeenScp& copy : seen(found, *home.domain).scps) {
            const bool known = std::ranges::any_of(facts.candidates, [&](const SeenScp& scp) {
                return scp.dn == copy.dn && scp.forest == copy.forest;
            });
            if (!known) {
                facts.candidates.push_back(std::move(copy));
            }
        }
    }

    void add_rules(ExplainFacts& facts) {
        const auto& rules = sessions_.settings().rules;
        for (std::size_t i = 0; i < rules.size(); ++i) {
            const bool mirrors = std::ranges::any_of(facts.candidates, [&](const SeenScp& scp) {
                return !scp.marked && matches_filter(facts.question.filter, scp) &&
                       rule_matches(rules[i], scp);
            });
            if (mirrors) {
                facts.rules.push_back(reach_of(i, facts.question));
            }
        }
    }

    RuleReach reach_of(std::size_t index, const ExplainQuestion& question) {
        const Rule& rule = sessions_.settings().rules[index];
        auto known = reached_.find(index);
        if (known == reached_.end()) {
            Reached reached;
            for (const AccountQuery& query : rule.accounts) {
                const ResolvedAccount account = resolve_account(topology_, sessions_, query);
                for (const auto& location : account.locations) {
                    reached.domains.insert({location.forest, location.domain});
                }
                if (!account.unresolved.empty()) {
                    reached.unresolved = account.unresolved;
                }
            }
            known = reached_.emplace(index, std::move(reached)).first;
        }
        const auto names = [&](const std::vector<DomainName>& domains) {
            return std::ranges::find(domains, question.domain) != domains.end();
        };
        RuleReach out{rule, false, known->second.unresolved};
        out.reaches = !names(rule.target_exclude) &&
                      (names(rule.target_domains) ||
                       known->second.domains.contains({question.forest, question.domain}));
        return out;
    }

    struct Catalog {
        std::map<std::size_t, std::size_t> found;
        std::string error;
    };
    struct Reached {
        std::set<DomainKey> domains;
        std::string unresolved;
    };

    const Topology& topology_;
    Sessions& sessions_;
    const ExplainInput& input_;
    const std::string marker_attribute_;
    Filters filters_;
    std::vector<std::size_t> filter_of_; ///< by question
    std::vector<std::string> attributes_;
    std::vector<DomainWork> work_; ///< every domain
    std::map<DomainKey, std::map<std::size_t, SeenBy>> as_agent_;
    std::map<std::string, Catalog> catalogs_; ///< by forest
    std::map<std::size_t, Reached> reached_;  ///< by rule
};

} // namespace

std::vector<ExplainFacts> gather_facts(const Topology& topology, Sessions& sessions,
                                       const ExplainInput& input) {
    return Gatherer(topology, sessions, input).run();
}

} // namespace scp
