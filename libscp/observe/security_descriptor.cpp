#include "observe/security_descriptor.hpp"

#include <cstddef>
#include <cstdint>

namespace scp {

std::optional<Sid> owner_of(std::string_view descriptor) {
    constexpr std::size_t header = 20;
    if (descriptor.size() < header || descriptor[0] != 1)
        return std::nullopt;
    std::size_t offset = 0;
    for (std::size_t i = 4; i > 0; --i)
        offset = offset << 8 | static_cast<unsigned char>(descriptor[3 + i]);
    if (offset < header || offset + 8 > descriptor.size())
        return std::nullopt;
    const auto count = static_cast<std::size_t>(static_cast<unsigned char>(descriptor[offset + 1]));
    return Sid::from_bytes(descriptor.substr(offset, 8 + 4 * count));
}

} // namespace scp
