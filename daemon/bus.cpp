#include "daemon/bus.hpp"

#include "daemon/log.hpp"
#include "daemon/schedule.hpp"

#include <fmt/format.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <system_error>
#include <utility>

namespace scp {
namespace {

constexpr const char* bus_name = "org.scpd1";
constexpr const char* bus_path = "/org/scpd1";
constexpr const char* bus_interface = "org.scpd1.Manager";
constexpr std::chrono::seconds longest_retry{30};

/// AccessDenied where the answer is "you may not", else org.scpd1.Error.KIND.
std::string error_name(ErrorKind kind) {
    if (kind == ErrorKind::refused)
        return SD_BUS_ERROR_ACCESS_DENIED;
    std::string text = to_string(kind);
    std::ranges::replace(text, '-', '_');
    return "org.scpd1.Error." + text;
}

int answer(const BusMessage& call, const Result<void>& result) {
    if (result)
        return sd_bus_reply_method_return(call.get(), "");
    const Error& error = result.error();
    return sd_bus_reply_method_errorf(
        call.get(), error_name(error.kind).c_str(), "%s",
        (error.hint.empty() ? error.message : error.message + " — " + error.hint).c_str());
}

} // namespace

#pragma GCC diagnostic push
// sd-bus's macros are C.
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wpedantic"
// CONTRACT.md "Daemon". UNPRIVILEGED: Questions::authorize() decides, without waiting for the bus
// as sd-bus's own check does; who may read is in packaging/dbus/org.scpd1.conf.
const sd_bus_vtable Bus::table[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_PROPERTY("Version", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    SD_BUS_PROPERTY("State", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_PROPERTY("Instance", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_PROPERTY("LastCycle", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_METHOD_WITH_ARGS("Status", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", status), on_status,
                            SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS("Resync", SD_BUS_ARGS("s", rule), SD_BUS_NO_RESULT, on_act,
                            SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS("Pause", SD_BUS_ARGS("s", rule, "s", reason), SD_BUS_NO_RESULT, on_act,
                            SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS("Resume", SD_BUS_ARGS("s", what), SD_BUS_NO_RESULT, on_act,
                            SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS("Reload", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, on_act,
                            SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS("Approve", SD_BUS_ARGS("s", hash), SD_BUS_NO_RESULT, on_act,
                            SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_SIGNAL_WITH_ARGS("CycleDone", SD_BUS_ARGS("s", last_cycle), 0),
    SD_BUS_SIGNAL_WITH_ARGS("Event", SD_BUS_ARGS("s", event), 0),
    SD_BUS_VTABLE_END,
};
#pragma GCC diagnostic pop

Bus::Bus(sd_event* event, Manager& manager)
    : event_(event), manager_(manager), retry_(event, CLOCK_MONOTONIC, [this] { try_to_open(); }) {
    retry_.set({});
}

Bus::~Bus() {
    close();
}

void Bus::try_to_open() {
    close();
    const auto opened = open();
    if (opened)
        return;
    if (std::exchange(told_, opened.error().message) != opened.error().message)
        log_event(
            {EventKind::bus_missing, fmt::format("no D-Bus: {}; scpd does without, and tries again",
                                                 opened.error().message)});
    close();
    retry();
}

void Bus::retry() {
    retry_.set(back_off(++failures_, longest_retry));
}

/// Only begins: connection, greeting and name come as replies on the event loop.
Result<void> Bus::open() {
    const auto check = [](int result, const char* what) -> Result<void> {
        if (result >= 0)
            return {};
        return fail(ErrorKind::unreachable,
                    fmt::format("{}: {}", what, std::generic_category().message(-result)));
    };
    auto done = check(sd_bus_open_system(&bus_), "the system bus");
    if (done)
        done = check(sd_bus_set_exit_on_disconnect(bus_, 0), "the system bus");
    if (done)
        done = check(sd_bus_add_object_vtable(bus_, nullptr, bus_path, bus_interface, table, this),
                     bus_path);
    if (done)
        done =
            check(sd_bus_match_signal_async(bus_, nullptr, nullptr, "/org/freedesktop/DBus/Local",
                                            "org.freedesktop.DBus.Local", "Disconnected",
                                            on_disconnected, nullptr, this),
                  "the system bus");
    if (done)
        done = check(
            sd_bus_request_name_async(bus_, nullptr, bus_name, SD_BUS_NAME_QUEUE, on_name, this),
            bus_name);
    if (done)
        done = check(sd_bus_attach_event(bus_, event_, SD_EVENT_PRIORITY_NORMAL), "the event loop");
    return done;
}

void Bus::close() {
    questions_.drop();
    bus_ = sd_bus_close_unref(bus_);
}

int Bus::on_name(sd_bus_message* reply, void* self, sd_bus_error*) {
    auto& bus = *static_cast<Bus*>(self);
    std::string said;
    std::uint32_t how = 0;
    if (const sd_bus_error* error = sd_bus_message_get_error(reply))
        said = error->message == nullptr ? error->name : error->message;
    else if (sd_bus_message_read(reply, "u", &how) >= 0 &&
             how == 2) // DBUS_REQUEST_NAME_REPLY_IN_QUEUE
        said = "another process has that name; it is ours when that one ends";
    if (said.empty()) {
        bus.failures_ = 0;
        log_event({EventKind::bus_joined, fmt::format("on D-Bus as {}", bus_name)});
    } else if (bus.told_ != said) {
        log_event({EventKind::bus_refused, fmt::format("not on D-Bus as {}: {}", bus_name, said)});
    }
    bus.told_ = said;
    return 0;
}

/// Not closed here: sd-bus is about to use what would go away.
int Bus::on_disconnected(sd_bus_message*, void* self, sd_bus_error*) {
    auto& bus = *static_cast<Bus*>(self);
    if (bus.told_.empty())
        log_event({EventKind::bus_lost, "the connection to D-Bus is lost; trying again"});
    bus.retry();
    return 0;
}

int Bus::get_text(sd_bus*, const char*, const char*, const char* property, sd_bus_message* reply,
                  void* self, sd_bus_error*) {
    const Manager& manager = static_cast<Bus*>(self)->manager_;
    const std::string_view wanted = property;
    const std::string text = wanted == "Version"    ? std::string(SCP_VERSION)
                             : wanted == "State"    ? manager.state()
                             : wanted == "Instance" ? manager.instance()
                                                    : manager.last_cycle_text();
    return sd_bus_message_append(reply, "s", text.c_str());
}

int Bus::on_status(sd_bus_message* call, void* self, sd_bus_error*) {
    return sd_bus_reply_method_return(call, "s",
                                      static_cast<Bus*>(self)->manager_.status_json().c_str());
}

/// All methods that act: first who asks, then what.
int Bus::on_act(sd_bus_message* call, void* self, sd_bus_error*) {
    auto& bus = *static_cast<Bus*>(self);
    const BusMessage kept = keep(call);
    bus.questions_.authorize(kept, [&bus, kept](const Result<uid_t>& who) {
        if (who)
            bus.act(kept, *who);
        else
            answer(kept, fail(who.error()));
    });
    return 1;
}

void Bus::act(const BusMessage& call, uid_t who) {
    const std::string_view method = sd_bus_message_get_member(call.get());
    // sd-bus has compared the call's signature with the table's.
    const auto argument = [&]() -> std::string {
        const char* text = nullptr;
        return sd_bus_message_read(call.get(), "s", &text) > 0 ? text : "";
    };
    Manager::Reply reply = [call](const Result<void>& result) { answer(call, result); };
    log_event({EventKind::bus_call, fmt::format("{} over D-Bus by user {}", method, who)});
    if (method == "Resync") {
        manager_.resync(argument(), std::move(reply));
    } else if (method == "Pause") {
        const std::string rule = argument();
        manager_.pause(rule, argument(), who, std::move(reply));
    } else if (method == "Resume") {
        manager_.resume(argument(), std::move(reply));
    } else if (method == "Reload") {
        manager_.load_settings_anew(std::move(reply));
    } else {
        manager_.approve(argument(), who, std::move(reply));
    }
}

void Bus::properties_changed() {
    if (bus_ == nullptr)
        return;
    std::array<const char*, 4> changed{};
    std::size_t count = 0;
    const auto compare = [&](const char* property, std::string& before, std::string now) {
        if (before == now)
            return;
        before = std::move(now);
        changed.at(count++) = property;
    };
    compare("State", state_, manager_.state());
    compare("Instance", instance_, manager_.instance());
    compare("LastCycle", last_cycle_, manager_.last_cycle_text());
    if (count == 0)
        return;
    std::array<char*, 4> names{};
    std::ranges::transform(changed, names.begin(),
                           [](const char* one) { return const_cast<char*>(one); });
    // Nobody's loss where it cannot be sent: the values are there to be asked for.
    sd_bus_emit_properties_changed_strv(bus_, bus_path, bus_interface, names.data());
}

void Bus::signal(const char* signal_name, const std::string& json) {
    if (bus_ != nullptr)
        sd_bus_emit_signal(bus_, bus_path, bus_interface, signal_name, "s", json.c_str());
}

} // namespace scp
