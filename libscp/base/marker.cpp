#include "base/marker.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <map>

namespace scp {
namespace {

bool is_name(std::string_view text) {
    if (text.empty() || text.size() > 64)
        return false;
    for (const char c : text)
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '.' || c == '_' || c == '-'))
            return false;
    return true;
}

constexpr std::size_t longest_origin = 300; // a DNS name, with what DomainName may put before it

bool is_hash(std::string_view text) {
    if (text.size() != 64)
        return false;
    return text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

/// "o:2026-11-22T17:35:00Z", "c:<entryCSN>", "-"
std::optional<SourceVersion> parse_version(std::string_view text) {
    using Kind = SourceVersion::Kind;
    if (text == "-")
        return SourceVersion{};
    if (text.size() < 3 || text[1] != ':')
        return std::nullopt;
    const std::string rest = lower_ascii(text.substr(2));
    if (text[0] == 'o' || text[0] == 'O') {
        const auto time = parse_rfc3339(rest);
        return time ? std::optional(SourceVersion{Kind::originating, to_rfc3339(*time)})
                    : std::nullopt;
    }
    if ((text[0] == 'c' || text[0] == 'C') &&
        rest.find_first_not_of("0123456789abcdef.z#") == std::string::npos)
        return SourceVersion{Kind::entry_csn, rest};
    return std::nullopt;
}

std::string to_string(const SourceVersion& version) {
    switch (version.kind) {
    case SourceVersion::Kind::originating:
        return "o:" + version.text;
    case SourceVersion::Kind::entry_csn:
        return "c:" + lower_ascii(version.text);
    case SourceVersion::Kind::none:
        break;
    }
    return "-";
}

using Fields = std::map<std::string, std::string>;

std::optional<Fields> split(std::string_view text) {
    Fields fields;
    while (!text.empty()) {
        const auto end = text.find(';');
        const auto part = text.substr(0, end);
        const auto equals = part.find('=');
        if (equals == std::string_view::npos)
            return std::nullopt;
        if (!fields.emplace(lower_ascii(part.substr(0, equals)), part.substr(equals + 1)).second)
            return std::nullopt;
        text = end == std::string_view::npos ? "" : text.substr(end + 1);
    }
    return fields;
}

/// Takes the field out; empty where it is not there.
std::string take(Fields& fields, const std::string& name) {
    const auto node = fields.extract(name);
    return node.empty() ? std::string() : node.mapped();
}

/// False where the field is there and is no time.
bool take_time(Fields& fields, const std::string& name, std::optional<Timestamp>& out) {
    if (!fields.contains(name))
        return true;
    out = parse_rfc3339(take(fields, name));
    return out.has_value();
}

} // namespace

bool SourceVersion::older_than(const SourceVersion& other) const {
    return kind != Kind::none && kind == other.kind && lower_ascii(text) < lower_ascii(other.text);
}

bool looks_like_marker(std::string_view value) {
    return equal_ascii_nocase(value.substr(0, marker_prefix.size()), marker_prefix);
}

std::optional<Marker> parse_marker(std::string_view value) {
    if (!looks_like_marker(value) || value.size() > 4096)
        return std::nullopt;
    auto fields = split(value.substr(marker_prefix.size()));
    if (!fields)
        return std::nullopt;
    Marker marker;
    marker.instance = take(*fields, "i");
    marker.rule = take(*fields, "r");
    const auto source = Guid::parse(take(*fields, "s"));
    const std::string origin = take(*fields, "o");
    marker.sel = lower_ascii(take(*fields, "sel"));
    marker.attrs = lower_ascii(take(*fields, "attrs"));
    marker.hash = lower_ascii(take(*fields, "h"));
    const auto version = parse_version(take(*fields, "v"));
    if (!take_time(*fields, "gone", marker.gone) || !take_time(*fields, "parked", marker.parked))
        return std::nullopt;
    if (!is_name(marker.instance) || !is_name(marker.rule) || !source || !version ||
        origin.empty() || origin.size() > longest_origin || !is_hash(marker.sel) ||
        !is_hash(marker.attrs) || !is_hash(marker.hash) || !fields->empty())
        return std::nullopt;
    marker.source = *source;
    marker.origin = DomainName(origin);
    marker.version = *version;
    return marker;
}

std::string to_string(const Marker& marker) {
    std::string out =
        fmt::format("{}i={};r={};s={};o={};sel={};attrs={};h={};v={}", marker_prefix,
                    marker.instance, marker.rule, marker.source.to_string(), marker.origin.text(),
                    marker.sel, marker.attrs, marker.hash, to_string(marker.version));
    if (marker.gone)
        out += ";gone=" + to_rfc3339(*marker.gone);
    if (marker.parked)
        out += ";parked=" + to_rfc3339(*marker.parked);
    return out;
}

} // namespace scp
