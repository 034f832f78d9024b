#include "forest/server_memory.hpp"

#include <algorithm>
#include <tuple>

namespace scp {
namespace {

constexpr std::chrono::seconds first_rest{30};
constexpr std::chrono::seconds longest_rest{15 * 60};

} // namespace

void ServerMemory::serves(const DomainKey& domain, const ServerUri& uri) {
    const std::scoped_lock guard(lock_);
    serving_.insert_or_assign(domain, uri);
    failures_.erase(uri.to_string());
}

void ServerMemory::failed(const ServerUri& uri, Error why) {
    const std::scoped_lock guard(lock_);
    auto& failure = failures_[uri.to_string()];
    const auto rest = first_rest * (1 << std::min(failure.times, 5)); // 30 s · 2⁵ is over the most
    failure.rests_until = clock_() + std::min(rest, longest_rest);
    failure.why = std::move(why);
    ++failure.times;
}

const ServerMemory::Failure* ServerMemory::find_resting(const ServerUri& uri) const {
    const auto found = failures_.find(uri.to_string());
    return found != failures_.end() && clock_() < found->second.rests_until ? &found->second
                                                                            : nullptr;
}

std::optional<Error> ServerMemory::resting(const ServerUri& uri) const {
    const std::scoped_lock guard(lock_);
    const Failure* const failure = find_resting(uri);
    return failure != nullptr ? std::optional(failure->why) : std::nullopt;
}

std::vector<LocatedServer> ServerMemory::in_order(const DomainKey& domain,
                                                  std::vector<LocatedServer> servers) const {
    const std::scoped_lock guard(lock_);
    const auto serving = serving_.find(domain);
    const auto rank = [&](const LocatedServer& one) {
        const bool served = serving != serving_.end() && serving->second == one.uri;
        return std::tuple(find_resting(one.uri) != nullptr, one.silent && !served, one.tier,
                          !served);
    };
    std::ranges::stable_sort(servers, {}, rank);
    return servers;
}

} // namespace scp
