#pragma once

#include "base/result.hpp"
#include "daemon/authorize.hpp"
#include "daemon/manager.hpp"
#include "daemon/timer.hpp"

#include <systemd/sd-bus.h>

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
    void try_to_open();
    void retry();
    void signal(const char* name, const std::string& json);
    void act(const BusMessage& call, uid_t who);

    static int on_name(sd_bus_message* reply, void* self, sd_bus_error*);
    static int on_disconnected(sd_bus_message*, void* self, sd_bus_error*);
    static int on_status(sd_bus_message* call, void* self, sd_bus_error*);
    static int on_act(sd_bus_message* call, void* self, sd_bus_error*);
    static int get_text(sd_bus*, const char*, const char*, const char* property,
                        sd_bus_message* reply, void* self, sd_bus_error*);

    sd_event* event_;
    Manager& manager_;
    Questions questions_;
    sd_bus* bus_ = nullptr;
    Timer retry_;
    int failures_ = 0;
    std::string told_;                          ///< why there is no bus, as it was logged last
    std::string state_, instance_, last_cycle_; ///< as they were told last
};

} // namespace scp
