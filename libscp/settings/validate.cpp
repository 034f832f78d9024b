#include "settings/validate.hpp"

#include "base/names.hpp"
#include "base/text.hpp"
#include "base/time.hpp"
#include "settings/schema.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

namespace scp {

namespace {

using Kind = SettingsTree::Kind;

constexpr std::size_t shown = 80; ///< bytes of a wrong value in a message

std::string shapes_text(const KeyDoc& key) {
    std::vector<std::string> names;
    if ((key.shapes & value_shape) != 0)
        names.emplace_back("a single value");
    if ((key.shapes & list_shape) != 0)
        names.emplace_back("a list");
    if ((key.shapes & map_shape) != 0)
        names.emplace_back("a map of keys");
    return fmt::format("{}", fmt::join(names, " or "));
}

std::string kind_text(const SettingsTree& node) {
    if (node.is_list())
        return "a list";
    if (node.is_map())
        return "a map of keys";
    return "\"" + printable(node.text, shown) + "\"";
}

unsigned shape_of(const SettingsTree& node) {
    return node.is_list() ? list_shape : node.is_map() ? map_shape : value_shape;
}

std::string or_else(const std::string& word, const std::vector<std::string>& candidates) {
    const auto near = nearest(word, candidates);
    return near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near);
}

bool means_password(std::string_view key) {
    constexpr std::string_view words[] = {"password",   "passwd",     "pass", "bind_password",
                                          "bindpw",     "bind_pw",    "pw",   "secret",
                                          "passphrase", "credentials"};
    return std::ranges::find(words, lower_ascii(key)) != std::end(words);
}

class Validator {
  public:
    Validator(bool is_drop_in, ProblemList& problems)
        : is_drop_in_(is_drop_in), problems_(problems) {}

    void node(SettingsTree& node, const KeyDoc& key, const std::string& path) {
        if (!node.valid)
            return;
        if (node.kind == Kind::null)
            return null(node, key, path);
        if ((key.shapes & shape_of(node)) == 0)
            return refuse(
                node, path,
                fmt::format("{} is expected here, not {}", shapes_text(key), kind_text(node)));
        if (node.is_map())
            map(node, key, path);
        else if (node.is_list())
            list(node, key, path);
        else
            value(node, key, path);
    }

  private:
    void refuse(SettingsTree& node, const std::string& path, std::string message) {
        node.valid = false;
        problems_.add(node.place, path, std::move(message));
    }

    void null(SettingsTree& node, const KeyDoc& key, const std::string& path) {
        const bool is_item = node.key.empty();
        const bool means_absent = (key.shapes & value_shape) == 0 || key.nullable || is_drop_in_;
        if (!is_item && means_absent)
            return;
        node.valid = false;
        problems_.add(is_item ? node.place : node.key_place, path,
                      "has no value (a text that looks like null goes in quotes)");
    }

    void map(SettingsTree& node, const KeyDoc& key, const std::string& path) {
        std::map<std::string, int> lines;
        for (auto& child : node.children) {
            const auto* member = find_member(key.path, child.key);
            if (!member) {
                unknown(child, key, path);
                continue;
            }
            if (!member->check_key) {
                this->node(child, *member, member_path(path, child.key));
                continue;
            }
            const auto child_path = path + "[" + printable(child.key, shown) + "]";
            if (auto complaint = member->check_key(child.key)) {
                child.valid = false;
                problems_.add(child.key_place, child_path, *complaint);
                continue;
            }
            child.key = DomainName(child.key).text();
            if (auto [first, added] = lines.emplace(child.key, child.key_place.line); !added)
                problems_.add(child.key_place, child_path,
                              fmt::format("given twice here, first in line {}", first->second));
            this->node(child, *member, child_path);
        }
    }

    void unknown(SettingsTree& child, const KeyDoc& map, const std::string& path) {
        child.valid = false;
        const auto child_path = member_path(path, child.key);
        if (means_password(child.key)) {
            problems_.add(child.key_place, child_path,
                          "a password does not belong in the settings: put it in a file: "
                          "password_file (or credential)");
            return;
        }
        if (problems_.full()) // nearest() is not for free
            return problems_.add(child.key_place, child_path, "unknown key");
        std::vector<std::string> siblings;
        for (const auto* key : keys_below(map.path))
            siblings.emplace_back(key_name(*key));
        auto hint = or_else(child.key, siblings);
        if (hint.empty())
            hint = belongs_elsewhere(child.key);
        problems_.add(child.key_place, child_path,
                      fmt::format("unknown key \"{}\"{}", printable(child.key, shown), hint));
    }

    static std::string belongs_elsewhere(const std::string& name) {
        const KeyDoc* only = nullptr;
        for (const auto& key : settings_keys()) {
            if (key.path.empty() || key_name(key) != name)
                continue;
            if (only)
                return "";
            only = &key;
        }
        return only ? fmt::format("; that key is {}", only->path) : "";
    }

    void list(SettingsTree& node, const KeyDoc& key, const std::string& path) {
        if (node.children.size() < key.min_items)
            return refuse(node, path, "is an empty list; at least one item is needed");
        const auto* item_key = find_key(key.path + "[]");
        std::map<std::string, int> lines;
        for (std::size_t i = 0; i < node.children.size(); ++i) {
            auto& item = node.children[i];
            const auto path_of_item = item_path(path, item, i);
            if (item_key)
                this->node(item, *item_key, path_of_item);
            else
                plain_item(item, key, path_of_item);
            if (auto name = name_of(item, key))
                if (auto [first, added] = lines.emplace(fold_case(*name), item.place.line); !added)
                    problems_.add(item.place, path_of_item,
                                  fmt::format("\"{}\" is given twice, first in line {}",
                                              printable(*name, shown), first->second));
        }
    }

    void plain_item(SettingsTree& item, const KeyDoc& list, const std::string& path) {
        auto key = list;
        key.shapes = value_shape;
        node(item, key, path);
    }

    /// By what an item must differ from the others.
    static std::optional<std::string> name_of(const SettingsTree& item, const KeyDoc& list) {
        if (list.unique)
            return item.is_scalar() ? std::optional(item.text) : std::nullopt;
        const auto* name = is_named_list(list.path) ? item.find("name") : nullptr;
        return name && name->is_scalar() ? std::optional(name->text) : std::nullopt;
    }

    void value(SettingsTree& node, const KeyDoc& key, const std::string& path) {
        if (auto complaint = value_complaint(node, key))
            refuse(node, path, *complaint);
        else if (key.type == ValueType::integer)
            node.kind = Kind::integer;
        else if (key.type == ValueType::boolean)
            node.kind = Kind::boolean;
    }

    static Complaint value_complaint(const SettingsTree& node, const KeyDoc& key) {
        if (auto fault = text_fault(node.text)) {
            // "CORP\talk"
            const bool is_escape_likely = node.quoted && key.check == check_account;
            return fmt::format("\"{}\" has {}{}", printable(node.text, shown), *fault,
                               is_escape_likely ? " (in double quotes a backslash begins an escape)"
                                                : "");
        }
        switch (key.type) {
        case ValueType::integer:
            return check_integer(node, key);
        case ValueType::boolean:
            if (node.quoted || (node.text != "true" && node.text != "false"))
                return fmt::format("true or false is expected, not {}", as_written(node));
            return std::nullopt;
        case ValueType::duration:
            return check_duration(node, key);
        case ValueType::choice:
            return check_choice(node, key);
        case ValueType::text:
            if (std::ranges::find(key.choices, node.text) != key.choices.end())
                return std::nullopt;
            break;
        }
        return key.check ? key.check(node.text) : std::nullopt;
    }

    static std::string as_written(const SettingsTree& node) {
        return fmt::format("{}\"{}\"", node.quoted ? "the text " : "", printable(node.text, shown));
    }

    static Complaint check_integer(const SettingsTree& node, const KeyDoc& key) {
        std::int64_t number = 0;
        const char* end = node.text.data() + node.text.size();
        const auto [stop, error] = std::from_chars(node.text.data(), end, number);
        if (node.quoted || stop != end || error == std::errc::invalid_argument)
            return fmt::format("a whole number is expected, not {}", as_written(node));
        if (error != std::errc{} || number < key.min || number > key.max)
            return fmt::format("{} is out of range: {} to {}", printable(node.text, shown), key.min,
                               key.max);
        return std::nullopt;
    }

    static Complaint check_duration(const SettingsTree& node, const KeyDoc& key) {
        const auto duration = parse_duration(node.text);
        if (!duration)
            return fmt::format("\"{}\" is no duration: a whole number with ms, s, m, h or d, such "
                               "as 500ms or 15m, up to "
                               "3650d",
                               printable(node.text, shown));
        if (duration->count() < key.min || duration->count() > key.max)
            return fmt::format("{} is out of range: {} to {}", printable(node.text, shown),
                               to_duration(std::chrono::milliseconds{key.min}),
                               to_duration(std::chrono::milliseconds{key.max}));
        return std::nullopt;
    }

    static Complaint check_choice(const SettingsTree& node, const KeyDoc& key) {
        if (std::ranges::find(key.choices, node.text) != key.choices.end())
            return std::nullopt;
        const auto others = key.shapes & (list_shape | map_shape);
        const auto* or_more = others == list_shape  ? ", or a list"
                              : others == map_shape ? ", or a map of keys"
                                                    : "";
        return fmt::format("\"{}\" is not one of {}{}{}", printable(node.text, shown),
                           fmt::join(key.choices, ", "), key.shapes == list_shape ? "" : or_more,
                           or_else(node.text, key.choices));
    }

    bool is_drop_in_;
    ProblemList& problems_;
};

void require_members(const SettingsTree& node, const KeyDoc& key, const std::string& path,
                     ProblemList& problems);

void require_below(const SettingsTree& node, const KeyDoc& key, const std::string& path,
                   ProblemList& problems) {
    if (!node.valid)
        return;
    if (node.is_map())
        require_members(node, key, path, problems);
    const auto* item_key = node.is_list() ? find_key(key.path + "[]") : nullptr;
    if (!item_key)
        return;
    for (std::size_t i = 0; i < node.children.size(); ++i)
        require_below(node.children[i], *item_key, item_path(path, node.children[i], i), problems);
}

void require_members(const SettingsTree& node, const KeyDoc& key, const std::string& path,
                     ProblemList& problems) {
    for (const auto* member : keys_below(key.path)) {
        const auto name = std::string(key_name(*member));
        const auto* child = node.find(name);
        if (member->required && (!child || (child->valid && child->kind == Kind::null)))
            problems.add(node.place, member_path(path, name),
                         fmt::format("is required: {}", member->doc));
    }
    for (const auto& child : node.children)
        if (const auto* member = find_member(key.path, child.key))
            require_below(child, *member,
                          member->check_key ? path + "[" + printable(child.key, shown) + "]"
                                            : member_path(path, child.key),
                          problems);
}

} // namespace

void validate_file(SettingsTree& root, bool is_drop_in, ProblemList& problems) {
    Validator(is_drop_in, problems).node(root, *find_key(""), "");
}

void require_keys(const SettingsTree& root, ProblemList& problems) {
    require_below(root, *find_key(""), "", problems);
}

} // namespace scp
