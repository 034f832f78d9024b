#pragma once

#include "forest/sessions.hpp"
#include "history/history.hpp"
#include "plan/plan.hpp"

#include <functional>
#include <map>
#include <string>

namespace scp {

struct ChangeResult {
    enum class State {
        done,    ///< the server holds what was wanted; `error` then only says what could not be
                 ///< recorded or read back
        failed,  ///< the server was asked, and it is not so; with ErrorKind::unreachable it may be
                 ///< so all the same
        skipped, ///< the server was not asked to change anything
    };
    State state = State::skipped;
    std::optional<Error> error;
    /// The write turned out to be one that is held: no-rights, write-dc-unavailable, cannot-copy,
    /// parent-missing, name-collision.
    std::optional<Reason> held;
    /// With `failed`: the server took the write, and read back it was no more as it was written.
    bool overtaken = false;
};

/// By Change::id().
using ApplyResults = std::map<std::string, ChangeResult>;

/// Several domains at once, pipelined within one; pre-images to the history first, marker
/// compare-and-swap, each write read back from the same server. Stops between windows when asked
/// to; what was not begun is skipped.
[[nodiscard]] ApplyResults apply(const Plan& plan, const Topology& topology, Sessions& sessions,
                                 History& history);

/// Where apply takes its sessions from: Sessions in the product, in-memory directories in tests.
/// Different domains are asked for by different threads at once.
class WriteSessions {
  public:
    WriteSessions() = default;
    WriteSessions(const WriteSessions&) = delete;
    WriteSessions& operator=(const WriteSessions&) = delete;
    virtual ~WriteSessions() = default;
    /// For what changes an object that is there.
    [[nodiscard]] virtual Result<Directory*> updater(const std::string& forest,
                                                     const DomainName& domain) = 0;
    /// For creates and deletes: always the same server of the domain, so that two daemons cannot
    /// make twins.
    [[nodiscard]] virtual Result<Directory*> creator(const std::string& forest,
                                                     const DomainName& domain) = 0;
};

struct ApplyOptions {
    std::string marker_attribute = "msDS-Settings";
    std::size_t workers = 8; ///< domains at once
    std::size_t window = 32; ///< changes between two fsyncs of the history
    std::stop_token stop;
};

[[nodiscard]] ApplyResults apply(const Plan& plan, WriteSessions& sessions,
                                 const ApplyOptions& options, History& history);

} // namespace scp
