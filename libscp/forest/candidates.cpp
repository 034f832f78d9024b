#include "forest/candidates.hpp"

#include <algorithm>
#include <numeric>

namespace scp {
namespace {

/// The operator's order counts: each is a tier of its own.
void add_named(Candidates& out, const DomainName& domain, const std::vector<ServerUri>& servers) {
    int tier = 0;
    for (const auto& uri : servers) {
        Candidate candidate;
        candidate.domain = domain;
        candidate.at.uri = uri;
        candidate.at.tier = tier++;
        candidate.named = true;
        out.push_back(std::move(candidate));
    }
}

} // namespace

Result<Candidates> located_servers(const ForestSettings& forest, const DomainName& domain,
                                   Connector& connector) {
    const bool ldaps = forest.tls.mode == TlsSettings::Mode::ldaps;
    auto located =
        connector.locate({domain.text(), ldaps ? ServerUri::Scheme::ldaps : ServerUri::Scheme::ldap,
                          forest.site, forest.timeouts.connect});
    if (!located)
        return fail(located.error());
    Candidates out;
    for (auto& server : *located) {
        Candidate candidate;
        candidate.domain = domain;
        candidate.at = std::move(server);
        out.push_back(std::move(candidate));
    }
    return out;
}

Result<Candidates> candidate_servers(const ForestSettings& forest,
                                     const std::map<DomainKey, Error>& down, Connector& connector) {
    Candidates servers;
    const auto root_is_down = down.find({forest.name, forest.domain});
    if (root_is_down == down.end())
        add_named(servers, forest.domain, forest.servers);
    for (const auto& [domain, override] : forest.domains)
        if (!down.contains({forest.name, domain}))
            add_named(servers, domain, override.servers);
    const auto own = forest.domains.find(forest.domain);
    const bool root_is_named =
        !forest.servers.empty() || (own != forest.domains.end() && !own->second.servers.empty());
    if (!servers.empty() && (root_is_named || root_is_down != down.end()))
        return servers;
    if (!forest.servers.empty() && root_is_down != down.end())
        return fail(root_is_down->second);
    // Servers that are named for other domains know the forest too, but alone might all be down.
    auto located = located_servers(forest, forest.domain, connector);
    if (!located && servers.empty())
        return fail(located.error());
    if (located)
        std::ranges::move(*located, std::back_inserter(servers));
    return servers;
}

Endpoint endpoint_of(const ForestSettings& forest, const DomainName& domain, ServerUri uri) {
    Endpoint out{std::move(uri), forest.tls, forest.auth, forest.timeouts};
    if (const auto found = forest.domains.find(domain.dns()); found != forest.domains.end()) {
        out.tls = found->second.tls.value_or(out.tls);
        out.auth = found->second.auth.value_or(out.auth);
    }
    return out;
}

void try_candidate(Candidate& candidate, const ForestSettings& forest, Connector& connector,
                   ServerMemory& memory, const std::stop_token& stop) {
    if (candidate.tried())
        return;
    auto session = connector.connect(endpoint_of(forest, candidate.domain, candidate.at.uri), stop);
    if (session) {
        candidate.session = std::move(*session);
        return;
    }
    candidate.error = session.error();
    if (session.error().kind != ErrorKind::interrupted)
        memory.failed(candidate.at.uri, session.error());
}

std::vector<std::size_t> order_of_trying(const DomainKey& domain, const Candidates& candidates,
                                         const ServerMemory& memory) {
    std::vector<LocatedServer> servers;
    for (const auto& candidate : candidates)
        servers.push_back(candidate.at);
    servers = memory.in_order(domain, std::move(servers));
    std::vector<std::size_t> order(candidates.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, {}, [&](std::size_t i) {
        return std::ranges::find(servers, candidates[i].at) - servers.begin();
    });
    return order;
}

} // namespace scp
