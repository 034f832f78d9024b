#include "settings/merge.hpp"

#include "base/text.hpp"
#include "settings/schema.hpp"
#include "settings/settings.hpp"
#include "settings/yaml.hpp"

#include <algorithm>

namespace scp {

namespace {

using Kind = SettingsTree::Kind;

void merge_map(SettingsTree& base, const SettingsTree& over, const std::string& path);

bool same_name(const SettingsTree& a, const SettingsTree& b) {
    const auto* left = a.find("name");
    const auto* right = b.find("name");
    return left && right && left->is_scalar() && right->is_scalar() &&
           equal_ascii_nocase(left->text, right->text);
}

void merge_named(SettingsTree& base, const SettingsTree& over, const std::string& path) {
    for (const auto& item : over.children) {
        auto known = std::ranges::find_if(
            base.children, [&item](const auto& old) { return same_name(old, item); });
        if (known == base.children.end()) {
            base.children.push_back(item);
            continue;
        }
        // A name that only says which item is meant stays where it was given.
        const SettingsTree name = *known->find("name");
        merge_map(*known, item, path + "[]");
        if (auto* merged = known->find("name"); merged->text == name.text)
            *merged = name;
    }
}

/// A null takes these back to their default. Of a map or of forests and rules it says nothing: all
/// below the key may stand in comments.
bool has_value(const KeyDoc& key) {
    return (key.shapes & value_shape) != 0 ||
           ((key.shapes & list_shape) != 0 && !is_named_list(key.path));
}

void merge_member(SettingsTree& base, const SettingsTree& child, const KeyDoc& key) {
    auto* old = base.find(child.key);
    if (child.kind == Kind::null) {
        if (old && has_value(key))
            std::erase_if(base.children,
                          [&child](const auto& member) { return member.key == child.key; });
    } else if (!old) {
        base.children.push_back(child);
    } else if (old->is_map() && child.is_map()) {
        merge_map(*old, child, key.path);
    } else if (old->is_list() && child.is_list() && is_named_list(key.path)) {
        merge_named(*old, child, key.path);
    } else {
        *old = child;
    }
}

void merge_map(SettingsTree& base, const SettingsTree& over, const std::string& path) {
    for (const auto& child : over.children)
        if (const auto* key = find_member(path, child.key))
            merge_member(base, child, *key);
}

/// Gives `map` what `from` has and it has not.
void inherit(SettingsTree& map, const SettingsTree& from) {
    for (const auto& member : from.children)
        if (!map.find(member.key))
            map.children.push_back(member);
}

void inherit_overrides(SettingsTree& forest) {
    auto* domains = forest.find("domains");
    if (!domains || !domains->is_map())
        return;
    const auto* forest_tls = forest.find("tls");
    const auto* forest_auth = forest.find("auth");
    for (auto& domain : domains->children) {
        auto* tls = domain.find("tls");
        if (tls && tls->is_map() && forest_tls && forest_tls->is_map())
            inherit(*tls, *forest_tls);
        auto* auth = domain.find("auth");
        if (auth && auth->is_map() && !auth->find("mechanism") && forest_auth &&
            forest_auth->is_map())
            inherit(*auth, *forest_auth);
    }
}

SettingsTree read_preset(const KeyDoc& key) {
    ProblemList none;
    auto node = read_yaml(key.preset, "", none);
    auto forget_place = [](SettingsTree& value) { value.place = {}; };
    forget_place(node);
    std::ranges::for_each(node.children, forget_place);
    if (key.type == ValueType::integer)
        node.kind = Kind::integer;
    if (key.type == ValueType::boolean)
        node.kind = Kind::boolean;
    return node;
}

const SettingsTree& preset_of(const KeyDoc& key) {
    static const auto presets = [] {
        std::map<const KeyDoc*, SettingsTree> read;
        for (const auto& each : settings_keys())
            if (!each.preset.empty())
                read.emplace(&each, read_preset(each));
        return read;
    }();
    return presets.at(&key);
}

void fill(SettingsTree& node, const std::string& path);

void fill_absent(SettingsTree& map, const KeyDoc& key) {
    SettingsTree child;
    if (!key.preset.empty()) {
        child = preset_of(key);
    } else {
        if (key.shapes != map_shape || key.optional || key.required)
            return;
        child.kind = Kind::map;
        fill(child, key.path);
        if (child.children.empty())
            return;
    }
    child.key = key_name(key);
    map.children.push_back(std::move(child));
}

void fill(SettingsTree& node, const std::string& path) {
    if (node.is_list()) {
        for (auto& item : node.children)
            fill(item, path + "[]");
        return;
    }
    if (!node.is_map())
        return;
    for (auto& child : node.children)
        if (const auto* key = find_member(path, child.key))
            fill(child, key->path);
    std::erase_if(node.children, [](const auto& child) { return child.kind == Kind::null; });
    for (const auto* key : keys_below(path))
        if (key_name(*key) != "*" && !node.find(key_name(*key)))
            fill_absent(node, *key);
}

/// Whether the rule, as it is written, reads or writes Configuration NCs.
bool wants_configuration(const SettingsTree& rule) {
    const auto below = [&](std::string_view map, std::string_view key) -> const SettingsTree* {
        const auto* const parent = rule.find(map);
        return parent ? parent->find(key) : nullptr;
    };
    if (const auto* container = below("targets", "container"))
        if (container->is_scalar() && in_configuration(container->text))
            return true;
    const auto* const in = below("match", "in");
    return in && std::ranges::any_of(in->children, [](const SettingsTree& item) {
               return item.text == "configuration";
           });
}

/// The default of trust.containers names a place in each kind of naming context that the rule uses.
void trust_services(SettingsTree& rules) {
    for (auto& rule : rules.children) {
        if (!wants_configuration(rule))
            continue;
        auto* trust = rule.find("trust");
        const auto* const given = trust ? trust->find("containers") : nullptr;
        if ((trust && !trust->is_map()) || (given && given->kind != Kind::null))
            continue;
        if (!trust) {
            rule.children.push_back({.kind = Kind::map, .key = "trust"});
            trust = &rule.children.back();
        }
        std::erase_if(trust->children, [](const auto& child) { return child.key == "containers"; });
        SettingsTree containers = preset_of(*find_key("rules[].trust.containers"));
        containers.key = "containers";
        for (const Dn& place : default_configuration_containers())
            containers.children.push_back(
                {.kind = Kind::text, .text = "configuration:" + place.text(), .quoted = true});
        trust->children.push_back(std::move(containers));
    }
}

void collect(const SettingsTree& node, const KeyDoc& key, const std::string& path,
             std::map<std::string, std::string>& origins) {
    if (node.is_map()) {
        for (const auto& child : node.children)
            if (const auto* member = find_member(key.path, child.key))
                collect(child, *member,
                        member->check_key ? path + "[" + printable(child.key) + "]"
                                          : member_path(path, child.key),
                        origins);
    } else if (node.is_list() && is_named_list(key.path)) {
        for (std::size_t i = 0; i < node.children.size(); ++i)
            collect(node.children[i], *find_key(key.path + "[]"),
                    item_path(path, node.children[i], i), origins);
    } else if (node.kind != Kind::null && node.place.line > 0) {
        origins[path] = node.place.file + ":" + std::to_string(node.place.line);
    }
}

} // namespace

void merge_settings(SettingsTree& base, const SettingsTree& over) {
    merge_map(base, over, "");
}

void complete_settings(SettingsTree& root) {
    if (auto* forests = root.find("forests"); forests && forests->is_list())
        std::ranges::for_each(forests->children, inherit_overrides);
    if (auto* rules = root.find("rules"); rules && rules->is_list())
        trust_services(*rules);
    fill(root, "");
}

std::map<std::string, std::string> origins_of(const SettingsTree& root) {
    std::map<std::string, std::string> origins;
    collect(root, *find_key(""), "", origins);
    return origins;
}

} // namespace scp
