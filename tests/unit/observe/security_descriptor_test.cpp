#include "observe/security_descriptor.hpp"

#include "unit/observe/binary.hpp"

#include <doctest/doctest.h>

using namespace scp;
using scp::test::little_endian;

namespace {

constexpr std::uint32_t write_property = 0x20;
constexpr std::uint32_t read_property = 0x10;
constexpr std::uint32_t delete_it = 0x10000;
constexpr std::uint32_t write_dac = 0x40000;
constexpr std::uint32_t write_owner = 0x80000;
constexpr std::uint32_t generic_all = 0x10000000;

const std::string guid(16, '\x77');

Sid sid(unsigned rid) {
    return Sid::parse(fmt::format("S-1-5-21-1-2-3-{}", rid)).value();
}

std::string ace(unsigned type, unsigned flags, const std::string& body) {
    return little_endian(type, 1) + little_endian(flags, 1) + little_endian(4 + body.size(), 2) +
           body;
}

std::string allow(std::uint32_t rights, unsigned rid, unsigned flags = 0) {
    return ace(0, flags, little_endian(rights, 4) + sid(rid).bytes());
}

std::string deny(std::uint32_t rights, unsigned rid) {
    return ace(1, 0, little_endian(rights, 4) + sid(rid).bytes());
}

/// ACCESS_ALLOWED_OBJECT_ACE: 1 says that the object type's GUID is there, 2 the inherited one's.
std::string allow_object(std::uint32_t rights, unsigned present, const std::string& guids,
                         unsigned rid) {
    return ace(5, 0,
               little_endian(rights, 4) + little_endian(present, 4) + guids + sid(rid).bytes());
}

std::string acl(std::uint64_t count, const std::string& aces) {
    return little_endian(2, 2) + little_endian(8 + aces.size(), 2) + little_endian(count, 2) +
           little_endian(0, 2) + aces;
}

/// [MS-DTYP] 2.4.6: header, owner, group, DACL.
std::string descriptor(const std::string& dacl, unsigned owner = 512) {
    const std::string who = sid(owner).bytes();
    return little_endian(1, 2) + little_endian(0x8004, 2) + little_endian(20, 4) +
           little_endian(20, 4) + little_endian(0, 4) +
           little_endian(dacl.empty() ? 0 : 20 + who.size(), 4) + who + dacl;
}

std::string with(std::string bytes, std::size_t at, const std::string& other) {
    return bytes.replace(at, other.size(), other);
}

std::vector<std::string> writers(const std::string& value) {
    std::vector<std::string> out;
    for (const auto& one : writers_of(value))
        out.push_back(one.to_string().substr(std::string("S-1-5-21-1-2-3-").size()));
    return out;
}

} // namespace

TEST_CASE("security descriptor: who may write") {
    using List = std::vector<std::string>;
    const std::string good = acl(1, allow(write_property, 1001));
    struct Row {
        std::string name;
        std::string descriptor;
        List writers;
    };
    const std::vector<Row> rows{
        {"write property", descriptor(good), {"1001"}},
        {"only read", descriptor(acl(1, allow(read_property, 1001))), {}},
        {"delete", descriptor(acl(1, allow(delete_it, 1001))), {"1001"}},
        {"write the DACL", descriptor(acl(1, allow(write_dac, 1001))), {"1001"}},
        {"take the ownership", descriptor(acl(1, allow(write_owner, 1001))), {"1001"}},
        {"everything", descriptor(acl(1, allow(generic_all, 1001))), {"1001"}},
        {"an object's entry without GUIDs",
         descriptor(acl(1, allow_object(write_property, 0, "", 1001))),
         {"1001"}},
        {"with one GUID",
         descriptor(acl(1, allow_object(write_property, 1, guid, 1001))),
         {"1001"}},
        {"with the other",
         descriptor(acl(1, allow_object(write_property, 2, guid, 1001))),
         {"1001"}},
        {"with both",
         descriptor(acl(1, allow_object(write_property, 3, guid + guid, 1001))),
         {"1001"}},
        {"with a GUID that is not there",
         descriptor(acl(1, allow_object(write_property, 3, guid, 1001))),
         {}},
        {"denied is not allowed", descriptor(acl(1, deny(write_property, 1001))), {}},
        {"only for what is below", descriptor(acl(1, allow(write_property, 1001, 0x08))), {}},
        {"inherited itself", descriptor(acl(1, allow(write_property, 1001, 0x10))), {"1001"}},
        {"several, sorted, each once",
         descriptor(acl(4, allow(write_property, 1002) + allow(read_property, 1003) +
                               allow(delete_it, 1001) + allow(write_dac, 1002))),
         {"1001", "1002"}},
        {"no DACL", descriptor(""), {}},
        {"an empty DACL", descriptor(acl(0, "")), {}},
        {"fewer entries than bytes",
         descriptor(acl(1, allow(write_property, 1001) + allow(write_property, 1002))),
         {"1001"}},
        {"more entries than bytes", descriptor(acl(9, allow(write_property, 1001))), {"1001"}},
        {"as many entries as fit a number",
         descriptor(acl(0xffff, allow(write_property, 1001))),
         {"1001"}},
        {"an entry of no length",
         descriptor(acl(9, with(allow(write_property, 1001), 2, little_endian(0, 2)))),
         {}},
        {"an entry of a header alone", descriptor(acl(1, ace(0, 0, ""))), {}},
        {"an entry longer than the value",
         descriptor(acl(1, with(allow(write_property, 1001), 2, little_endian(0xffff, 2)))),
         {}},
        {"a SID of more parts than there are",
         descriptor(acl(1, with(allow(write_property, 1001), 9, little_endian(255, 1)))),
         {}},
        {"a SID of fewer parts: not this one",
         descriptor(acl(1, with(allow(write_property, 1001), 9, little_endian(16, 1)))),
         {}},
        {"a DACL inside the header", with(descriptor(good), 16, little_endian(4, 4)), {}},
        {"a DACL past the end", with(descriptor(good), 16, little_endian(0xffffffff, 4)), {}},
        {"a DACL at the very end",
         with(descriptor(good), 16, little_endian(descriptor(good).size(), 4)),
         {}},
        {"another revision", with(descriptor(good), 0, little_endian(2, 1)), {}},
        {"empty", "", {}},
        {"text", "this is no security descriptor", {}},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        CHECK(writers(row.descriptor) == row.writers);
    }
}

TEST_CASE("security descriptor: the owner") {
    const std::string good = descriptor(acl(1, allow(write_property, 1001)));
    struct Row {
        std::string name;
        std::string descriptor;
        std::string owner;
    };
    const std::vector<Row> rows{
        {"as it stands", good, "S-1-5-21-1-2-3-512"},
        {"none", with(good, 4, little_endian(0, 4)), "none"},
        {"inside the header", with(good, 4, little_endian(19, 4)), "none"},
        {"past the end", with(good, 4, little_endian(0xffffffff, 4)), "none"},
        {"of more parts than there are", with(good, 21, little_endian(255, 1)), "none"},
        {"of another revision", with(good, 20, little_endian(2, 1)), "none"},
        {"of another revision of the descriptor", with(good, 0, little_endian(0, 1)), "none"},
        {"empty", "", "none"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const auto owner = owner_of(row.descriptor);
        CHECK((owner ? owner->to_string() : "none") == row.owner);
    }
}

TEST_CASE("security descriptor: cut off or bent at any byte, it is read without harm") {
    const std::string whole = descriptor(
        acl(2, allow(write_property, 1001) + allow_object(write_property, 3, guid + guid, 1002)));
    REQUIRE(writers(whole) == std::vector<std::string>{"1001", "1002"});
    const std::size_t second = allow_object(write_property, 3, guid + guid, 1002).size();
    for (std::size_t length = 0; length < whole.size(); ++length) {
        CAPTURE(length);
        const std::string cut = whole.substr(0, length);
        const bool first_is_whole = length + second >= whole.size();
        CHECK(writers(cut) ==
              (first_is_whole ? std::vector<std::string>{"1001"} : std::vector<std::string>{}));
        CHECK(owner_of(cut).has_value() == (length >= 20 + sid(512).bytes().size()));
    }
    for (std::size_t at = 0; at < whole.size(); ++at)
        for (const int byte : {0x00, 0x01, 0x0f, 0x10, 0x7f, 0x80, 0xff}) {
            const std::string bent = with(whole, at, little_endian(static_cast<unsigned>(byte), 1));
            CHECK(writers_of(bent).size() <= 3);
            (void)owner_of(bent);
        }
}

TEST_CASE("security descriptor: what a new child inherits") {
    const Guid child = Guid::from_ad_bytes(guid).value();
    const std::string other(16, '\x66');
    constexpr unsigned inherit = 0x02, inherit_only = 0x08;
    const auto entry = [&](unsigned type, unsigned flags, std::uint32_t rights, unsigned present,
                           const std::string& guids, unsigned rid) {
        return ace(type, flags,
                   little_endian(rights, 4) + little_endian(present, 4) + guids + sid(rid).bytes());
    };
    struct Row {
        std::string name;
        std::vector<std::string> entries;
        std::uint32_t rights;
    };
    const std::vector<Row> rows{
        {"nothing is there", {}, 0},
        {"to the container alone", {allow(write_property, 1001)}, 0},
        {"to all below", {allow(write_property, 1001, inherit)}, write_property},
        {"to a group of the account", {allow(delete_it, 1002, inherit)}, delete_it},
        {"to somebody else", {allow(write_property, 1003, inherit)}, 0},
        {"to children of the class",
         {entry(5, inherit | inherit_only, write_property, 2, guid, 1001)},
         write_property},
        {"to children of another class", {entry(5, inherit, write_property, 2, other, 1001)}, 0},
        {"to one property", {entry(5, inherit, write_property, 1, other, 1001)}, 0},
        {"to one property of the class",
         {entry(5, inherit, write_property, 3, other + guid, 1001)},
         0},
        {"two entries add up",
         {allow(write_property, 1001, inherit), allow(delete_it, 1002, inherit)},
         write_property | delete_it},
        {"denied first",
         {ace(1, inherit, little_endian(delete_it, 4) + sid(1002).bytes()),
          allow(write_property | delete_it, 1001, inherit)},
         write_property},
        {"denied to children of the class",
         {entry(6, inherit, write_property, 2, guid, 1001), allow(write_property, 1001, inherit)},
         0},
        {"cut short", {allow(write_property, 1001, inherit).substr(0, 20)}, 0},
    };
    const std::vector<Sid> account{sid(1001), sid(1002)};
    for (const auto& row : rows) {
        CAPTURE(row.name);
        std::string entries;
        for (const auto& one : row.entries)
            entries += one;
        CHECK(inherited_rights(descriptor(acl(row.entries.size(), entries)), account, child) ==
              row.rights);
    }
    const std::uint32_t all =
        inherited_rights(descriptor(acl(1, allow(generic_all, 1001, inherit))), account, child);
    CHECK((all & right_to_write_properties) != 0);
    CHECK((all & right_to_delete) != 0);
    CHECK(inherited_rights("", account, child) == 0);
}
