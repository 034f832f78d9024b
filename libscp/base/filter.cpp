#include "base/filter.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>

namespace scp {

namespace {

constexpr std::string_view bit_and_rule = ":1.2.840.113556.1.4.803:";

std::string escape_value(std::string_view value) {
    constexpr std::string_view hex = "0123456789abcdef";
    std::string out;
    out.reserve(value.size());
    for (const char c : value) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte > 0x7e || c == '*' || c == '(' || c == ')' || c == '\\') {
            out += '\\';
            out += hex[byte >> 4U];
            out += hex[byte & 0x0fU];
        } else {
            out += c;
        }
    }
    return out;
}

std::string substring_text(const std::vector<std::string>& parts) {
    if (parts.empty()) {
        return "*";
    }
    std::string out = escape_value(parts.front()) + "*";
    for (std::size_t i = 1; i + 1 < parts.size(); ++i) {
        // An empty part in the middle says nothing, and "**" is not in the grammar.
        if (!parts[i].empty()) {
            out += escape_value(parts[i]) + "*";
        }
    }
    return parts.size() > 1 ? out + escape_value(parts.back()) : out;
}

/// RFC 4511 section 4.5.1.7: a filter is true, false or undefined; undefined stays so under
/// negation.
using Truth = std::optional<bool>;

bool is_octets(std::string_view attribute) {
    return equal_ascii_nocase(attribute, "objectGUID") ||
           equal_ascii_nocase(attribute, "objectSid");
}

std::string comparable(std::string_view attribute, std::string_view value) {
    return is_octets(attribute) ? std::string(value) : fold_case(value);
}

std::optional<std::int64_t> as_integer(std::string_view text) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return number;
}

bool substring_matches(const std::vector<std::string>& parts, std::string_view value,
                       std::string_view attribute) {
    const std::string text = comparable(attribute, value);
    if (parts.empty()) {
        return true;
    }
    const std::string first = comparable(attribute, parts.front());
    const std::string last = parts.size() > 1 ? comparable(attribute, parts.back()) : std::string();
    if (!text.starts_with(first) || text.size() < first.size() + last.size()) {
        return false;
    }
    const std::size_t end = text.size() - last.size();
    std::size_t at = first.size();
    for (std::size_t i = 1; i + 1 < parts.size(); ++i) {
        const std::string part = comparable(attribute, parts[i]);
        const auto found = text.find(part, at);
        if (found == std::string::npos || found + part.size() > end) {
            return false;
        }
        at = found + part.size();
    }
    return text.ends_with(last);
}

/// <0, 0, >0: as numbers where both are, otherwise as folded text.
int compare(std::string_view attribute, const std::string& value, const std::string& asserted) {
    const auto a = as_integer(value);
    const auto b = as_integer(asserted);
    if (a && b) {
        return *a < *b ? -1 : (*a > *b ? 1 : 0);
    }
    return comparable(attribute, value).compare(comparable(attribute, asserted));
}

Truth extensible_matches(const Filter& filter, const Attributes& attributes) {
    const auto mask = as_integer(filter.value);
    if (!filter.attribute.ends_with(bit_and_rule) || !mask) {
        return std::nullopt;
    }
    const std::string_view name =
        std::string_view(filter.attribute).substr(0, filter.attribute.size() - bit_and_rule.size());
    return std::ranges::any_of(values_of(attributes, name), [&](const std::string& value) {
        const auto number = as_integer(value);
        return number && (*number & *mask) == *mask;
    });
}

Truth item_matches(const Filter& filter, const Attributes& attributes) {
    if (filter.kind == Filter::Kind::extensible) {
        return extensible_matches(filter, attributes);
    }
    const Values& values = values_of(attributes, filter.attribute);
    if (filter.kind == Filter::Kind::present) {
        return !values.empty();
    }
    return std::ranges::any_of(values, [&](const std::string& value) {
        switch (filter.kind) {
        case Filter::Kind::substring:
            return substring_matches(filter.parts, value, filter.attribute);
        case Filter::Kind::greater_or_equal:
            return compare(filter.attribute, value, filter.value) >= 0;
        case Filter::Kind::less_or_equal:
            return compare(filter.attribute, value, filter.value) <= 0;
        default:
            return is_octets(filter.attribute) ? value == filter.value
                                               : equal_folded(value, filter.value);
        }
    });
}

Truth evaluate(const Filter& filter, const Attributes& attributes) {
    if (filter.kind == Filter::Kind::negation) {
        const Truth inner =
            filter.children.empty() ? Truth{} : evaluate(filter.children.front(), attributes);
        return inner ? Truth{!*inner} : Truth{};
    }
    if (filter.kind != Filter::Kind::all_of && filter.kind != Filter::Kind::any_of) {
        return item_matches(filter, attributes);
    }
    // An AND is false as soon as one child is, an OR true; otherwise undefined as soon as one child
    // is.
    const bool decisive = filter.kind == Filter::Kind::any_of;
    Truth result = !decisive;
    for (const Filter& child : filter.children) {
        const Truth truth = evaluate(child, attributes);
        if (truth == Truth{decisive}) {
            return decisive;
        }
        if (!truth) {
            result = std::nullopt;
        }
    }
    return result;
}

} // namespace

Filter equals(std::string attribute, std::string value) {
    Filter filter;
    filter.kind = Filter::Kind::equal;
    filter.attribute = std::move(attribute);
    filter.value = std::move(value);
    return filter;
}

Filter present(std::string attribute) {
    Filter filter;
    filter.kind = Filter::Kind::present;
    filter.attribute = std::move(attribute);
    return filter;
}

Filter starts_with(std::string attribute, std::string prefix) {
    Filter filter;
    filter.kind = Filter::Kind::substring;
    filter.attribute = std::move(attribute);
    filter.parts = {std::move(prefix), std::string()};
    return filter;
}

Filter all_of(std::vector<Filter> children) {
    Filter filter;
    filter.kind = Filter::Kind::all_of;
    filter.children = std::move(children);
    return filter;
}

Filter any_of(std::vector<Filter> children) {
    Filter filter;
    filter.kind = Filter::Kind::any_of;
    filter.children = std::move(children);
    return filter;
}

Filter negation(Filter child) {
    Filter filter;
    filter.kind = Filter::Kind::negation;
    filter.children.push_back(std::move(child));
    return filter;
}

Filter has_bits(std::string attribute, unsigned bits) {
    Filter filter;
    filter.kind = Filter::Kind::extensible;
    filter.attribute = std::move(attribute) + std::string(bit_and_rule);
    filter.value = std::to_string(bits);
    return filter;
}

std::string to_string(const Filter& filter) {
    switch (filter.kind) {
    case Filter::Kind::all_of:
    case Filter::Kind::any_of:
    case Filter::Kind::negation: {
        std::string out = filter.kind == Filter::Kind::all_of   ? "(&"
                          : filter.kind == Filter::Kind::any_of ? "(|"
                                                                : "(!";
        for (const Filter& child : filter.children) {
            out += to_string(child);
        }
        return out + ")";
    }
    case Filter::Kind::present:
        return "(" + filter.attribute + "=*)";
    case Filter::Kind::substring:
        return "(" + filter.attribute + "=" + substring_text(filter.parts) + ")";
    case Filter::Kind::greater_or_equal:
        return "(" + filter.attribute + ">=" + escape_value(filter.value) + ")";
    case Filter::Kind::less_or_equal:
        return "(" + filter.attribute + "<=" + escape_value(filter.value) + ")";
    case Filter::Kind::equal:
    case Filter::Kind::extensible:
        break;
    }
    return "(" + filter.attribute + "=" + escape_value(filter.value) + ")";
}

bool matches(const Filter& filter, const Attributes& attributes) {
    return evaluate(filter, attributes).value_or(false);
}

} // namespace scp
