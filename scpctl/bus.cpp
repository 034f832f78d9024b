#include "scpctl/bus.hpp"

#include "base/text.hpp"

#include <fmt/format.h>
#include <systemd/sd-bus.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

namespace scp {
namespace {

constexpr const char* bus_name = "org.scpd1";
constexpr const char* bus_path = "/org/scpd1";
constexpr const char* bus_interface = "org.scpd1.Manager";
constexpr std::uint64_t look_up = 200'000;         // microseconds between two looks at `stop`
constexpr std::uint64_t patience = 60'000'000;     // for an answer: a directory may be in between
constexpr std::uint64_t with_person = 360'000'000; // a password may have to be typed

using MessagePtr = std::unique_ptr<sd_bus_message, sd_bus_message* (*)(sd_bus_message*)>;
using BusPtr = std::unique_ptr<sd_bus, sd_bus* (*)(sd_bus*)>;

Error no_bus(int result) {
    return {ErrorKind::unreachable,
            "scpd cannot be asked: the system bus: " + std::generic_category().message(-result),
            "is D-Bus installed, and does scpd run? systemctl status dbus scpd", 0};
}

Error not_running() {
    return {ErrorKind::unreachable, "scpd does not run on this host",
            "start it: systemctl start scpd; what it said last: journalctl -u scpd -n 20", 0};
}

/// What a daemon's error says (daemon/bus.cpp names it org.scpd1.Error.KIND).
Error from_bus(const sd_bus_error& error) {
    const std::string text = printable(error.message == nullptr ? error.name : error.message, 4096);
    const std::string_view called = error.name;
    constexpr std::string_view ours = "org.scpd1.Error.";
    if (called.starts_with(ours)) {
        std::string kind_name(called.substr(ours.size()));
        std::ranges::replace(kind_name, '_', '-');
        for (int kind = 0; kind <= static_cast<int>(ErrorKind::internal); ++kind)
            if (to_string(static_cast<ErrorKind>(kind)) == kind_name)
                return {static_cast<ErrorKind>(kind), text, "", 0};
    }
    if (called == SD_BUS_ERROR_ACCESS_DENIED ||
        called == SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED)
        return {ErrorKind::refused, "scpd refuses: " + text,
                "root and the group scpd may read; root, and whoever polkit lets do "
                "org.scpd1.manage, may act",
                0};
    if (called == SD_BUS_ERROR_SERVICE_UNKNOWN || called == SD_BUS_ERROR_NAME_HAS_NO_OWNER)
        return not_running();
    return {ErrorKind::unreachable, "scpd did not answer: " + text, "systemctl status scpd", 0};
}

class BusDaemon : public RunningDaemon {
  public:
    BusDaemon(BusPtr bus, std::stop_token stop) : bus_(std::move(bus)), stop_(std::move(stop)) {}

    Result<std::string> status() override {
        auto call = make_call(bus_name, bus_path, bus_interface, "Status");
        if (!call)
            return fail(call.error());
        return text_of(*call);
    }

    Result<void> act(const std::string& method, const std::vector<std::string>& arguments,
                     bool may_ask) override {
        auto call = make_call(bus_name, bus_path, bus_interface, method.c_str());
        if (!call)
            return fail(call.error());
        int result = sd_bus_message_set_allow_interactive_authorization(call->get(), may_ask);
        for (const std::string& argument : arguments)
            if (result >= 0)
                result = sd_bus_message_append(call->get(), "s", argument.c_str());
        if (result < 0)
            return fail(no_bus(result));
        const auto reply = answer(call->get(), may_ask ? with_person : patience);
        return reply ? Result<void>{} : fail(reply.error());
    }

    Result<void> follow(const Ears& ears) override;

    /// Whether anybody has the name.
    Result<bool> runs() {
        auto call = make_call("org.freedesktop.DBus", "/org/freedesktop/DBus",
                              "org.freedesktop.DBus", "NameHasOwner");
        if (!call)
            return fail(call.error());
        int yes = 0;
        if (const int result = sd_bus_message_append(call->get(), "s", bus_name); result < 0)
            return fail(no_bus(result));
        const auto reply = answer(call->get(), patience);
        if (!reply)
            return fail(reply.error());
        sd_bus_message_read(reply->get(), "b", &yes);
        return yes != 0;
    }

  private:
    Result<MessagePtr> make_call(const char* to, const char* object, const char* in,
                                 const char* method) {
        sd_bus_message* raw = nullptr;
        const int result = sd_bus_message_new_method_call(bus_.get(), &raw, to, object, in, method);
        if (result < 0)
            return fail(no_bus(result));
        sd_bus_message_set_auto_start(raw, 0);
        return MessagePtr(raw, sd_bus_message_unref);
    }
    Result<MessagePtr> answer(sd_bus_message* call, std::uint64_t wait);
    Result<std::string> text_of(const MessagePtr& call) {
        const auto reply = answer(call.get(), patience);
        if (!reply)
            return fail(reply.error());
        const char* text = nullptr;
        if (sd_bus_message_read(reply->get(), "s", &text) <= 0)
            return fail(ErrorKind::internal, "scpd gave an answer that is none");
        return std::string(text);
    }
    /// One look at what has come; waits a little where nothing has.
    Result<void> turn();

    BusPtr bus_;
    std::stop_token stop_;
};

Result<void> BusDaemon::turn() {
    if (stop_.stop_requested())
        return fail(ErrorKind::interrupted, "interrupted");
    int result = sd_bus_process(bus_.get(), nullptr);
    if (result == 0)
        result = sd_bus_wait(bus_.get(), look_up);
    if (result < 0 && result != -EINTR)
        return fail(no_bus(result));
    return {};
}

/// Not sd_bus_call(), which no stop token can end.
Result<MessagePtr> BusDaemon::answer(sd_bus_message* call, std::uint64_t wait) {
    std::optional<MessagePtr> reply;
    sd_bus_slot* raw = nullptr;
    const int result = sd_bus_call_async(
        bus_.get(), &raw, call,
        [](sd_bus_message* came, void* into, sd_bus_error*) {
            static_cast<std::optional<MessagePtr>*>(into)->emplace(sd_bus_message_ref(came),
                                                                   sd_bus_message_unref);
            return 0;
        },
        &reply, wait);
    if (result < 0)
        return fail(no_bus(result));
    const std::unique_ptr<sd_bus_slot, sd_bus_slot* (*)(sd_bus_slot*)> slot(raw, sd_bus_slot_unref);
    while (!reply)
        if (const auto turned = turn(); !turned)
            return fail(turned.error());
    if (const sd_bus_error* error = sd_bus_message_get_error(reply->get()))
        return fail(from_bus(*error));
    return std::move(*reply);
}

Result<void> BusDaemon::follow(const Ears& ears) {
    struct Listening {
        const Ears& ears;
        bool more = true;
    } listening{ears};
    sd_bus_slot* events = nullptr;
    sd_bus_slot* owner = nullptr;
    int result = sd_bus_match_signal(
        bus_.get(), &events, bus_name, bus_path, bus_interface, "Event",
        [](sd_bus_message* signal, void* to, sd_bus_error*) {
            auto& listener = *static_cast<Listening*>(to);
            const char* text = nullptr;
            if (listener.more && sd_bus_message_read(signal, "s", &text) > 0)
                listener.more = listener.ears.on_event(text);
            return 0;
        },
        &listening);
    if (result >= 0)
        result = sd_bus_add_match(
            bus_.get(), &owner,
            "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',"
            "member='NameOwnerChanged',arg0='org.scpd1'",
            [](sd_bus_message* signal, void* to, sd_bus_error*) {
                std::array<const char*, 3> names{};
                if (sd_bus_message_read(signal, "sss", &names[0], &names[1], &names[2]) > 0)
                    static_cast<Listening*>(to)->ears.on_turn(!std::string_view(names[2]).empty());
                return 0;
            },
            &listening);
    Result<void> turned;
    if (result < 0)
        turned = fail(no_bus(result));
    else
        ears.on_ready();
    while (turned && listening.more)
        turned = turn();
    sd_bus_slot_unref(events);
    sd_bus_slot_unref(owner);
    return turned;
}

} // namespace

Result<std::unique_ptr<RunningDaemon>> find_running_daemon(std::stop_token stop) {
    sd_bus* raw = nullptr;
    if (const int result = sd_bus_open_system(&raw); result < 0)
        return fail(no_bus(result));
    auto daemon =
        std::make_unique<BusDaemon>(BusPtr(raw, sd_bus_flush_close_unref), std::move(stop));
    const auto runs = daemon->runs();
    if (!runs)
        return fail(runs.error());
    if (!*runs)
        return fail(not_running());
    return daemon;
}

} // namespace scp
