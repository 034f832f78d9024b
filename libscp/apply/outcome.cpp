#include "apply/outcome.hpp"

#include "apply/operations.hpp"
#include "base/text.hpp"

#include <fmt/format.h>

namespace scp {
namespace {

using State = ChangeResult::State;

constexpr int ldap_referral = 10;             // what a read-only DC answers to a write
constexpr int ldap_admin_limit_exceeded = 11; // AD: more values than an object can hold

constexpr const char* next_cycle = "nothing to do: the next cycle reads it again and decides anew";

std::string place_of(const Change& change) {
    return printable(change.dn.parent().text());
}

std::string rights_hint(const Change& change) {
    const std::string object = printable(change.dn.text());
    switch (change.op) {
    case Op::create:
        return "allow scpd's account, or better a group of it, to create serviceConnectionPoint "
               "objects in " +
               place_of(change);
    case Op::create_container:
        return "let an administrator create " + object +
               ", or allow scpd's account to create containers in " + place_of(change);
    case Op::remove:
        return "allow scpd's account, or better a group of it, to change and delete "
               "serviceConnectionPoint objects "
               "in " +
               place_of(change);
    case Op::update:
    case Op::rename:
    case Op::mark:
        break;
    }
    return "allow scpd's account, or better a group of it, to write the properties of "
           "serviceConnectionPoint "
           "objects in " +
           place_of(change) + "; a copy made by another account is owned by that account";
}

ChangeResult failed(Error error, std::string hint, std::optional<Reason> held = {}) {
    error.hint = std::move(hint);
    return {State::failed, std::move(error), held};
}

ChangeResult refused_value(const Change& change, Error error) {
    if (change.op == Op::remove)
        return failed(std::move(error),
                      "see the message; what lies below it must be removed by hand first");
    return failed(
        std::move(error),
        "the server does not take a value, the name or the class: see the message, and correct the "
        "source, or take the attribute out of the attributes of rule " +
            printable(change.rule),
        Reason::cannot_copy);
}

ChangeResult not_there(const Change& change, Error error) {
    if (change.op != Op::create && change.op != Op::create_container)
        return failed(std::move(error), next_cycle);
    return failed(
        std::move(error),
        "create the container " + place_of(change) +
            ", or set create_containers: true in the rule and allow scpd's account to create it",
        Reason::parent_missing);
}

} // namespace

std::string describe(const Change& change) {
    std::string text = to_string(change.op) + " of " + printable(change.dn.text());
    if (change.op == Op::rename)
        text += " to " + printable(object_after(change).dn.rdn());
    return text;
}

ChangeResult refused_write(const Change& change, Error error) {
    if (error.ldap_code == ldap_referral)
        return failed(std::move(error), "name a writable DC of the domain in servers",
                      Reason::write_dc_unavailable);
    switch (error.kind) {
    case ErrorKind::unreachable:
    case ErrorKind::interrupted:
        return failed(std::move(error),
                      fmt::format("it may have happened all the same; {}", next_cycle));
    case ErrorKind::no_rights:
        return failed(std::move(error), rights_hint(change), Reason::no_rights);
    case ErrorKind::rejected:
        return refused_value(change, std::move(error));
    case ErrorKind::not_found:
        return not_there(change, std::move(error));
    case ErrorKind::already_exists:
        return failed(std::move(error),
                      "see with scpctl show what is at " +
                          printable(object_after(change).dn.text()) +
                          "; remove or adopt it, or choose another container",
                      Reason::name_collision);
    case ErrorKind::conflict:
        // Also said (20) where two new values are one to a server that compares without case.
        if (has_values_equal_without_case(change.after))
            return refused_value(change, std::move(error));
        error.message += "; changed since it was read";
        return failed(std::move(error), next_cycle);
    default:
        break;
    }
    if (error.ldap_code == ldap_admin_limit_exceeded)
        return refused_value(change, std::move(error));
    if (error.hint.empty())
        error.hint = next_cycle;
    return {State::failed, std::move(error), {}};
}

ChangeResult changed_meanwhile(const Change& change, const std::string& server,
                               const std::string& how) {
    return {State::skipped,
            Error{ErrorKind::conflict,
                  describe(change) + " on " + server + ": changed since it was read: " + how +
                      "; the next cycle looks again",
                  next_cycle, 0},
            {}};
}

ChangeResult not_tried(const Change& change, Error why, std::optional<Reason> held) {
    why.message = describe(change) + ": not tried: " + why.message;
    return {State::skipped, std::move(why), held};
}

ChangeResult read_back_differs(const Change& change, const std::string& server,
                               const std::string& how) {
    return {State::failed,
            Error{ErrorKind::conflict,
                  describe(change) + " on " + server +
                      " was answered as done, but read back it is not: " + how,
                  "somebody else writes to it at the same time, or the server alters values: the "
                  "next cycle looks "
                  "again; if it stays so, compare with scpctl show",
                  0},
            {},
            true};
}

} // namespace scp
