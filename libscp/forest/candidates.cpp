#include "forest/candidates.hpp"

namespace scp {

ServerUri::Scheme scheme_for(const TlsSettings& tls) {
    return tls.mode == TlsSettings::Mode::ldaps ? ServerUri::Scheme::ldaps
                                                : ServerUri::Scheme::ldap;
}

Result<std::vector<Candidate>> candidate_servers(const ForestSettings& forest,
                                                 const std::map<DomainKey, Error>& down,
                                                 Connector& connector) {
    std::vector<Candidate> servers;
    const auto root_is_down = down.find({forest.name, forest.domain});
    if (root_is_down == down.end())
        for (const auto& uri : forest.servers)
            servers.emplace_back(forest.domain, uri);
    for (const auto& [domain, override] : forest.domains)
        for (const auto& uri : override.servers)
            if (!down.contains({forest.name, domain}))
                servers.emplace_back(domain, uri);
    const auto own = forest.domains.find(forest.domain);
    const bool root_is_named =
        !forest.servers.empty() || (own != forest.domains.end() && !own->second.servers.empty());
    if (!servers.empty() && (root_is_named || root_is_down != down.end()))
        return servers;
    if (!forest.servers.empty() && root_is_down != down.end())
        return fail(root_is_down->second);
    // Servers that are named for other domains know the forest too, but alone might all be down.
    const auto located =
        connector.locate(forest.domain.text(), scheme_for(forest.tls), forest.timeouts.connect);
    if (!located && servers.empty())
        return fail(located.error());
    if (located)
        for (const auto& uri : *located)
            servers.emplace_back(forest.domain, uri);
    return servers;
}

} // namespace scp
