#include "observe/security_descriptor.hpp"

#include "base/text.hpp"

#include <cstddef>
#include <cstdint>
#include <set>

namespace scp {

namespace {

constexpr std::size_t header = 20; // of a self-relative descriptor

/// The SID of an allow entry that grants a write; nullopt for any other. [MS-DTYP] 2.4.4.
std::optional<Sid> writer_of_entry(std::string_view ace) {
    constexpr unsigned allowed = 0;
    constexpr unsigned allowed_object = 5;
    constexpr unsigned inherit_only = 0x08;
    // DELETE, WRITE_DAC, WRITE_OWNER, GENERIC_ALL, GENERIC_WRITE, write property, validated write
    constexpr std::size_t writes =
        0x10000 | 0x40000 | 0x80000 | 0x10000000 | 0x40000000 | 0x20 | 0x8;
    const auto type = static_cast<unsigned char>(ace[0]);
    if ((type != allowed && type != allowed_object) ||
        (static_cast<unsigned char>(ace[1]) & inherit_only) != 0 || ace.size() < 12 ||
        (little_endian(ace, 4, 4) & writes) == 0)
        return std::nullopt;
    std::size_t at = 8;
    if (type == allowed_object) {
        const std::size_t flags = little_endian(ace, 8, 4);
        at += 4 + ((flags & 1U) != 0 ? 16U : 0U) + ((flags & 2U) != 0 ? 16U : 0U);
    }
    if (at + 8 > ace.size())
        return std::nullopt;
    return Sid::from_bytes(
        ace.substr(at, 8 + 4 * static_cast<std::size_t>(static_cast<unsigned char>(ace[at + 1]))));
}

} // namespace

std::optional<Sid> owner_of(std::string_view descriptor) {
    if (descriptor.size() < header || descriptor[0] != 1)
        return std::nullopt;
    const std::size_t offset = little_endian(descriptor, 4, 4);
    if (offset < header || offset + 8 > descriptor.size())
        return std::nullopt;
    const auto count = static_cast<std::size_t>(static_cast<unsigned char>(descriptor[offset + 1]));
    return Sid::from_bytes(descriptor.substr(offset, 8 + 4 * count));
}

std::vector<Sid> writers_of(std::string_view descriptor) {
    if (descriptor.size() < header || descriptor[0] != 1)
        return {};
    const std::size_t acl = little_endian(descriptor, 16, 4);
    if (acl < header || acl + 8 > descriptor.size())
        return {};
    std::set<Sid> writers;
    std::size_t at = acl + 8;
    for (std::size_t left = little_endian(descriptor, acl + 4, 2); left > 0; --left) {
        if (at + 4 > descriptor.size())
            break;
        const std::size_t size = little_endian(descriptor, at + 2, 2);
        if (size < 4 || at + size > descriptor.size())
            break;
        if (auto writer = writer_of_entry(descriptor.substr(at, size)))
            writers.insert(std::move(*writer));
        at += size;
    }
    return {writers.begin(), writers.end()};
}

} // namespace scp
