#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <set>

#include <sys/types.h>

struct sd_bus_message;
struct sd_bus_slot;

namespace scp {

/// A reference to a message; shared, because it lives in closures of std::function, which are
/// copied. Of the main thread alone, as all of sd-bus.
using BusMessage = std::shared_ptr<sd_bus_message>;
[[nodiscard]] BusMessage keep(sd_bus_message* message);

/// What was asked of the bus and of polkit, and is not answered yet. A question keeps its message,
/// and that the connection: they are dropped before the connection is.
class Questions {
  public:
    Questions() = default;
    ~Questions();
    Questions(const Questions&) = delete;
    Questions& operator=(const Questions&) = delete;

    /// Whether the sender of `call` may act: root, or whoever polkit lets do org.scpd1.manage. Asks
    /// the bus and polkit without waiting; `then` comes later, on the main thread, with the
    /// sender's user, or with ErrorKind::refused. It never comes if drop() comes first.
    void authorize(const BusMessage& call, const std::function<void(Result<uid_t>)>& then);
    void drop();

  private:
    struct Question;
    int ask(sd_bus_message* question, std::uint64_t patience,
            std::function<void(sd_bus_message*)> then);
    void ask_polkit(const BusMessage& call, uid_t user,
                    const std::function<void(Result<uid_t>)>& then);

    std::set<sd_bus_slot*> open_;
};

} // namespace scp
