#include "observe/replication_metadata.hpp"

#include "unit/observe/binary.hpp"

#include <doctest/doctest.h>

using namespace scp;
using scp::test::little_endian;

namespace {

constexpr std::uint64_t seconds_1601_to_1970 = 11'644'473'600;
constexpr std::uint64_t new_year = seconds_1601_to_1970 + 1'767'225'600; // 2026-01-01T00:00:00Z
constexpr std::uint32_t keywords = 0x00090030;
constexpr std::uint32_t bindings = 0x000901fe;
constexpr std::uint32_t name = 0x00090001;
constexpr std::uint32_t marker = 0x000906a1; // msDS-Settings

const std::string dc = "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10";

std::string record(std::uint32_t attribute, std::uint64_t time, std::uint32_t version = 1) {
    return little_endian(attribute, 4) + little_endian(version, 4) + little_endian(time, 8) + dc +
           little_endian(0, 16);
}

std::string blob(std::uint64_t count, const std::string& records, std::uint64_t version = 1) {
    return little_endian(version, 4) + little_endian(0, 4) + little_endian(count, 4) +
           little_endian(0, 4) + records;
}

const std::vector<std::string> copied{"keywords", "serviceBindingInformation"};

std::string newest(const std::string& value) {
    const auto time = newest_change(value, copied);
    return time ? to_rfc3339(*time) : "none";
}

} // namespace

TEST_CASE("replication metadata: the newest change of what is copied") {
    struct Row {
        std::string name;
        std::string blob;
        std::string newest;
    };
    const std::vector<Row> rows{
        {"one attribute", blob(1, record(keywords, new_year)), "2026-01-01T00:00:00Z"},
        {"the newest of two, last",
         blob(2, record(keywords, new_year) + record(bindings, new_year + 60)),
         "2026-01-01T00:01:00Z"},
        {"the newest of two, first",
         blob(2, record(keywords, new_year + 60) + record(bindings, new_year)),
         "2026-01-01T00:01:00Z"},
        {"a rename counts", blob(2, record(keywords, new_year) + record(name, new_year + 5)),
         "2026-01-01T00:00:05Z"},
        {"our own marker does not",
         blob(2, record(keywords, new_year) + record(marker, new_year + 5)),
         "2026-01-01T00:00:00Z"},
        {"none that is copied", blob(1, record(marker, new_year)), "none"},
        {"no records", blob(0, ""), "none"},
        {"the first second of 1970", blob(1, record(keywords, seconds_1601_to_1970)),
         "1970-01-01T00:00:00Z"},
        {"the last second of 9999",
         blob(1, record(keywords, seconds_1601_to_1970 + 253'402'300'799)), "9999-12-31T23:59:59Z"},
        {"before 1970", blob(1, record(keywords, seconds_1601_to_1970 - 1)), "none"},
        {"past 9999", blob(1, record(keywords, seconds_1601_to_1970 + 253'402'300'800)), "none"},
        {"a time of all ones", blob(1, record(keywords, UINT64_MAX)), "none"},
        {"another version of the blob", blob(1, record(keywords, new_year), 2), "none"},
        {"bytes after the last record are nobody's",
         blob(1, record(keywords, new_year) + record(bindings, new_year + 60)),
         "2026-01-01T00:00:00Z"},
        {"one record more than there is", blob(2, record(keywords, new_year)), "none"},
        {"a count of all ones", blob(0xffffffff, record(keywords, new_year)), "none"},
        {"a count whose bytes wrap round to 48", blob(0x5555'5556, record(keywords, new_year)),
         "none"},
        {"empty", "", "none"},
        {"text", "no metadata at all, but long enough to hold a header", "none"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        CHECK(newest(row.blob) == row.newest);
    }
}

TEST_CASE("replication metadata: every record, for people") {
    const auto changes =
        attribute_changes(blob(3, record(keywords, new_year, 7) + record(marker, new_year + 1) +
                                      record(bindings, UINT64_MAX, 0xffffffff)));
    REQUIRE(changes.size() == 3);
    CHECK(changes[0].attribute == "keywords");
    CHECK(changes[0].version == 7);
    CHECK(to_rfc3339(changes[0].time.value()) == "2026-01-01T00:00:00Z");
    CHECK(changes[0].dc.to_string() == "04030201-0605-0807-090a-0b0c0d0e0f10");
    CHECK(changes[1].attribute == "0x000906a1");
    CHECK(changes[2].attribute == "serviceBindingInformation");
    CHECK(changes[2].version == 0xffffffff);
    CHECK_FALSE(changes[2].time);
}

TEST_CASE("replication metadata: cut off at any byte, it says nothing") {
    const std::string whole = blob(2, record(keywords, new_year) + record(bindings, new_year));
    REQUIRE(attribute_changes(whole).size() == 2);
    for (std::size_t length = 0; length < whole.size(); ++length) {
        CAPTURE(length);
        // Its own allocation: a read past the end is seen by the sanitizer.
        const std::string cut = whole.substr(0, length);
        CHECK(attribute_changes(cut).empty());
        CHECK(newest(cut) == "none");
    }
}

TEST_CASE("replication metadata: any byte changed is read without harm") {
    const std::string whole = blob(2, record(keywords, new_year) + record(bindings, new_year));
    for (std::size_t at = 0; at < whole.size(); ++at)
        for (const int byte : {0x00, 0x01, 0x7f, 0x80, 0xff}) {
            std::string bent = whole;
            bent[at] = static_cast<char>(byte);
            CAPTURE(at);
            CHECK(attribute_changes(bent).size() <= 2);
            (void)newest_change(bent, copied);
        }
}
