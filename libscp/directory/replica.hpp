#pragma once

#include "directory/directory.hpp"

namespace scp {

/// Whose database answers: on AD the DC's NTDS Settings object (dsServiceName) and its
/// invocationId, which changes when the database was restored ([MS-ADTS] 3.1.1.1.5, 3.1.1.1.9);
/// elsewhere the server's URI. USNs, and what was absent, of one replica say nothing of another.
/// Where invocationId is not shown, the DC alone. An Error where it could not be asked.
[[nodiscard]] Result<std::string> replica_of(Directory& session);

} // namespace scp
