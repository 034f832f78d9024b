#include "directory/endpoint.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <charconv>

namespace scp {
namespace {

constexpr std::uint16_t default_port(ServerUri::Scheme scheme) {
    switch (scheme) {
    case ServerUri::Scheme::ldap:
        return 389;
    case ServerUri::Scheme::ldaps:
        return 636;
    case ServerUri::Scheme::ldapi:
        return 0;
    }
    return 0;
}

tl::unexpected<Error> bad_uri(std::string_view text, std::string_view why) {
    return fail(ErrorKind::usage,
                fmt::format("\"{}\" is not a server's URI: {}", printable(text), why),
                "Write ldaps://HOST[:PORT], ldap://HOST[:PORT] or ldapi://%2Fpath%2Fof%2Fsocket.");
}

std::optional<std::string> percent_decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out.push_back(text[i]);
            continue;
        }
        unsigned byte = 0;
        if (i + 2 >= text.size()) {
            return std::nullopt;
        }
        const char* end = text.data() + i + 3;
        auto [at, error] = std::from_chars(text.data() + i + 1, end, byte, 16);
        if (error != std::errc{} || at != end || byte == 0) {
            return std::nullopt;
        }
        out.push_back(static_cast<char>(byte));
        i += 2;
    }
    return out;
}

bool is_host_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
}

std::optional<std::uint16_t> port_number(std::string_view digits) {
    std::uint16_t port = 0;
    auto [at, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc{} || at != digits.data() + digits.size() || port == 0) {
        return std::nullopt;
    }
    return port;
}

Result<ServerUri> parse_local(std::string_view text, std::string_view rest) {
    auto path = percent_decoded(rest);
    if (!path || path->empty() || path->front() != '/') {
        return bad_uri(text,
                       "after ldapi:// comes the socket's absolute path, each / written as %2F");
    }
    return ServerUri{ServerUri::Scheme::ldapi, *path, 0};
}

} // namespace

Result<ServerUri> ServerUri::parse(std::string_view text) {
    const auto colon = text.find("://");
    if (colon == std::string_view::npos) {
        return bad_uri(text, "the scheme is missing");
    }
    const std::string scheme_name = lower_ascii(text.substr(0, colon));
    std::string_view rest = text.substr(colon + 3);
    if (!rest.empty() && rest.back() == '/') {
        rest.remove_suffix(1);
    }
    if (scheme_name == "ldapi") {
        return parse_local(text, rest);
    }
    if (scheme_name != "ldap" && scheme_name != "ldaps") {
        return bad_uri(text, "the scheme is none of ldap, ldaps, ldapi");
    }
    ServerUri uri;
    uri.scheme = scheme_name == "ldaps" ? Scheme::ldaps : Scheme::ldap;
    uri.port = default_port(uri.scheme);
    std::string_view port;
    if (!rest.empty() && rest.front() == '[') {
        const auto close = rest.find(']');
        if (close == std::string_view::npos) {
            return bad_uri(text, "the bracket is not closed");
        }
        uri.host = std::string(rest.substr(1, close - 1));
        port = rest.substr(close + 1);
        if (uri.host.find_first_not_of("0123456789abcdefABCDEF:.") != std::string::npos ||
            uri.host.find(':') == std::string::npos) {
            return bad_uri(text, "what stands in brackets is not an IPv6 address");
        }
    } else {
        const auto end = rest.find(':');
        uri.host = std::string(rest.substr(0, end));
        port = end == std::string_view::npos ? std::string_view{} : rest.substr(end);
        for (char c : uri.host) {
            if (!is_host_character(c)) {
                return bad_uri(text, "the host has a character that no host name has; give scheme, "
                                     "host and port only");
            }
        }
    }
    if (uri.host.empty()) {
        return bad_uri(text, "the host is missing");
    }
    if (!port.empty()) {
        auto number = port.front() == ':' ? port_number(port.substr(1)) : std::nullopt;
        if (!number) {
            return bad_uri(text, "the port is not a number from 1 to 65535");
        }
        uri.port = *number;
    }
    return uri;
}

std::string ServerUri::to_string() const {
    if (scheme == Scheme::ldapi) {
        std::string out = "ldapi://";
        for (char c : host) {
            const bool plain = is_host_character(c);
            out +=
                plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
        }
        return out;
    }
    const bool ipv6 = host.find(':') != std::string::npos;
    std::string out = fmt::format("{}://{}{}{}", scheme == Scheme::ldaps ? "ldaps" : "ldap",
                                  ipv6 ? "[" : "", host, ipv6 ? "]" : "");
    if (port != default_port(scheme) && port != 0) {
        out += fmt::format(":{}", port);
    }
    return out;
}

} // namespace scp
