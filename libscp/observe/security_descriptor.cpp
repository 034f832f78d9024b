#include "observe/security_descriptor.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <utility>

namespace scp {

namespace {

constexpr std::size_t header = 20; // of a self-relative descriptor

constexpr unsigned container_inherit = 0x02;
constexpr unsigned inherit_only = 0x08;

/// One entry that allows or denies, [MS-DTYP] 2.4.4.
struct AccessEntry {
    bool allows = false;
    unsigned flags = 0;
    std::uint32_t rights = 0;
    std::optional<Guid> property;  ///< the right is to this attribute, class or extended right only
    std::optional<Guid> inherited; ///< only children of this class inherit it
    Sid who;
};

/// nullopt for entries of other types, and where the bytes make no sense.
std::optional<AccessEntry> read_entry(std::string_view ace) {
    constexpr unsigned allowed = 0, denied = 1, allowed_object = 5, denied_object = 6;
    const auto type = static_cast<unsigned char>(ace[0]);
    const bool has_guids = type == allowed_object || type == denied_object;
    if ((!has_guids && type != allowed && type != denied) || ace.size() < 12)
        return std::nullopt;
    std::optional<Guid> property, inherited;
    std::size_t at = 8;
    if (has_guids) {
        const std::size_t present = little_endian(ace, 8, 4);
        at += 4;
        for (const auto& [flag, guid] :
             {std::pair(std::size_t{1}, &property), std::pair(std::size_t{2}, &inherited)}) {
            if ((present & flag) == 0)
                continue;
            if (at + 16 > ace.size())
                return std::nullopt;
            *guid = Guid::from_ad_bytes(ace.substr(at, 16));
            at += 16;
        }
    }
    if (at + 8 > ace.size())
        return std::nullopt;
    auto who = Sid::from_bytes(
        ace.substr(at, 8 + 4 * static_cast<std::size_t>(static_cast<unsigned char>(ace[at + 1]))));
    if (!who)
        return std::nullopt;
    return AccessEntry{type == allowed || type == allowed_object,
                       static_cast<unsigned char>(ace[1]),
                       static_cast<std::uint32_t>(little_endian(ace, 4, 4)),
                       property,
                       inherited,
                       std::move(*who)};
}

/// Up to the first that is cut short.
std::vector<AccessEntry> entries_of(std::string_view descriptor) {
    if (descriptor.size() < header || descriptor[0] != 1)
        return {};
    const std::size_t acl = little_endian(descriptor, 16, 4);
    if (acl < header || acl + 8 > descriptor.size())
        return {};
    std::vector<AccessEntry> entries;
    std::size_t at = acl + 8;
    for (std::size_t left = little_endian(descriptor, acl + 4, 2); left > 0; --left) {
        if (at + 4 > descriptor.size())
            break;
        const std::size_t size = little_endian(descriptor, at + 2, 2);
        if (size < 4 || at + size > descriptor.size())
            break;
        if (auto entry = read_entry(descriptor.substr(at, size)))
            entries.push_back(std::move(*entry));
        at += size;
    }
    return entries;
}

/// [MS-ADTS] 5.1.3.2: what the generic rights come to on a directory object.
std::uint32_t specific(std::uint32_t rights) {
    constexpr std::uint32_t generic_all = 0x10000000, generic_write = 0x40000000;
    constexpr std::uint32_t all = 0x000F01FF, write = 0x00020028;
    return rights | ((rights & generic_all) != 0 ? all : 0U) |
           ((rights & generic_write) != 0 ? write : 0U);
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
    // DELETE, WRITE_DAC, WRITE_OWNER, GENERIC_ALL, GENERIC_WRITE, write property, validated write
    constexpr std::uint32_t writes =
        0x10000 | 0x40000 | 0x80000 | 0x10000000 | 0x40000000 | 0x20 | 0x8;
    std::set<Sid> writers;
    for (const AccessEntry& entry : entries_of(descriptor))
        if (entry.allows && (entry.flags & inherit_only) == 0 && (entry.rights & writes) != 0)
            writers.insert(entry.who);
    return {writers.begin(), writers.end()};
}

std::uint32_t inherited_rights(std::string_view descriptor, std::span<const Sid> account,
                               const Guid& child) {
    std::uint32_t allowed = 0, denied = 0;
    for (const AccessEntry& entry : entries_of(descriptor)) {
        if ((entry.flags & container_inherit) == 0 || entry.property ||
            (entry.inherited && *entry.inherited != child) ||
            std::ranges::find(account, entry.who) == account.end())
            continue;
        if (entry.allows)
            allowed |= specific(entry.rights) & ~denied;
        else
            denied |= specific(entry.rights) & ~allowed;
    }
    return allowed;
}

} // namespace scp
