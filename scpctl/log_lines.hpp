#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <stop_token>
#include <string_view>

namespace scp {

struct LineCounts {
    std::uint64_t lines = 0;
    std::uint64_t long_lines = 0;
    bool failed = false;      ///< the stream broke
    bool interrupted = false; ///< stopped before the end
};

/// Calls `on_line(number, line)` for every line of at most `limit` bytes, without its end, in UTF-8
/// (or, where the text is no Unicode, as it stands). Memory is bounded by `limit`, whatever the
/// stream holds.
LineCounts for_each_line(std::istream& in, std::size_t limit, const std::stop_token& stop,
                         const std::function<void(std::uint64_t, std::string_view)>& on_line);

} // namespace scp
