#pragma once

#include "base/result.hpp"

#include <istream>
#include <memory>
#include <stop_token>
#include <string>

namespace scp {

/// Opens FILE, or standard input for "-", so that waiting for what a pipe or terminal brings next
/// ends when `stop` is requested (the stream is then at its end). ErrorKind::io, with the reason.
[[nodiscard]] Result<std::unique_ptr<std::istream>> open_log(const std::string& file,
                                                             std::stop_token stop);

} // namespace scp
