#pragma once

#include "base/result.hpp"

#include <functional>
#include <memory>

#include <sys/types.h>

struct sd_bus_message;

namespace scp {

/// A reference to a message; shared, because it lives in closures of std::function, which are
/// copied. Of the main thread alone, as all of sd-bus.
using BusMessage = std::shared_ptr<sd_bus_message>;
[[nodiscard]] BusMessage keep(sd_bus_message* message);

/// Whether the sender of `call` may act: root, or whoever polkit lets do org.scpd1.manage. Asks the
/// bus and polkit without waiting; `then` comes later, on the main thread, with the sender's user,
/// or with ErrorKind::refused. It never comes if the connection ends first.
void authorize(const BusMessage& call, std::function<void(Result<uid_t>)> then);

} // namespace scp
