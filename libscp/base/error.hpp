#pragma once

#include <string>

namespace scp {

/// Only what a caller branches on; everything else is in the message.
enum class ErrorKind {
    usage,          ///< wrong flags or arguments
    settings,       ///< the settings are wrong
    unreachable,    ///< no answer in time, no route, DNS, TLS: try again later
    refused,        ///< the server refused the log-in or the read
    incomplete,     ///< an answer came, but not to its proved end
    not_found,      ///< LDAP 32
    already_exists, ///< LDAP 68
    conflict,       ///< LDAP 16/20: the exact old value is not there any more
    no_rights,      ///< LDAP 50
    rejected,       ///< the server refuses a value, class or name (17, 19, 21, 34, 64, 65, …)
    io,             ///< a local file
    interrupted,    ///< asked to stop
    internal,
};

/// What was tried, on what, what came back (message) and what to do about it (hint, may be empty).
/// Values from a directory inside a message are already escaped (base/text.hpp).
struct Error {
    ErrorKind kind = ErrorKind::internal;
    std::string message;
    std::string hint;
    int ldap_code = 0; ///< the server's or libldap's result code where there was one

    friend bool operator==(const Error&, const Error&) = default;
};

/// Worth trying again by itself, without a person's act.
[[nodiscard]] inline bool is_retryable(const Error& error) {
    return error.kind == ErrorKind::unreachable || error.kind == ErrorKind::incomplete ||
           error.kind == ErrorKind::conflict;
}

/// The name used in JSON ("error": {"kind": …}).
[[nodiscard]] std::string to_string(ErrorKind kind);

} // namespace scp
