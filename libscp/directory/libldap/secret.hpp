#pragma once

#include "base/result.hpp"

#include <string>
#include <string_view>

namespace scp {

/// Where the credential NAME of the settings lies: $CREDENTIALS_DIRECTORY, then /etc/credstore.
/// ErrorKind::settings where it is in neither, or where the name has a slash.
[[nodiscard]] Result<std::string> credential_path(std::string_view name);

/// The first line of a file, without its end. ErrorKind::settings where it cannot be read or is
/// empty.
[[nodiscard]] Result<std::string> read_secret(const std::string& path);

} // namespace scp
