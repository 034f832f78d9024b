#include "base/sid.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <vector>

namespace scp {

std::optional<Sid> Sid::from_bytes(std::string_view bytes) {
    if (bytes.size() < 8 || bytes[0] != 1 || static_cast<unsigned char>(bytes[1]) > 15 ||
        bytes.size() != 8 + 4 * static_cast<std::size_t>(bytes[1]))
        return std::nullopt;
    Sid sid;
    sid.bytes_ = bytes;
    return sid;
}

std::optional<Sid> Sid::parse(std::string_view text) {
    if (lower_ascii(text.substr(0, 4)) != "s-1-")
        return std::nullopt;
    text.remove_prefix(4);
    std::vector<std::uint64_t> numbers;
    while (true) {
        std::uint64_t number = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (error != std::errc())
            return std::nullopt;
        numbers.push_back(number);
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        if (text.empty())
            break;
        if (text.front() != '-')
            return std::nullopt;
        text.remove_prefix(1);
    }
    if (numbers.size() < 2 || numbers.size() > 16 || numbers[0] >= std::uint64_t{1} << 48)
        return std::nullopt;
    Sid sid;
    sid.bytes_ = {1, static_cast<char>(numbers.size() - 1)};
    for (int shift = 40; shift >= 0; shift -= 8)
        sid.bytes_ += static_cast<char>(numbers[0] >> shift & 0xff);
    for (std::size_t i = 1; i < numbers.size(); ++i) {
        if (numbers[i] > UINT32_MAX)
            return std::nullopt;
        for (int shift = 0; shift < 32; shift += 8)
            sid.bytes_ += static_cast<char>(numbers[i] >> shift & 0xff);
    }
    return sid;
}

std::string Sid::to_string() const {
    const auto byte = [&](std::size_t i) {
        return static_cast<std::uint64_t>(static_cast<unsigned char>(bytes_[i]));
    };
    std::uint64_t authority = 0;
    for (std::size_t i = 2; i < 8; ++i)
        authority = authority << 8 | byte(i);
    std::string out = fmt::format("S-1-{}", authority);
    for (std::size_t i = 8; i + 4 <= bytes_.size(); i += 4)
        out +=
            fmt::format("-{}", byte(i) | byte(i + 1) << 8 | byte(i + 2) << 16 | byte(i + 3) << 24);
    return out;
}

} // namespace scp
