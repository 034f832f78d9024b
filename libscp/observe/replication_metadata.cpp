#include "observe/replication_metadata.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

namespace scp {
namespace {

/// ATTRTYP of [MS-DRSR] 5.16.4: the fixed prefix of the OID's arc in the upper half, its last arc
/// in the lower. Prefix 0 is 2.5.4, 2 is 1.2.840.113556.1.2, 9 is 1.2.840.113556.1.4; the numbers
/// are the OIDs' own.
struct Known {
    std::string_view name;
    std::uint32_t attribute;
};
constexpr std::array<Known, 13> known_attributes{{
    {"description", 0x0000000d},
    {"displayName", 0x0002000d},
    {"name", 0x00090001},
    {"keywords", 0x00090030},
    {"versionNumber", 0x0009008d},
    {"vendor", 0x000900ff},
    {"versionNumberHi", 0x00090148},
    {"versionNumberLo", 0x00090149},
    {"serviceClassName", 0x000901fd},
    {"serviceBindingInformation", 0x000901fe},
    {"serviceDNSName", 0x00090291},
    {"serviceDNSNameType", 0x00090293},
    {"appSchemaVersion", 0x00090350},
}};

constexpr std::size_t header_size = 16;
constexpr std::size_t record_size = 48;
constexpr std::uint64_t seconds_1601_to_1970 = 11'644'473'600;

/// DSTIME: seconds since 1601. Past 9999 it is no time: somebody's clock or bytes are broken.
std::optional<Timestamp> read_time(std::uint64_t seconds) {
    if (seconds < seconds_1601_to_1970 || seconds > seconds_1601_to_1970 + 253'402'300'799)
        return std::nullopt;
    return Timestamp{
        std::chrono::seconds{static_cast<std::int64_t>(seconds - seconds_1601_to_1970)}};
}

/// Number of records; 0 where the blob is malformed.
std::uint64_t record_count(std::string_view blob) {
    if (blob.size() < header_size || little_endian(blob, 0, 4) != 1)
        return 0;
    const std::uint64_t count = little_endian(blob, 8, 4);
    return count > (blob.size() - header_size) / record_size ? 0 : count;
}

} // namespace

std::optional<Timestamp> newest_change(std::string_view blob,
                                       std::span<const std::string> attributes) {
    const std::uint64_t count = record_count(blob);
    std::vector<std::uint64_t> wanted{0x00090001}; // name: a rename counts
    for (const auto& known : known_attributes)
        if (std::any_of(attributes.begin(), attributes.end(), [&](const std::string& name) {
                return equal_ascii_nocase(name, known.name);
            }))
            wanted.push_back(known.attribute);

    std::uint64_t newest = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::size_t at = header_size + static_cast<std::size_t>(i) * record_size;
        if (std::find(wanted.begin(), wanted.end(), little_endian(blob, at, 4)) != wanted.end())
            newest = std::max(newest, little_endian(blob, at + 8, 8));
    }
    return read_time(newest);
}

std::vector<AttributeChange> attribute_changes(std::string_view blob) {
    std::vector<AttributeChange> changes;
    const std::uint64_t count = record_count(blob);
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::size_t at = header_size + static_cast<std::size_t>(i) * record_size;
        const std::uint64_t number = little_endian(blob, at, 4);
        const auto known = std::ranges::find_if(
            known_attributes, [&](const Known& one) { return one.attribute == number; });
        changes.push_back({known != known_attributes.end() ? std::string(known->name)
                                                           : fmt::format("0x{:08x}", number),
                           static_cast<std::uint32_t>(little_endian(blob, at + 4, 4)),
                           read_time(little_endian(blob, at + 8, 8)),
                           Guid::from_ad_bytes(blob.substr(at + 16, 16)).value_or(Guid())});
    }
    return changes;
}

} // namespace scp
