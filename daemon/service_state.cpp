#include "daemon/service_state.hpp"

#include <algorithm>
#include <utility>

namespace scp {

ServiceState::ServiceState(const Settings& settings, Timestamp since) : since_(since) {
    settings_loaded(settings);
}

void ServiceState::settings_loaded(const Settings& settings) {
    instance_ = settings.instance;
    refused_.clear();
    std::vector<RuleStatus> rules;
    for (const Rule& rule : settings.rules) {
        const auto known = std::ranges::find(rules_, rule.name, &RuleStatus::name);
        rules.push_back(known == rules_.end() ? RuleStatus{} : *known);
        rules.back().name = rule.name;
        rules.back().mode = rule.mode;
    }
    std::ranges::sort(rules, {}, &RuleStatus::name);
    rules_ = std::move(rules);
}

void ServiceState::cycle_done(const CycleDone& done, const std::string& trigger, Timestamp at) {
    last_cycle_ = last_cycle_of(done.report);
    last_cycle_->at = at;
    last_cycle_->took = done.took;
    last_cycle_->trigger = trigger;
    problems_ = problems_of(done.report);
    rules_ = done.rules;
    if (!done.report.state_error)
        host_ = done.report.host;

    std::map<DomainKey, DomainStatus> domains;
    for (const DomainView& view : done.report.observation.domains) {
        const DomainKey key{view.forest, view.domain};
        const auto before = domains_.find(key);
        domains[key] = {view.forest,
                        view.domain.text(),
                        view.server,
                        "",
                        before == domains_.end() ? std::nullopt : before->second.last_seen,
                        view.incomplete ? view.incomplete->message : ""};
        if (view.complete())
            domains[key].last_seen = at;
    }
    // Of a forest that is lost the domains are not known now, but they were.
    for (const Forest& forest : done.report.topology.forests) {
        if (!forest.error)
            continue;
        for (const auto& [key, before] : domains_)
            if (key.first == forest.name && domains.emplace(key, before).second)
                domains[key].error = forest.error->message;
        const DomainKey root{forest.name, forest.root};
        if (domains.emplace(root, DomainStatus{forest.name, forest.root.text(), {}, {}, {}, {}})
                .second)
            domains[root].error = forest.error->message;
    }
    domains_ = std::move(domains);
}

bool ServiceState::all_paused() const {
    return find_pause(host_, "") != nullptr ||
           (!rules_.empty() && std::ranges::all_of(rules_, [&](const RuleStatus& rule) {
               return find_pause(host_, rule.name) != nullptr;
           }));
}

std::string ServiceState::warning() const {
    return refused_.empty() ? "" : "; " + refused_;
}

ServiceStatus ServiceState::status(const std::map<DomainKey, std::string>& watching) const {
    ServiceStatus status;
    status.version = SCP_VERSION;
    status.instance = instance_;
    status.since = since_;
    status.last_cycle = last_cycle_;
    if (!refused_.empty())
        status.problems.push_back(refused_);
    status.problems.insert(status.problems.end(), problems_.begin(), problems_.end());
    for (const auto& [key, domain] : domains_) {
        status.domains.push_back(domain);
        if (const auto watch = watching.find(key); watch != watching.end())
            status.domains.back().watch = watch->second;
    }
    status.rules = rules_;
    status.host = host_;
    status.state = !status.problems.empty() ? ServiceStatus::State::degraded
                   : !last_cycle_           ? ServiceStatus::State::starting
                   : all_paused()           ? ServiceStatus::State::paused
                                            : ServiceStatus::State::ok;
    return status;
}

} // namespace scp
