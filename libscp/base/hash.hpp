#pragma once

#include "base/attributes.hpp"

#include <string>
#include <string_view>

namespace scp {

/// Lower-case hex of SHA-256.
[[nodiscard]] std::string sha256_hex(std::string_view bytes);

/// Hash of content, independent of the order of attributes and values, dependent on every byte of a
/// value: over lower-cased attribute names and byte-sorted values, each length-prefixed. Attributes
/// without values do not count.
[[nodiscard]] std::string content_hash(const Attributes& content);

} // namespace scp
