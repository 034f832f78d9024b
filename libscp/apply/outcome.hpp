#pragma once

#include "apply/apply.hpp"

namespace scp {

/// "update of CN=…": how messages name a change; escaped.
[[nodiscard]] std::string describe(const Change& change);

/// What becomes of a change whose write the server refused or did not answer: the error with what
/// to do about it, and the reason where it is one that CONTRACT.md holds changes for.
[[nodiscard]] ChangeResult refused_write(const Change& change, Error error);

/// The object is not as it was when the plan was made; nothing was written.
[[nodiscard]] ChangeResult changed_meanwhile(const Change& change, const std::string& server,
                                             const std::string& how);

/// Nothing was tried, because of `why`.
[[nodiscard]] ChangeResult not_tried(const Change& change, Error why,
                                     std::optional<Reason> held = {});

/// The server answered that it was done, and then showed something else.
[[nodiscard]] ChangeResult read_back_differs(const Change& change, const std::string& server,
                                             const std::string& how);

} // namespace scp
