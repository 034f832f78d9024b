#pragma once

#include "settings/check.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace scp {

/// What may stand at a key; several may be allowed at once (a word or a map).
enum Shape : unsigned { value_shape = 1, list_shape = 2, map_shape = 4 };

/// What a single value (or each item of a list of values) has to be.
enum class ValueType { text, integer, boolean, duration, choice };

/// One key of the settings. The table of these is all there is to know about them: the validator,
/// the defaults, the man page and the JSON Schema come from it.
struct KeyDoc {
    /// forests[].tls.mode: `[]` is each item of a list, `*` each member of a map with free keys.
    std::string path{};
    unsigned shapes = value_shape;
    ValueType type = ValueType::text;
    std::string preset{}; ///< the default as YAML; empty: none
    std::string doc{};    ///< one sentence or two
    bool required = false;
    bool optional = false; ///< a map that stays absent where it is not given, instead of being
                           ///< filled with defaults
    bool nullable = false; ///< null stands for leaving it out
    bool unique = false;   ///< a list whose items differ, without case
    std::size_t min_items = 0;
    std::int64_t min = 0, max = 0; ///< of an integer; of a duration in milliseconds
    std::vector<std::string>
        choices{};         ///< of a choice; of a text: words allowed besides what `check` accepts
    Check check = nullptr; ///< of each value
    Check check_key = nullptr; ///< of each key that `*` stands for
};

/// In the order of the documentation.
[[nodiscard]] const std::vector<KeyDoc>& settings_keys();

/// The key at a path of the table, or nullptr.
[[nodiscard]] const KeyDoc* find_key(std::string_view path);
/// The keys directly below a path ("" is the whole file), in order; items (`[]`) are not among
/// them.
[[nodiscard]] const std::vector<const KeyDoc*>& keys_below(std::string_view path);
/// The last part of its path: mode.
[[nodiscard]] std::string_view key_name(const KeyDoc& key);
/// What may stand in the map `path` under `name`: its own key, else the `*` of the map, else
/// nullptr.
[[nodiscard]] const KeyDoc* find_member(std::string_view path, std::string_view name);
/// A list whose items are known by their `name`, without case: forests, rules.
[[nodiscard]] bool is_named_list(std::string_view path);

} // namespace scp
