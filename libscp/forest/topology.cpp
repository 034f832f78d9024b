#include "forest/topology.hpp"

namespace scp {

const Domain* Topology::find(const std::string& forest, const DomainName& domain) const {
    const Forest* const in = find_forest(forest);
    if (in == nullptr)
        return nullptr;
    if (in->configuration && in->configuration->name == domain)
        return &*in->configuration;
    for (const auto& candidate : in->domains)
        if (candidate.name == domain)
            return &candidate;
    return nullptr;
}

const Forest* Topology::find_forest(const std::string& forest) const {
    for (const auto& candidate : forests)
        if (candidate.name == forest)
            return &candidate;
    return nullptr;
}

std::vector<const Domain*> Topology::domains() const {
    std::vector<const Domain*> all;
    for (const auto& forest : forests)
        for (const auto& domain : forest.domains)
            all.push_back(&domain);
    return all;
}

std::vector<const Domain*> Topology::partitions(bool configuration) const {
    auto all = domains();
    for (const auto& forest : forests)
        if (configuration && forest.configuration)
            all.push_back(&*forest.configuration);
    return all;
}

std::vector<const Domain*> Topology::called(std::string_view name) const {
    std::vector<const Domain*> found;
    for (const auto& forest : forests)
        for (const auto& domain : forest.domains)
            if (equal_folded(domain.netbios, name) || domain.name == DomainName(std::string(name)))
                found.push_back(&domain);
    return found;
}

const Domain* Topology::domain_of(const std::string& forest, const Dn& dn) const {
    const Forest* const in = find_forest(forest);
    if (in == nullptr)
        return nullptr;
    // An application partition, the Schema or the Configuration NC lies below another by name only.
    std::size_t deepest = 0;
    for (const auto& nc : in->naming_contexts)
        if (dn.is_within(nc) && nc.depth() > deepest)
            deepest = nc.depth();
    if (const auto& own = in->configuration;
        own && dn.is_within(own->nc) && own->nc.depth() >= deepest)
        return &*own;
    for (const auto& candidate : in->domains)
        if (dn.is_within(candidate.nc) && candidate.nc.depth() >= deepest)
            return &candidate;
    return nullptr;
}

} // namespace scp
