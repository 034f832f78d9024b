#pragma once

#include "base/result.hpp"
#include "forest/sessions.hpp"

#include <filesystem>
#include <stop_token>
#include <string>

namespace scp {

/// Takes parked off the marker of the copy `dn`, as scpctl resume DN does: into the history first,
/// marker swapped. Nothing is done, and that is no error, where it is not parked. Blocks; for a
/// worker. ErrorKind::not_found, conflict (refused: not a copy of ours), and what the server says.
[[nodiscard]] Result<void> unpark(const std::string& dn, const Settings& settings,
                                  Connector& connector, const std::filesystem::path& history_dir,
                                  const std::stop_token& stop);

} // namespace scp
