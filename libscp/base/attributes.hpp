#pragma once

#include "base/text.hpp"

#include <map>
#include <string>
#include <vector>

namespace scp {

/// Values are length-carrying byte strings as the server sent them: any byte, NUL too.
using Values = std::vector<std::string>;

/// Attribute name (compared without case) → values, in the server's order.
using Attributes = std::map<std::string, Values, LessNoCase>;

/// The values of `name`, or an empty list.
[[nodiscard]] const Values& values_of(const Attributes& attributes, std::string_view name);
/// The first value of `name`, or an empty string.
[[nodiscard]] const std::string& first_of(const Attributes& attributes, std::string_view name);
/// Byte-sorted copy; two value sets are equal when their sorted forms are.
[[nodiscard]] Values sorted(Values values);
/// True where both hold the same bytes, whatever their order.
[[nodiscard]] bool same_values(const Values& a, const Values& b);

} // namespace scp
