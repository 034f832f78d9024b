#pragma once

#include "support/world.hpp"

#include <cstdlib>
#include <random>

namespace scp::test {

/// Seeds for a property: SCP_SEED alone where it is set (to replay a failure), else `count` new
/// ones. Print the seed with CAPTURE.
inline std::vector<std::uint64_t> seeds(std::size_t count) {
    if (const char* given = std::getenv("SCP_SEED"))
        return {std::strtoull(given, nullptr, 10)};
    std::random_device random;
    std::vector<std::uint64_t> list;
    for (std::size_t i = 0; i < count; ++i)
        list.push_back((std::uint64_t{random()} << 32) | random());
    return list;
}

/// Every list of the planner's input, and the values within, in another order.
inline void shuffle(World& world, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    const auto mix = [&](auto& list) { std::ranges::shuffle(list, random); };
    mix(world.observation.domains);
    for (auto& view : world.observation.domains) {
        mix(view.scps);
        mix(view.our_sids);
        for (auto& scp : view.scps)
            for (auto& [name, values] : scp.attributes)
                mix(values);
    }
    mix(world.observation.catalogs);
    for (auto& catalog : world.observation.catalogs)
        mix(catalog.scps);
    mix(world.observation.fates);
    mix(world.observation.accounts);
    for (auto& account : world.observation.accounts)
        mix(account.locations);
    mix(world.observation.owner_groups);
    for (auto& one : world.observation.owner_groups)
        mix(one.groups);
    mix(world.topology.forests);
    for (auto* rules : {&world.rules, &world.settings.rules}) {
        mix(*rules);
        for (auto& rule : *rules) {
            mix(rule.keywords);
            mix(rule.accounts);
            mix(rule.attributes);
            mix(rule.trust_domains);
            mix(rule.trust_containers);
            mix(rule.trust_exclude);
            mix(rule.trust_owners);
            mix(rule.target_domains);
            mix(rule.target_exclude);
        }
    }
}

} // namespace scp::test
