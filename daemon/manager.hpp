#pragma once

#include "base/result.hpp"

#include <functional>
#include <string>

#include <sys/types.h>

namespace scp {

/// What the bus offers of the daemon (org.scpd1.Manager): reading is answered at once, acting when
/// it is done. On the main thread. Whoever calls may do so: the bus has seen to it.
class Manager {
  public:
    using Reply = std::function<void(Result<void>)>;

    Manager() = default;
    Manager(const Manager&) = delete;
    Manager& operator=(const Manager&) = delete;
    virtual ~Manager() = default;

    [[nodiscard]] virtual std::string status_json() const = 0; ///< scpd.status/1
    [[nodiscard]] virtual std::string state() const = 0;
    [[nodiscard]] virtual std::string instance() const = 0;
    [[nodiscard]] virtual std::string last_cycle_text() const = 0; ///< JSON; empty: none has ended

    /// A cycle as soon as may be; it reads all rules. An empty name: no rule in particular.
    virtual void resync(const std::string& rule, Reply reply) = 0;
    virtual void pause(const std::string& rule, const std::string& reason, uid_t who,
                       Reply reply) = 0;
    /// A rule, a copy's DN, or empty: the pause of all rules.
    virtual void resume(const std::string& what, Reply reply) = 0;
    virtual void load_settings_anew(Reply reply) = 0;
    virtual void approve(const std::string& hash, uid_t who, Reply reply) = 0;
};

} // namespace scp
