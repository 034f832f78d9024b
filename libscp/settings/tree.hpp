#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace scp {

/// Where something was written. Line and column (in bytes) count from 1; line 0: it was not written
/// but is a default.
struct TextPlace {
    std::string file;
    int line = 0;
    int column = 0;

    friend bool operator==(const TextPlace&, const TextPlace&) = default;
};

/// The settings as a tree of values that know where they were written: what `config show` prints.
struct SettingsTree {
    enum class Kind { null, text, integer, boolean, list, map };

    Kind kind = Kind::null;
    std::string key{};                    ///< where this is a member of a map
    std::string text{};                   ///< of text, integer, boolean
    std::vector<SettingsTree> children{}; ///< of list and map, in the order written, defaults last
    TextPlace place{};
    TextPlace key_place{}; ///< where this is a member of a map
    bool quoted = false;   ///< as written; "8" is no integer
    bool valid = true; ///< false: a problem was found in exactly this value, which is then left out
                       ///< of Settings

    [[nodiscard]] bool is_map() const { return kind == Kind::map; }
    [[nodiscard]] bool is_list() const { return kind == Kind::list; }
    [[nodiscard]] bool is_scalar() const {
        return kind == Kind::text || kind == Kind::integer || kind == Kind::boolean;
    }
    /// The member of that name, or nullptr.
    [[nodiscard]] const SettingsTree* find(std::string_view name) const;
    [[nodiscard]] SettingsTree* find(std::string_view name);
};

/// rules + mage → rules[mage]: the path of an item, by its `name` where it has one, else [#n]
/// from 1. Printable.
[[nodiscard]] std::string item_path(const std::string& list_path, const SettingsTree& item,
                                    std::size_t index);
/// daemon + poll → daemon.poll. Printable.
[[nodiscard]] std::string member_path(const std::string& map_path, std::string_view key);

} // namespace scp
