#include "daemon/authorize.hpp"

#include <fmt/format.h>
#include <systemd/sd-bus.h>

#include <utility>

namespace scp {
namespace {

constexpr const char* polkit_action = "org.scpd1.manage"; // packaging/polkit/org.scpd1.policy
constexpr std::uint64_t bus_patience = 25'000'000;        // microseconds
constexpr std::uint64_t person_patience = 300'000'000;    // a password may have to be typed

tl::unexpected<Error> refused(const std::string& why) {
    return fail(ErrorKind::refused, "not allowed: " + why,
                fmt::format("only root may, and whoever polkit lets do {}", polkit_action));
}

/// CheckAuthorization: org.freedesktop.PolicyKit1.Authority, polkit's reference manual.
Result<void> judge(sd_bus_message* reply) {
    if (const sd_bus_error* error = sd_bus_message_get_error(reply)) {
        const bool absent = sd_bus_error_has_name(error, SD_BUS_ERROR_SERVICE_UNKNOWN) != 0 ||
                            sd_bus_error_has_name(error, SD_BUS_ERROR_NAME_HAS_NO_OWNER) != 0;
        return refused(absent ? "polkit does not run here" : "polkit could not be asked");
    }
    int yes = 0;
    int challenge = 0;
    if (sd_bus_message_enter_container(reply, 'r', "bba{ss}") < 0 ||
        sd_bus_message_read(reply, "bb", &yes, &challenge) < 0)
        return refused("polkit gave an answer that is none");
    if (yes == 0)
        return refused(challenge != 0 ? "polkit wants a password, and there was nobody to ask"
                                      : "polkit says no");
    return {};
}

} // namespace

struct Questions::Question {
    Questions& all;
    std::function<void(sd_bus_message* reply)> then;
    sd_bus_slot* slot = nullptr;

    static int on_reply(sd_bus_message* reply, void* self, sd_bus_error*) {
        auto& question = *static_cast<Question*>(self);
        const auto then = std::move(question.then); // it may ask on
        sd_bus_slot* const slot = question.slot;
        question.all.open_.erase(slot);
        then(reply);
        sd_bus_slot_unref(slot); // and the question with it
        return 0;
    }
    static void gone(void* self) { delete static_cast<Question*>(self); }
};

Questions::~Questions() {
    drop();
}

void Questions::drop() {
    for (sd_bus_slot* slot : std::exchange(open_, {}))
        sd_bus_slot_unref(slot);
}

/// `then` gets the reply, which may be an error.
int Questions::ask(sd_bus_message* question, std::uint64_t patience,
                   std::function<void(sd_bus_message*)> then) {
    auto kept = std::make_unique<Question>(Question{*this, std::move(then)});
    const int result = sd_bus_call_async(sd_bus_message_get_bus(question), &kept->slot, question,
                                         Question::on_reply, kept.get(), patience);
    if (result < 0)
        return result;
    sd_bus_slot* const slot = kept->slot;
    sd_bus_slot_set_destroy_callback(slot, Question::gone);
    (void)kept.release(); // the destroy callback has it
    open_.insert(slot);
    return result;
}

void Questions::ask_polkit(const BusMessage& call, uid_t user,
                           const std::function<void(Result<uid_t>)>& then) {
    sd_bus_message* raw = nullptr;
    const int made = sd_bus_message_new_method_call(
        sd_bus_message_get_bus(call.get()), &raw, "org.freedesktop.PolicyKit1",
        "/org/freedesktop/PolicyKit1/Authority", "org.freedesktop.PolicyKit1.Authority",
        "CheckAuthorization");
    const std::unique_ptr<sd_bus_message, sd_bus_message* (*)(sd_bus_message*)> question(
        raw, sd_bus_message_unref);
    const bool may_ask = sd_bus_message_get_allow_interactive_authorization(call.get()) > 0;
    const std::uint32_t flags = may_ask ? 1 : 0; // AllowUserInteraction
    if (made < 0 ||
        sd_bus_message_append(question.get(), "(sa{sv})sa{ss}us", "system-bus-name", 1, "name", "s",
                              sd_bus_message_get_sender(call.get()), polkit_action, 0, flags,
                              "") < 0 ||
        ask(question.get(), may_ask ? person_patience : bus_patience,
            [user, then](sd_bus_message* reply) {
                const auto verdict = judge(reply);
                then(verdict ? Result<uid_t>(user) : fail(verdict.error()));
            }) < 0)
        then(refused("polkit could not be asked"));
}

BusMessage keep(sd_bus_message* message) {
    return {sd_bus_message_ref(message), sd_bus_message_unref};
}

void Questions::authorize(const BusMessage& call, const std::function<void(Result<uid_t>)>& then) {
    const char* const sender = sd_bus_message_get_sender(call.get());
    sd_bus_message* raw = nullptr;
    const int made = sd_bus_message_new_method_call(
        sd_bus_message_get_bus(call.get()), &raw, "org.freedesktop.DBus", "/org/freedesktop/DBus",
        "org.freedesktop.DBus", "GetConnectionUnixUser");
    const std::unique_ptr<sd_bus_message, sd_bus_message* (*)(sd_bus_message*)> question(
        raw, sd_bus_message_unref);
    if (sender == nullptr || made < 0 || sd_bus_message_append(question.get(), "s", sender) < 0 ||
        ask(question.get(), bus_patience, [this, call, then](sd_bus_message* reply) {
            std::uint32_t user = 0;
            if (sd_bus_message_get_error(reply) != nullptr ||
                sd_bus_message_read(reply, "u", &user) < 0)
                then(refused("the bus does not say who asks"));
            else if (user == 0)
                then(uid_t{0});
            else
                ask_polkit(call, user, then);
        }) < 0)
        then(refused("the bus could not be asked who you are"));
}

} // namespace scp
