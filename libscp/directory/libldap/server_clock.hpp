#pragma once

#include "base/time.hpp"
#include "directory/libldap/link.hpp"

#include <optional>
#include <string>

namespace scp {

/// What the server's RootDSE says of its time, asked without a log-in; none where it is not told.
/// It may kill the link.
[[nodiscard]] std::optional<Timestamp> server_clock(Link& link, Deadline deadline);

/// "its clock says …, this machine's …" where they differ by more than Kerberos allows, else empty.
[[nodiscard]] std::string clocks_apart(Timestamp server, Timestamp here);

} // namespace scp
