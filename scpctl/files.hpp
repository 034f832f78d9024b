#pragma once

#include "base/result.hpp"

#include <filesystem>
#include <string>

namespace scp {

/// Replaces the file as a whole: beside it first, then renamed. ErrorKind::io.
[[nodiscard]] Result<void> write_file(const std::filesystem::path& file, const std::string& text);

/// At most `limit` bytes. ErrorKind::io, also where it is longer.
[[nodiscard]] Result<std::string> read_file(const std::filesystem::path& file, std::size_t limit);

} // namespace scp
