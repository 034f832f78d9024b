#pragma once

#include "base/result.hpp"
#include "daemon/authorize.hpp"
#include "daemon/manager.hpp"

#include <systemd/sd-bus.h>

#include <memory>
#include <string>

namespace scp {

/// org.scpd1 on the system bus, on the daemon's event loop; nothing here waits. Where there is no
/// bus, or it has gone away, it is looked for again now and then, and all else goes on.
class Bus {
  public:
    Bus(sd_event* event, Manager& manager);
    ~Bus();
    Bus(const Bus&) = delete;
    Bus& operator=(const Bus&) = delete;

    /// PropertiesChanged, after a cycle and whenever else they may have.
    void properties_changed();
    void cycle_done(const std::string& json) { signal("CycleDone", json); }
    void event(const std::string& json) { signal("Event", json); }

  private:
    static const sd_bus_vtable table[]; ///< what is at the object's path
    Result<void> open();
    void close();
    void retry();
    void signal(const char* name, const std::string& json);
    void act(const BusMessage& call, uid_t who);

    static int on_retry(sd_event_source*, std::uint64_t, void* self);
    static int on_name(sd_bus_message* reply, void* self, sd_bus_error*);
    static int on_disconnected(sd_bus_message*, void* self, sd_bus_error*);
    static int on_status(sd_bus_message* call, void* self, sd_bus_error*);
    static int on_act(sd_bus_message* call, void* self, sd_bus_error*);
    static int get_text(sd_bus*, const char*, const char*, const char* property,
                        sd_bus_message* reply, void* self, sd_bus_error*);

    struct Release {
        void operator()(sd_event_source* source) const;
    };
    sd_event* event_;
    Manager& manager_;
    Questions questions_;
    sd_bus* bus_ = nullptr;
    std::unique_ptr<sd_event_source, Release> retry_;
    int failures_ = 0;
    std::string told_;                          ///< why there is no bus, as it was logged last
    std::string state_, instance_, last_cycle_; ///< as they were told last
};

} // namespace scp
