#include "forest/topology.hpp"

namespace scp {

const Domain* Topology::find(const std::string& forest, const DomainName& domain) const {
    const Forest* const in = find_forest(forest);
    if (in == nullptr)
        return nullptr;
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

const Domain* Topology::domain_of(const std::string& forest, const Dn& dn) const {
    const Forest* const in = find_forest(forest);
    if (in == nullptr)
        return nullptr;
    // An application partition or the Configuration NC lies below a domain by name only.
    std::size_t deepest = 0;
    for (const auto& nc : in->naming_contexts)
        if (dn.is_within(nc) && nc.depth() > deepest)
            deepest = nc.depth();
    for (const auto& candidate : in->domains)
        if (dn.is_within(candidate.nc) && candidate.nc.depth() >= deepest)
            return &candidate;
    return nullptr;
}

} // namespace scp
