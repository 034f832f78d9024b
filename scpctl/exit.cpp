#include "scpctl/exit.hpp"

#include <algorithm>
#include <array>

namespace scp {

Exit more_urgent(Exit a, Exit b) {
    static constexpr std::array order{Exit::interrupted, Exit::bug,          Exit::usage,
                                      Exit::unreachable, Exit::write_failed, Exit::held,
                                      Exit::several,     Exit::no,           Exit::ok};
    return *std::ranges::find_if(order, [&](Exit code) { return code == a || code == b; });
}

Exit exit_for(const Error& error) {
    switch (error.kind) {
    case ErrorKind::usage:
    case ErrorKind::settings:
    case ErrorKind::io: // a file that the caller named
        return Exit::usage;
    case ErrorKind::unreachable:
    case ErrorKind::refused:
    case ErrorKind::incomplete:
        return Exit::unreachable;
    case ErrorKind::not_found:
        return Exit::no;
    case ErrorKind::already_exists:
        return Exit::held;
    case ErrorKind::conflict:
    case ErrorKind::no_rights:
    case ErrorKind::rejected:
        return Exit::write_failed;
    case ErrorKind::interrupted:
        return Exit::interrupted;
    case ErrorKind::internal:
        break;
    }
    return Exit::bug;
}

} // namespace scp
