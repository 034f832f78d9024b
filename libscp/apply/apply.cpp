#include "apply/apply.hpp"

#include "apply/domain_writer.hpp"

#include <algorithm>
#include <utility>

namespace scp {
namespace {

/// The sessions of the cycle. What changes an existing object goes to the server that was read,
/// unless that is a read-only DC.
class CycleSessions : public WriteSessions {
  public:
    CycleSessions(Sessions& sessions, const Topology& topology)
        : sessions_(sessions), topology_(topology) {}

    Result<Directory*> updater(const std::string& forest, const DomainName& domain) override {
        return reader_is_writable(forest, domain) ? sessions_.reader(forest, domain)
                                                  : sessions_.writer(forest, domain);
    }
    Result<Directory*> creator(const std::string& forest, const DomainName& domain) override {
        return sessions_.writer(forest, domain);
    }

  private:
    [[nodiscard]] bool reader_is_writable(const std::string& forest, const DomainName& name) const {
        const Domain* domain = topology_.find(forest, name);
        if (!domain)
            return true;
        for (const Server& server : domain->servers)
            if (server.uri.to_string() == domain->server)
                return server.writable;
        return true;
    }

    Sessions& sessions_;
    const Topology& topology_;
};

} // namespace

ApplyResults apply(const Plan& plan, WriteSessions& sessions, const ApplyOptions& options,
                   History& history) {
    std::map<std::pair<std::string, DomainName>, std::vector<const Change*>> by_domain;
    for (const Change& change : plan.changes)
        by_domain[{change.forest, change.domain}].push_back(&change);
    std::vector<std::vector<const Change*>> domains;
    domains.reserve(by_domain.size());
    for (auto& [name, changes] : by_domain)
        domains.push_back(std::move(changes));

    std::vector<ApplyResults> parts(domains.size());
    run_parallel(domains.size(), options.workers, [&](std::size_t i) {
        parts[i] = DomainWriter(sessions, options, history).run(std::move(domains[i]));
    });
    ApplyResults results;
    for (ApplyResults& part : parts)
        results.merge(part);
    return results;
}

ApplyResults apply(const Plan& plan, const Topology& topology, Sessions& sessions,
                   History& history) {
    CycleSessions cycle_sessions(sessions, topology);
    ApplyOptions options;
    options.marker_attribute = sessions.settings().marker_attribute;
    options.workers = static_cast<std::size_t>(std::max(1, sessions.settings().daemon.workers));
    options.stop = sessions.stop();
    return apply(plan, cycle_sessions, options, history);
}

} // namespace scp
