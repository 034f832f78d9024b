#pragma once

#include "cycle.hpp"
#include "directory/endpoint.hpp"
#include "report/status.hpp"

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

namespace scp {

/// A domain that a cycle has read, and how to open another session with the same server.
struct WatchTarget {
    DomainKey domain;
    Dn nc;
    Endpoint endpoint;
    std::vector<Dn> containers; ///< in which sources and copies lay; sorted
    friend bool operator==(const WatchTarget& a, const WatchTarget& b) {
        return a.domain == b.domain && a.endpoint.uri == b.endpoint.uri &&
               a.containers == b.containers;
    }
};

/// What workers tell the main thread.
struct CycleDone {
    CycleReport report;
    std::vector<WatchTarget> targets;
    std::chrono::milliseconds took{0};
    std::vector<RuleStatus> rules;
};
struct DomainChanged {
    DomainKey domain;
};
struct DomainIsBack {
    DomainKey domain;
};
struct WatchState {
    DomainKey domain;
    std::string how;    ///< notify | usn | syncrepl | poll; empty: not watching
    Error error;        ///< why not
    std::string detail; ///< what is watched, and what is not; may be empty
};
struct ErrandDone {
    std::uint64_t id = 0;
    Result<void> result;
};
using Message = std::variant<CycleDone, DomainChanged, DomainIsBack, WatchState, ErrandDone>;

/// A queue between threads whose file descriptor an event loop can wait for.
class Mailbox {
  public:
    Mailbox();
    ~Mailbox();
    Mailbox(const Mailbox&) = delete;
    Mailbox& operator=(const Mailbox&) = delete;

    void post(Message message);
    /// All that has come; the descriptor is quiet again.
    [[nodiscard]] std::vector<Message> take();
    [[nodiscard]] int descriptor() const { return descriptor_; }

  private:
    std::mutex lock_;
    std::vector<Message> messages_;
    int descriptor_;
};

} // namespace scp
