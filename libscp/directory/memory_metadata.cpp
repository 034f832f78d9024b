#include "directory/memory.hpp"

#include <array>

namespace scp {
namespace {

/// ATTRTYP of [MS-DRSR] 5.16.4: the OID's prefix in the upper half, its last arc in the lower.
struct KnownAttribute {
    std::string_view name;
    std::uint32_t type;
};
constexpr std::array known_attributes{
    KnownAttribute{"cn", 0x3},
    KnownAttribute{"description", 0xd},
    KnownAttribute{"displayName", 0x2000d},
    KnownAttribute{"name", 0x90001},
    KnownAttribute{"keywords", 0x90030},
    KnownAttribute{"versionNumber", 0x9008d},
    KnownAttribute{"vendor", 0x900ff},
    KnownAttribute{"versionNumberHi", 0x90148},
    KnownAttribute{"versionNumberLo", 0x90149},
    KnownAttribute{"serviceClassName", 0x901fd},
    KnownAttribute{"serviceBindingInformation", 0x901fe},
    KnownAttribute{"serviceDNSName", 0x90291},
    KnownAttribute{"serviceDNSNameType", 0x90293},
    KnownAttribute{"appSchemaVersion", 0x90350},
    KnownAttribute{"msDS-Settings", 0x906a1},
};

constexpr std::uint64_t seconds_1601_to_1970 = 11'644'473'600;

void put_little_endian(std::string& out, std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) {
        out.push_back(static_cast<char>(value >> (8 * i) & 0xff));
    }
}

} // namespace

std::string
make_property_metadata(const std::map<std::string, MemoryObject::Change, LessNoCase>& changes) {
    std::string records;
    std::uint64_t count = 0;
    for (const KnownAttribute& known : known_attributes) {
        const auto at = changes.find(known.name);
        if (at == changes.end()) {
            continue;
        }
        ++count;
        put_little_endian(records, known.type, 4);
        put_little_endian(records, at->second.version, 4);
        const auto seconds = static_cast<std::uint64_t>(at->second.time.time_since_epoch().count());
        put_little_endian(records, seconds + seconds_1601_to_1970, 8);
        records.append(16 + 8 + 8, '\0'); // originating DSA and USNs: nobody looks at them
    }
    std::string blob;
    put_little_endian(blob, 1, 4);
    put_little_endian(blob, 0, 4);
    put_little_endian(blob, count, 4);
    put_little_endian(blob, 0, 4);
    return blob + records;
}

std::string make_security_descriptor(const Sid& owner) {
    constexpr std::uint64_t header = 20;
    std::string out;
    put_little_endian(out, 1, 1); // revision
    put_little_endian(out, 0, 1);
    put_little_endian(out, 0x8004, 2); // self-relative, a DACL is there
    put_little_endian(out, header, 4);
    put_little_endian(out, header, 4); // group: the owner again
    put_little_endian(out, 0, 4);
    put_little_endian(out, header + owner.bytes().size(), 4);
    out += owner.bytes();
    put_little_endian(out, 2, 2); // ACL revision
    put_little_endian(out, 8, 2);
    put_little_endian(out, 0, 4);
    return out;
}

} // namespace scp
