#pragma once

#include "base/error.hpp"

namespace scp {

/// Exit codes of scpctl (CONTRACT.md, "scpctl"): scripts rely on them.
enum class Exit {
    ok = 0,
    no = 1,    ///< "no" as an answer: not found, differences, changes to be made
    usage = 2, ///< flags, arguments or settings
    held = 3,  ///< something was held or refused
    unreachable =
        4, ///< a needed directory could not be reached, refused us, or was read incompletely
    write_failed = 5, ///< a write failed
    several = 6,      ///< more than one (explain)
    bug = 70,         ///< EX_SOFTWARE of sysexits.h: never on purpose
    interrupted = 130,
};

/// The one that is reported where both apply: interrupted, then the contract's order 2, 4, 5, 3, 6,
/// 1, 0.
[[nodiscard]] Exit more_urgent(Exit a, Exit b);

/// What an error that ended a verb means for its exit code.
[[nodiscard]] Exit exit_for(const Error& error);

} // namespace scp
