#include "base/guid.hpp"

#include <fmt/format.h>

#include <utility>

namespace scp {
namespace {

/// The order in which AD stores the sixteen bytes of the text form; its own inverse.
constexpr std::array<std::size_t, 16> ad_order{3, 2, 1,  0,  5,  4,  7,  6,
                                               8, 9, 10, 11, 12, 13, 14, 15};

} // namespace

std::optional<Guid> Guid::from_ad_bytes(std::string_view bytes) {
    if (bytes.size() != 16)
        return std::nullopt;
    Guid guid;
    for (std::size_t i = 0; i < 16; ++i)
        guid.bytes_[i] = static_cast<std::uint8_t>(bytes[ad_order[i]]);
    return guid;
}

std::optional<Guid> Guid::parse(std::string_view text) {
    if (text.size() == 38 && text.front() == '{' && text.back() == '}')
        text = text.substr(1, 36);
    if (text.size() != 36)
        return std::nullopt;
    Guid guid;
    std::size_t nibble = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (c != '-')
                return std::nullopt;
            continue;
        }
        int digit = -1;
        if (c >= '0' && c <= '9')
            digit = c - '0';
        else if (c >= 'a' && c <= 'f')
            digit = c - 'a' + 10;
        else if (c >= 'A' && c <= 'F')
            digit = c - 'A' + 10;
        if (digit < 0)
            return std::nullopt;
        auto& byte = guid.bytes_[nibble / 2];
        byte = static_cast<std::uint8_t>(byte << 4 | digit);
        ++nibble;
    }
    return guid;
}

std::string Guid::to_string() const {
    std::string out;
    for (std::size_t i = 0; i < 16; ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            out += '-';
        out += fmt::format("{:02x}", bytes_[i]);
    }
    return out;
}

std::string Guid::ad_bytes() const {
    std::string out(16, '\0');
    for (std::size_t i = 0; i < 16; ++i)
        out[ad_order[i]] = static_cast<char>(bytes_[i]);
    return out;
}

} // namespace scp
