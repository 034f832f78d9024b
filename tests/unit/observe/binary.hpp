#pragma once

#include <cstdint>
#include <string>

namespace scp::test {

/// The number's lowest `bytes` bytes, lowest first.
inline std::string little_endian(std::uint64_t number, int bytes) {
    std::string out;
    for (int i = 0; i < bytes; ++i, number >>= 8)
        out.push_back(static_cast<char>(number & 0xff));
    return out;
}

} // namespace scp::test
