#include "settings/schema.hpp"

#include "settings/schema_keys.hpp"

#include <map>

namespace scp {

namespace {

std::vector<KeyDoc> all_keys() {
    std::vector<KeyDoc> keys = {
        {.path = "", .shapes = map_shape, .doc = "The whole file."},
        {.path = "instance",
         .doc = "Owner's name in the marker of every copy, the same on all hosts that serve the "
                "same copies.",
         .required = true,
         .check = check_label},
    };
    for (auto& part : {forest_keys(), rule_keys(), service_keys()})
        keys.insert(keys.end(), part.begin(), part.end());
    return keys;
}

/// forests[].tls.mode → forests[].tls; an item's parent is its list.
std::string_view parent_of(std::string_view path) {
    const auto dot = path.rfind('.');
    return dot == std::string_view::npos ? std::string_view{} : path.substr(0, dot);
}

} // namespace

const std::vector<KeyDoc>& settings_keys() {
    static const std::vector<KeyDoc> keys = all_keys();
    return keys;
}

const KeyDoc* find_key(std::string_view path) {
    static const auto by_path = [] {
        std::map<std::string, const KeyDoc*, std::less<>> index;
        for (const auto& key : settings_keys())
            index.emplace(key.path, &key);
        return index;
    }();
    auto found = by_path.find(path);
    return found == by_path.end() ? nullptr : found->second;
}

const std::vector<const KeyDoc*>& keys_below(std::string_view path) {
    static const auto by_parent = [] {
        std::map<std::string, std::vector<const KeyDoc*>, std::less<>> index;
        for (const auto& key : settings_keys())
            if (!key.path.empty() && !key.path.ends_with("[]"))
                index[std::string(parent_of(key.path))].push_back(&key);
        return index;
    }();
    static const std::vector<const KeyDoc*> none;
    auto found = by_parent.find(path);
    return found == by_parent.end() ? none : found->second;
}

std::string_view key_name(const KeyDoc& key) {
    const std::string_view path = key.path;
    const auto dot = path.rfind('.');
    return dot == std::string_view::npos ? path : path.substr(dot + 1);
}

const KeyDoc* find_member(std::string_view path, std::string_view name) {
    const KeyDoc* any = nullptr;
    for (const auto* key : keys_below(path)) {
        if (key_name(*key) == name)
            return key_name(*key) == "*" ? nullptr : key;
        if (key_name(*key) == "*")
            any = key;
    }
    return any;
}

bool is_named_list(std::string_view path) {
    return find_key(std::string(path) + "[].name") != nullptr;
}

} // namespace scp
