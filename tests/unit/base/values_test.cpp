#include "base/guid.hpp"
#include "base/hash.hpp"
#include "base/marker.hpp"
#include "base/sid.hpp"
#include "base/text.hpp"
#include "base/time.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace scp;

TEST_CASE("a GUID has one text form and AD's byte order") {
    const auto guid = Guid::parse("90E49231-3838-4e5e-b2e4-8813fbf59a11").value();
    CHECK(guid.to_string() == "90e49231-3838-4e5e-b2e4-8813fbf59a11");
    CHECK(to_hex(guid.ad_bytes()) == "3192e49038385e4eb2e48813fbf59a11");
    CHECK(Guid::from_ad_bytes(guid.ad_bytes()).value() == guid);
    CHECK(Guid::parse("{90e49231-3838-4e5e-b2e4-8813fbf59a11}").value() == guid);
    for (const std::string bad : {"", "90e49231", "90e49231-3838-4e5e-b2e4-8813fbf59a1g",
                                  "90e49231x3838-4e5e-b2e4-8813fbf59a11"})
        CHECK_FALSE(Guid::parse(bad).has_value());
    CHECK_FALSE(Guid::from_ad_bytes("short").has_value());
}

TEST_CASE("a SID in text and bytes") {
    const auto sid = Sid::parse("S-1-5-21-1-2-4294967295-500").value();
    CHECK(sid.to_string() == "S-1-5-21-1-2-4294967295-500");
    CHECK(Sid::from_bytes(sid.bytes()).value() == sid);
    for (const std::string bad :
         {"", "S-1-", "S-1-5", "S-2-5-21", "S-1-5-21-x", "S-1-5-21-4294967296", "S-1-5--1"})
        CHECK_FALSE(Sid::parse(bad).has_value());
    CHECK_FALSE(Sid::from_bytes(std::string("\1\2\0\0", 4)).has_value());
}

TEST_CASE("nothing that moves a cursor or turns the text reaches a terminal") {
    struct Row {
        std::string value;
        std::string shown;
    };
    const std::vector<Row> rows{
        {"plain \xc3\xa9", "plain \xc3\xa9"},
        {"\x1b[31m", "\\x1b[31m"},
        {std::string("a\0b", 3), "a\\x00b"},
        {"a\r\nb", "a\\x0d\\x0ab"},
        {"\xe2\x80\xae", "\\u{202e}"},
        {"\xc2\x9b"
         "31m",
         "\\x9b31m"},
        {"\xff\xfe", "\\xff\\xfe"},
        {"a\\b", "a\\\\b"},
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"},
    };
    for (const auto& row : rows)
        CHECK(printable(row.value) == row.shown);
    CHECK(printable(std::string(5000, 'x'), 10) == "xxxxxxxxxx…(5000 bytes)");
}

TEST_CASE("folding, globs and near words") {
    CHECK(fold_case("StRa\xc3\x9f"
                    "E") == fold_case("STRASSE"));
    CHECK(fold_case("\xff"
                    "A") == "\xff"
                            "a");
    CHECK(glob_match("*", ""));
    CHECK(glob_match("QMM*", "qmmEx"));
    CHECK(glob_match("a?c*d", "a\xc3\xa9"
                              "cxxd"));
    CHECK_FALSE(glob_match("a?c", "ac"));
    CHECK_FALSE(glob_match("abc", "abcd"));
    CHECK(to_base64("ab") == "YWI=");
    CHECK(to_base64("").empty());
}

TEST_CASE("near words") {
    const std::vector<std::string> known{"name", "keywords", "in", "mode", "match", "usn"};
    struct Row {
        const char* name;
        const char* word;
        const char* meant; ///< empty: nothing is near
    };
    const std::vector<Row> rows{
        {"a letter left out", "keyword", "keywords"},
        {"a letter added", "modee", "mode"},
        {"a letter mistaken", "moda", "mode"},
        {"two letters swapped, a short word", "moed", "mode"},
        {"two letters swapped at the beginning", "anme", "name"},
        {"two letters swapped at the end, three letters", "uns", "usn"},
        {"two letters swapped and another case", "MOED", "mode"},
        {"two slips in a long word", "keywrosd", "keywords"},
        {"two slips in a short word", "mdoa", ""},
        {"letters swapped over another", "domw", ""},
        {"the word itself", "in", "in"},
        {"nothing like it", "zzz", ""},
        {"the nearest, not the first", "nmae", "name"},
        {"no word", "", ""},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        CHECK(nearest(row.word, known) == row.meant);
    }
}

TEST_CASE("durations and times") {
    using std::chrono::milliseconds;
    CHECK(parse_duration("500ms") == milliseconds{500});
    CHECK(parse_duration("7d") == milliseconds{604'800'000});
    for (const std::string bad : {"", "5", "s", "-5s", "5 s", "99999999999999999999s",
                                  "9223372036854775807d", "1.5h", "5S", "4000d"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_duration(bad).has_value());
    }
    CHECK(to_duration(milliseconds{900'000}) == "15m");
    CHECK(to_duration(milliseconds{1500}) == "1500ms");
    CHECK(to_rfc3339(parse_rfc3339("2026-02-28T23:59:59Z").value()) == "2026-02-28T23:59:59Z");
    CHECK_FALSE(parse_rfc3339("2026-02-30T00:00:00Z").has_value());
    CHECK(to_rfc3339(parse_generalized_time("20261122173500.0Z").value()) ==
          "2026-11-22T17:35:00Z");
}

TEST_CASE("the content hash hangs on every byte and on no order") {
    const Attributes base{{"keywords", {"a", "b"}}, {"serviceBindingInformation", {"x"}}};
    CHECK(content_hash(base) ==
          content_hash(
              {{"ServiceBindingInformation", {"x"}}, {"KEYWORDS", {"b", "a"}}, {"vendor", {}}}));
    CHECK(content_hash(base) !=
          content_hash({{"keywords", {"a", "B"}}, {"serviceBindingInformation", {"x"}}}));
    CHECK(content_hash({{"a", {"bc"}}}) != content_hash({{"ab", {"c"}}}));
    CHECK(content_hash({{"a", {"b", "c"}}}) != content_hash({{"a", {"bc"}}}));
    CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("a marker survives writing, reading and AD's loss of case") {
    Marker marker;
    marker.instance = "prod";
    marker.rule = "mage";
    marker.source = Guid::parse("90e49231-3838-4e5e-b2e4-8813fbf59a11").value();
    marker.origin = DomainName("EMEA.corp.test.");
    marker.sel = marker.attrs = marker.hash = std::string(64, 'a');
    marker.version = {SourceVersion::Kind::originating, "2026-11-22T17:35:00Z"};
    const std::string text = to_string(marker);
    CHECK(parse_marker(text).value() == marker);
    marker.gone = parse_rfc3339("2026-11-22T17:35:00Z");
    marker.version = {SourceVersion::Kind::entry_csn, "20261122173500.123456z#000000#001#000000"};
    CHECK(parse_marker(to_string(marker)).value() == marker);
    std::string upper = to_string(marker);
    for (auto& c : upper)
        c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
    const auto seen = parse_marker(upper);
    REQUIRE(seen);
    CHECK(seen->source == marker.source);
    CHECK(seen->hash == marker.hash);
    CHECK_FALSE(seen->version.older_than(marker.version));

    for (const std::string& bad :
         {std::string("scpd1;"), text + ";x=1", text + ";h=1", text + ";gone=soon", text.substr(6),
          "scpd2;" + text.substr(6), text + ";"}) {
        CAPTURE(bad);
        if (bad != text + ";")
            CHECK_FALSE(parse_marker(bad).has_value());
    }
    CHECK(looks_like_marker("SCPD1;garbage"));
    CHECK_FALSE(looks_like_marker("other"));
}

TEST_CASE("versions are compared only where both are of one kind") {
    const SourceVersion early{SourceVersion::Kind::originating, "2026-01-01T00:00:00Z"};
    const SourceVersion late{SourceVersion::Kind::originating, "2026-01-02T00:00:00Z"};
    const SourceVersion csn{SourceVersion::Kind::entry_csn,
                            "20200101000000.000000Z#000000#000#000000"};
    CHECK(early.older_than(late));
    CHECK_FALSE(late.older_than(early));
    CHECK_FALSE(early.older_than(early));
    CHECK_FALSE(csn.older_than(late));
    CHECK_FALSE(SourceVersion{}.older_than(late));
}
