#include "report/json.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace scp {

namespace {

/// Code points of two or three bytes in UTF-8 that a terminal or a reader may be steered by.
bool steers(unsigned code_point) {
    return (code_point >= 0x80 && code_point <= 0x9f) || code_point == 0x61c ||
           (code_point >= 0x200b && code_point <= 0x200f) ||
           (code_point >= 0x2028 && code_point <= 0x202e) ||
           (code_point >= 0x2060 && code_point <= 0x206f) || code_point == 0xfeff;
}

/// Such characters occur inside JSON strings only, so \uXXXX may stand for each of them.
std::string without_steering(const std::string& json) {
    std::string out;
    out.reserve(json.size());
    const auto byte = [&](std::size_t i) {
        return static_cast<unsigned>(static_cast<unsigned char>(json[i]));
    };
    for (std::size_t i = 0; i < json.size(); ++i) {
        unsigned code_point = 0;
        std::size_t length = 1;
        if (byte(i) == 0x7f) {
            out += "\\u007f";
            continue;
        }
        if ((byte(i) & 0xe0U) == 0xc0 && i + 1 < json.size()) {
            code_point = (byte(i) & 0x1fU) << 6U | (byte(i + 1) & 0x3fU);
            length = 2;
        } else if ((byte(i) & 0xf0U) == 0xe0 && i + 2 < json.size()) {
            code_point =
                (byte(i) & 0x0fU) << 12U | (byte(i + 1) & 0x3fU) << 6U | (byte(i + 2) & 0x3fU);
            length = 3;
        }
        if (length > 1 && steers(code_point))
            out += fmt::format("\\u{:04x}", code_point);
        else
            out += json.substr(i, length);
        i += length - 1;
    }
    return out;
}

std::string scalar(const Json& value) {
    return without_steering(value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

std::string yaml_key(const std::string& key) {
    static constexpr std::array<std::string_view, 9> words{"true", "false", "null", "yes", "no",
                                                           "on",   "off",   "y",    "n"};
    const auto plain = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.';
    };
    const bool begins = !key.empty() && std::isalpha(static_cast<unsigned char>(key.front())) != 0;
    if (begins && std::ranges::all_of(key, plain) &&
        std::ranges::find(words, lower_ascii(key)) == words.end())
        return key;
    return scalar(key);
}

// Our documents are a few levels deep, so recursion is bounded by their shape.
void write_yaml(const Json& value, std::size_t depth, bool after_dash,
                std::string& out) { // NOLINT(misc-no-recursion)
    const std::string indent(depth * 2, ' ');
    bool first = true;
    const auto begin_line = [&] {
        if (!first || !after_dash)
            out += indent;
        first = false;
    };
    const auto nested = [](const Json& item) { return item.is_structured() && !item.empty(); };
    if (value.is_object()) {
        for (const auto& [key, item] : value.items()) {
            begin_line();
            out += yaml_key(key) + ":";
            if (nested(item)) {
                out += "\n";
                write_yaml(item, depth + 1, false, out);
            } else {
                out += " " + scalar(item) + "\n";
            }
        }
        return;
    }
    for (const Json& item : value) {
        begin_line();
        out += "- ";
        if (nested(item))
            write_yaml(item, depth + 1, true, out);
        else
            out += scalar(item) + "\n";
    }
}

} // namespace

Json json_value(std::string_view value) {
    if (is_utf8(value) && value.find('\0') == std::string_view::npos)
        return std::string(value);
    return Json{{"base64", to_base64(value)}};
}

Json json_values(const Values& values) {
    Json list = Json::array();
    for (const std::string& value : sorted(values))
        list.push_back(json_value(value));
    return list;
}

Json json_attributes(const Attributes& attributes) {
    Json object = Json::object();
    for (const auto& [name, values] : attributes)
        object[name] = json_values(values);
    return object;
}

Json error_json(const Error& error) {
    return {{"kind", to_string(error.kind)}, {"message", error.message}, {"hint", error.hint}};
}

std::string to_json_text(const Json& document) {
    return without_steering(document.dump(2, ' ', false, Json::error_handler_t::replace)) + "\n";
}

std::string to_json_line(const Json& document) {
    return scalar(document) + "\n";
}

std::string to_yaml_text(const Json& document) {
    if (!document.is_structured() || document.empty())
        return scalar(document) + "\n";
    std::string out;
    write_yaml(document, 0, false, out);
    return out;
}

} // namespace scp
