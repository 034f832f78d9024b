#pragma once

#include "directory/directory.hpp"
#include "forest/topology.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

namespace scp {

/// What a process keeps of servers from one cycle to the next: a dead one is not tried at each, and
/// one that serves is stayed with, as watches and confirmations hang on it. Nothing is lost when it
/// is: it saves time. For several threads.
class ServerMemory {
  public:
    using Clock = std::function<std::chrono::steady_clock::time_point()>;
    explicit ServerMemory(Clock clock = std::chrono::steady_clock::now)
        : clock_(std::move(clock)) {}

    /// `uri` serves the domain's reads from now on.
    void serves(const DomainKey& domain, const ServerUri& uri);
    /// It did not answer, refused us, or lags: it rests for 30 s, doubled at each further time, at
    /// most 15 min.
    void failed(const ServerUri& uri, Error why);
    /// Why it is left alone just now; nullopt where it is not.
    [[nodiscard]] std::optional<Error> resting(const ServerUri& uri) const;

    /// In the order in which they are to be tried: those that rest last, then the silent ones, but
    /// for the one that served; a nearer tier before it, an equal one behind it.
    [[nodiscard]] std::vector<LocatedServer> in_order(const DomainKey& domain,
                                                      std::vector<LocatedServer> servers) const;

  private:
    struct Failure {
        int times = 0;
        std::chrono::steady_clock::time_point rests_until;
        Error why;
    };
    [[nodiscard]] const Failure* find_resting(const ServerUri& uri) const;

    Clock clock_;
    mutable std::mutex lock_;
    std::map<DomainKey, ServerUri> serving_;
    std::map<std::string, Failure> failures_; ///< by URI
};

} // namespace scp
