#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace scp {

/// ASCII only: for attribute and class names, domain names, hex.
[[nodiscard]] std::string lower_ascii(std::string_view text);
[[nodiscard]] bool equal_ascii_nocase(std::string_view a, std::string_view b);

/// Unicode case folding of a directory value, to compare as AD does (caseIgnoreMatch). Bytes that
/// are not UTF-8 are folded as ASCII, so every byte string has a folded form.
[[nodiscard]] std::string fold_case(std::string_view value);
/// Whether their folded forms are the same.
[[nodiscard]] bool equal_folded(std::string_view a, std::string_view b);

[[nodiscard]] bool is_utf8(std::string_view bytes);

/// One line that is safe on a terminal, in a log and in a message: control characters (C0, C1,
/// DEL), bidirectional overrides, line separators and bytes that are not UTF-8 become \xNN or
/// \u{NNNN}; a backslash becomes two. Longer than `limit` bytes: cut, with "…(N bytes)".
[[nodiscard]] std::string printable(std::string_view value, std::size_t limit = 1024);

[[nodiscard]] std::string to_hex(std::string_view bytes);
/// 0 to 15, or -1 when it is none.
[[nodiscard]] int hex_digit(char c);
/// The number in `count` (up to 8) bytes from `at`; the caller has seen that they are there.
[[nodiscard]] std::uint64_t little_endian(std::string_view bytes, std::size_t at,
                                          std::size_t count);
/// Standard alphabet with padding.
[[nodiscard]] std::string to_base64(std::string_view bytes);

/// Shell-style glob on a folded value: '*' any run, '?' one character; everything else literal.
[[nodiscard]] bool glob_match(std::string_view pattern, std::string_view value);

/// The candidate nearest to `word` by edit distance, or empty when none is near: "did you mean …?".
[[nodiscard]] std::string nearest(std::string_view word,
                                  const std::vector<std::string>& candidates);

/// Lexicographic order without ASCII case, for keys that are attribute names.
struct LessNoCase {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const;
};

} // namespace scp
