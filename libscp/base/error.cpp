#include "base/error.hpp"

namespace scp {

std::string to_string(ErrorKind kind) {
    switch (kind) {
    case ErrorKind::usage:
        return "usage";
    case ErrorKind::settings:
        return "settings";
    case ErrorKind::unreachable:
        return "unreachable";
    case ErrorKind::refused:
        return "refused";
    case ErrorKind::incomplete:
        return "incomplete";
    case ErrorKind::not_found:
        return "not-found";
    case ErrorKind::already_exists:
        return "already-exists";
    case ErrorKind::conflict:
        return "conflict";
    case ErrorKind::no_rights:
        return "no-rights";
    case ErrorKind::rejected:
        return "rejected";
    case ErrorKind::io:
        return "io";
    case ErrorKind::interrupted:
        return "interrupted";
    case ErrorKind::internal:
        return "internal";
    }
    return "internal";
}

} // namespace scp
