#pragma once

#include "base/attributes.hpp"
#include "base/error.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace scp {

/// Keeps the order of keys, so that `schema` comes first.
using Json = nlohmann::ordered_json;

/// A directory value: a string, or {"base64": …} where it is not UTF-8 or holds a NUL.
[[nodiscard]] Json json_value(std::string_view value);
/// Values, sorted by bytes.
[[nodiscard]] Json json_values(const Values& values);
/// Every attribute of an object: NAME → sorted values.
[[nodiscard]] Json json_attributes(const Attributes& attributes);

/// {"kind", "message", "hint"}
[[nodiscard]] Json error_json(const Error& error);

/// Text of a document, two columns of indent, a newline at the end. What could steer a terminal
/// (DEL, C1 controls, bidirectional overrides, line separators) is written as \uXXXX, so it is safe
/// wherever it is shown.
[[nodiscard]] std::string to_json_text(const Json& document);
/// The same on one line.
[[nodiscard]] std::string to_json_line(const Json& document);
/// The same document as YAML 1.2, block style.
[[nodiscard]] std::string to_yaml_text(const Json& document);

} // namespace scp
