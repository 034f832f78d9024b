#pragma once

#include "base/attributes.hpp"
#include "base/result.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace scp {

/// An LDAP search filter as a tree, so that no value is ever pasted into filter text.
struct Filter {
    enum class Kind {
        all_of,
        any_of,
        negation,
        equal,
        present,
        substring,
        greater_or_equal,
        less_or_equal,
        extensible
    };

    Kind kind = Kind::present;
    std::vector<Filter> children; ///< all_of, any_of, negation (one)
    std::string
        attribute;     ///< the rest; for extensible as written: "memberOf:1.2.840.113556.1.4.1941:"
    std::string value; ///< equal, greater, less, extensible: unescaped bytes
    std::vector<std::string>
        parts; ///< substring: initial, any…, final; initial and final may be empty

    friend bool operator==(const Filter&, const Filter&) = default;
};

[[nodiscard]] Filter equals(std::string attribute, std::string value);
[[nodiscard]] Filter present(std::string attribute);
/// `value` begins with `prefix`.
[[nodiscard]] Filter starts_with(std::string attribute, std::string prefix);
[[nodiscard]] Filter all_of(std::vector<Filter> children);
[[nodiscard]] Filter any_of(std::vector<Filter> children);
[[nodiscard]] Filter negation(Filter child);
/// AD's LDAP_MATCHING_RULE_BIT_AND, 1.2.840.113556.1.4.803.
[[nodiscard]] Filter has_bits(std::string attribute, unsigned bits);

/// RFC 4515 text; bytes outside printable ASCII, and * ( ) \ NUL, as \xx.
[[nodiscard]] std::string to_string(const Filter& filter);

struct FilterLimits {
    std::size_t max_depth = 64;
    std::size_t max_length = std::size_t{64} * 1024; ///< bytes
};
/// RFC 4515. ErrorKind::usage with the position of the fault, also past a limit. Never recurses
/// past max_depth.
[[nodiscard]] Result<Filter> parse_filter(std::string_view text, FilterLimits limits = {});

/// Evaluates with caseIgnoreMatch for all attributes but entryUUID/objectGUID (octets); objectClass
/// by the values given. Extensible: only BIT_AND is known, any other is false.
[[nodiscard]] bool matches(const Filter& filter, const Attributes& attributes);

} // namespace scp
