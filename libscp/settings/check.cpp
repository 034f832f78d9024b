#include "settings/check.hpp"

#include "base/dn.hpp"
#include "base/filter.hpp"
#include "base/pattern.hpp"
#include "base/text.hpp"
#include "directory/endpoint.hpp"
#include "settings/settings.hpp"

#include <fmt/format.h>

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace scp {

namespace {

bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_digits(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

/// The character at `at` and its length; length 0 where the bytes are not UTF-8 (RFC 3629).
struct Decoded {
    char32_t character = 0;
    std::size_t length = 0;
};
Decoded decode(std::string_view text, std::size_t at) {
    const auto first = static_cast<unsigned char>(text[at]);
    if (first < 0x80)
        return {first, 1};
    const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (!is_utf8(text.substr(at, length)) || at + length > text.size())
        return {};
    char32_t c = first & (0xffU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i)
        c = (c << 6) | (static_cast<unsigned char>(text[at + i]) & 0x3fU);
    return {c, length};
}

/// What a person would call it; nullptr for characters that are welcome.
const char* name_of_fault(char32_t c) {
    if (c == 0)
        return "a NUL";
    if (c == '\n' || c == '\r')
        return "a line break";
    if (c == '\t')
        return "a tab";
    if (c == 0x1b)
        return "an escape character";
    if (c < 0x20 || (c >= 0x7f && c < 0xa0))
        return "a control character";
    if (c == 0x2028 || c == 0x2029)
        return "a line separator";
    if ((c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0x200e ||
        c == 0x200f || c == 0x061c)
        return "a character that turns the reading direction";
    if ((c >= 0x200b && c <= 0x200d) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
        (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe007f))
        return "an invisible character";
    return nullptr;
}

std::size_t utf16_units(std::string_view text) {
    std::size_t units = 0;
    for (std::size_t at = 0; at < text.size();) {
        auto [c, length] = decode(text, at);
        units += c > 0xffff ? 2U : 1U;
        at += std::max<std::size_t>(length, 1);
    }
    return units;
}

Complaint check_label_of_domain(std::string_view label) {
    if (label.empty() || label.size() > 63)
        return "each part has 1 to 63 characters";
    if (!std::ranges::all_of(label,
                             [](char c) { return is_letter_or_digit(c) || c == '-' || c == '_'; }))
        return "only letters, digits, '-' and '_' stand between the dots";
    if (label.front() == '-' || label.back() == '-')
        return "no part begins or ends with '-'";
    return std::nullopt;
}

std::string ending_rdn_type(Dn dn) {
    while (dn.depth() > 1)
        dn = dn.parent();
    return lower_ascii(dn.rdn_type());
}

} // namespace

Complaint text_fault(std::string_view text) {
    std::size_t number = 1;
    for (std::size_t at = 0; at < text.size(); ++number) {
        auto [c, length] = decode(text, at);
        if (length == 0)
            return fmt::format("a byte \\x{:02x} that is not UTF-8 at character {}",
                               static_cast<unsigned char>(text[at]), number);
        if (const auto* name = name_of_fault(c))
            return fmt::format("{} (U+{:04X}) at character {}", name, static_cast<std::uint32_t>(c),
                               number);
        at += length;
    }
    return std::nullopt;
}

std::size_t utf8_prefix(std::string_view text) {
    std::size_t at = 0;
    while (at < text.size()) {
        const auto length = decode(text, at).length;
        if (length == 0)
            break;
        at += length;
    }
    return at;
}

Complaint check_label(const std::string& text) {
    auto allowed = [](char c) { return is_letter_or_digit(c) || c == '.' || c == '_' || c == '-'; };
    if (text.empty() || text.size() > 64 || !std::ranges::all_of(text, allowed))
        return fmt::format("\"{}\" is no name: 1 to 64 of the characters A-Z a-z 0-9 . _ -",
                           printable(text, 80));
    return std::nullopt;
}

Complaint check_domain(const std::string& text) {
    auto wrong = [&text](std::string_view why) {
        return fmt::format("\"{}\" is no DNS name of a domain: {}", printable(text, 80), why);
    };
    std::string_view rest = text;
    if (rest.ends_with('.'))
        rest.remove_suffix(1);
    if (rest.empty())
        return wrong("it is empty");
    if (rest.size() > 253)
        return wrong("it is longer than 253 characters");
    if (rest.find('=') != std::string_view::npos)
        return wrong("write corp.test, not DC=corp,DC=test");
    if (rest.find('.') == std::string_view::npos)
        return wrong("it has no dot; write the DNS name (corp.test), not the NetBIOS name");
    std::string_view label;
    while (!rest.empty()) {
        const auto dot = std::min(rest.find('.'), rest.size());
        label = rest.substr(0, dot);
        if (auto complaint = check_label_of_domain(label))
            return wrong(*complaint);
        rest.remove_prefix(std::min(dot + 1, rest.size()));
    }
    if (is_digits(label))
        return wrong("it looks like an address");
    return std::nullopt;
}

Complaint check_server(const std::string& text) {
    const auto scheme = text.find("://");
    // Said before anything else and without the value: it may hold a password.
    if (scheme != std::string::npos && text.find('@', scheme) != std::string::npos)
        return "a server's URI holds no user and no password; log-in belongs in auth";
    if (auto uri = ServerUri::parse(text); !uri)
        return uri.error().message;
    return std::nullopt;
}

Complaint check_file(const std::string& text) {
    if (!text.starts_with('/'))
        return fmt::format(
            "\"{}\" is not an absolute path: scpd and scpctl run in different folders",
            printable(text, 200));
    return std::nullopt;
}

Complaint check_listen_address(const std::string& text) {
    const auto colon = std::min(text.rfind(':'), text.size());
    in_addr parsed{};
    unsigned port = 0;
    const char* const end = text.data() + text.size();
    const char* const digits = text.data() + std::min(colon + 1, text.size());
    const auto [stop, error] = std::from_chars(digits, end, port);
    if (digits == end || stop != end || error != std::errc{} || port > 65535 ||
        inet_pton(AF_INET, text.substr(0, colon).c_str(), &parsed) != 1)
        return fmt::format("\"{}\" is no address to listen on: IPv4 and port, such as "
                           "127.0.0.1:9469, or off",
                           printable(text, 200));
    return std::nullopt;
}

Complaint check_credential(const std::string& text) {
    if (text.empty() || text.size() > 255 || text == "." || text == ".." ||
        text.find('/') != std::string::npos)
        return fmt::format("\"{}\" is no credential's name: a file name in $CREDENTIALS_DIRECTORY "
                           "or /etc/credstore, "
                           "without '/'",
                           printable(text, 80));
    return std::nullopt;
}

Complaint check_keyword(const std::string& text) {
    constexpr std::size_t longest = 256; // rangeUpper of keywords in AD's schema
    if (text.empty())
        return "a keyword cannot be empty";
    if (const auto units = utf16_units(text); units > longest)
        return fmt::format("a keyword of {} characters: AD takes {} at most", units, longest);
    return std::nullopt;
}

Complaint check_dn(const std::string& text) {
    auto dn = Dn::parse(text);
    if (!dn)
        return dn.error().message;
    if (dn->empty())
        return "the DN is empty";
    return std::nullopt;
}

namespace {

Complaint check_configuration_dn(std::string_view text, std::string_view below) {
    if (below.empty())
        return fmt::format(
            "\"{}\" would mean the whole Configuration NC; name a container, such as "
            "configuration:CN=Services",
            printable(text, 200));
    if (auto complaint = check_dn(std::string(below)))
        return complaint;
    const auto last = ending_rdn_type(*Dn::parse(below));
    if (last == "dc" || equal_ascii_nocase(below, "CN=Configuration") ||
        lower_ascii(below).ends_with(",cn=configuration"))
        return fmt::format(
            "\"{}\" is relative to the Configuration NC: leave off CN=Configuration,DC=…",
            printable(text, 200));
    return std::nullopt;
}

} // namespace

Complaint check_relative_dn(const std::string& text) {
    if (const auto below = in_configuration(text))
        return check_configuration_dn(text, *below);
    if (text.empty())
        return "empty would mean the whole domain, where any computer account may create SCPs; "
               "name a container such as "
               "CN=System";
    if (auto complaint = check_dn(text))
        return complaint;
    if (ending_rdn_type(*Dn::parse(text)) == "dc")
        return fmt::format("\"{}\" is relative to each domain: leave off the domain's part (DC=…)",
                           printable(text, 200));
    return std::nullopt;
}

Complaint check_container(const std::string& text) {
    if (text == "same")
        return std::nullopt;
    if (equal_ascii_nocase(text, "configuration"))
        return std::nullopt;
    if (text.empty())
        return "empty would mean the domain's root, below which no SCP can be; write a container "
               "such as CN=scpd,CN=System, or same, or configuration";
    return check_relative_dn(text);
}

Complaint check_account(const std::string& text) {
    if (auto account = parse_account(text); !account)
        return account.error().message;
    return std::nullopt;
}

Complaint check_owner(const std::string& text) {
    const auto account = parse_account(text);
    if (account &&
        (account->kind == AccountQuery::Kind::sam || account->kind == AccountQuery::Kind::sid))
        return std::nullopt;
    return fmt::format("\"{}\" is no owner: write a SID or DOMAIN\\name", printable(text, 200));
}

Complaint check_filter(const std::string& text) {
    if (auto filter = parse_filter(text); !filter)
        return fmt::format("\"{}\" is no LDAP filter: {}", printable(text, 80),
                           filter.error().message);
    return std::nullopt;
}

Complaint check_pattern(const std::string& text) {
    if (auto pattern = Pattern::compile(text); !pattern)
        return pattern.error().message;
    return std::nullopt;
}

} // namespace scp
