#pragma once

#include "cycle.hpp"
#include "directory/endpoint.hpp"

#include <chrono>
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
    friend bool operator==(const WatchTarget& a, const WatchTarget& b) {
        return a.domain == b.domain && a.endpoint.uri == b.endpoint.uri;
    }
};

/// What workers tell the main thread.
struct CycleDone {
    CycleReport report;
    std::vector<WatchTarget> targets;
    std::chrono::milliseconds took{0};
};
struct DomainChanged {
    DomainKey domain;
};
struct DomainIsBack {
    DomainKey domain;
};
struct WatchState {
    DomainKey domain;
    std::string how;   ///< syncrepl | usn | poll; empty: not watching
    std::string error; ///< why not
};
using Message = std::variant<CycleDone, DomainChanged, DomainIsBack, WatchState>;

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
