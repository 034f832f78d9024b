#include "base/text.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <unicase.h>
#include <uninorm.h>
#include <unistr.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

namespace scp {
namespace {

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_ascii(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return (c & '\x80') == 0; });
}

const std::uint8_t* as_u8(std::string_view bytes) {
    return reinterpret_cast<const std::uint8_t*>(bytes.data());
}

/// Characters that move the cursor, end a line or turn the reading direction.
bool is_unprintable(ucs4_t c) {
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x061c || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
           (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe007f);
}

} // namespace

std::string lower_ascii(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), lower);
    return out;
}

bool equal_ascii_nocase(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return lower(x) == lower(y); });
}

std::string fold_case(std::string_view value) {
    if (is_ascii(value) || !is_utf8(value)) // libunistring would put U+FFFD for what it cannot read
        return lower_ascii(value);
    std::size_t length = 0;
    const std::unique_ptr<std::uint8_t, decltype(&free)> folded(
        u8_casefold(as_u8(value), value.size(), nullptr, UNINORM_NFC, nullptr, &length), &free);
    if (!folded)
        return lower_ascii(value);
    return {reinterpret_cast<const char*>(folded.get()), length};
}

bool equal_folded(std::string_view a, std::string_view b) {
    return is_ascii(a) && is_ascii(b) ? equal_ascii_nocase(a, b) : fold_case(a) == fold_case(b);
}

bool is_utf8(std::string_view bytes) {
    return u8_check(as_u8(bytes), bytes.size()) == nullptr;
}

std::string printable(std::string_view value, std::size_t limit) {
    std::string out;
    std::size_t at = 0;
    while (at < value.size()) {
        if (out.size() >= limit)
            return out + fmt::format("…({} bytes)", value.size());
        ucs4_t c = 0;
        const int length = u8_mbtoucr(&c, as_u8(value) + at, value.size() - at);
        if (length <= 0) {
            out += fmt::format("\\x{:02x}", static_cast<unsigned char>(value[at]));
            ++at;
            continue;
        }
        if (c == '\\')
            out += "\\\\";
        else if (is_unprintable(c))
            out += c < 0x100 ? fmt::format("\\x{:02x}", c) : fmt::format("\\u{{{:04x}}}", c);
        else
            out.append(value, at, static_cast<std::size_t>(length));
        at += static_cast<std::size_t>(length);
    }
    return out;
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

std::uint64_t little_endian(std::string_view bytes, std::size_t at, std::size_t count) {
    std::uint64_t number = 0;
    for (std::size_t i = count; i > 0; --i)
        number = number << 8 | static_cast<unsigned char>(bytes[at + i - 1]);
    return number;
}

std::string to_hex(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    out.reserve(bytes.size() * 2);
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        out += digits[byte >> 4U];
        out += digits[byte & 0x0fU];
    }
    return out;
}

std::string to_base64(std::string_view bytes) {
    std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0'); // EVP_EncodeBlock ends with a NUL
    const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), as_u8(bytes),
                                       static_cast<int>(bytes.size()));
    out.resize(static_cast<std::size_t>(length));
    return out;
}

bool glob_match(std::string_view pattern, std::string_view value) {
    const std::string p = fold_case(pattern);
    const std::string v = fold_case(value);
    std::size_t pi = 0, vi = 0, star = std::string::npos, restart = 0;
    while (vi < v.size()) {
        if (pi < p.size() && p[pi] == '*') {
            star = pi++;
            restart = vi;
        } else if (pi < p.size() && p[pi] == '?') {
            ++pi;
            do // one character may be several bytes
                ++vi;
            while (vi < v.size() && (v[vi] & '\xc0') == '\x80');
        } else if (pi < p.size() && p[pi] == v[vi]) {
            ++pi, ++vi;
        } else if (star != std::string::npos) {
            pi = star + 1;
            vi = ++restart;
        } else {
            return false;
        }
    }
    return p.find_first_not_of('*', pi) == std::string::npos;
}

namespace {

/// How many letters were left out, added, mistaken or swapped with their neighbour, without case
/// (the optimal string alignment distance).
std::size_t edits_between(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before_last, last, row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        before_last = std::exchange(last, row);
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const auto same = [&](std::size_t x, std::size_t y) {
                return lower(a[x]) == lower(b[y]);
            };
            row[j] =
                std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same(i - 1, j - 1) ? 0 : 1)});
            if (i > 1 && j > 1 && same(i - 1, j - 2) && same(i - 2, j - 1))
                row[j] = std::min(row[j], before_last[j - 2] + 1);
        }
    }
    return row.back();
}

} // namespace

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
    std::string best;
    std::size_t best_edits = std::max<std::size_t>(1, word.size() / 3) + 1;
    for (const auto& candidate : candidates) {
        if (std::max(candidate.size(), word.size()) > 64)
            continue;
        if (const std::size_t edits = edits_between(word, candidate); edits < best_edits) {
            best_edits = edits;
            best = candidate;
        }
    }
    return best;
}

bool LessNoCase::operator()(std::string_view a, std::string_view b) const {
    const auto [x, y] = std::mismatch(a.begin(), a.end(), b.begin(), b.end(), [](char p, char q) {
        return p == q || lower(p) == lower(q);
    });
    return y != b.end() && (x == a.end() || lower(*x) < lower(*y));
}

} // namespace scp
