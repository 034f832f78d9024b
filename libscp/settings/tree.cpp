#include "settings/tree.hpp"

#include "base/text.hpp"

#include <algorithm>

namespace scp {

namespace {
constexpr std::size_t path_part_limit = 80;
}

const SettingsTree* SettingsTree::find(std::string_view name) const {
    if (kind != Kind::map)
        return nullptr;
    auto found = std::ranges::find(children, name, &SettingsTree::key);
    return found == children.end() ? nullptr : &*found;
}

SettingsTree* SettingsTree::find(std::string_view name) {
    if (kind != Kind::map)
        return nullptr;
    auto found = std::ranges::find(children, name, &SettingsTree::key);
    return found == children.end() ? nullptr : &*found;
}

std::string item_path(const std::string& list_path, const SettingsTree& item, std::size_t index) {
    const auto* name = item.find("name");
    if (name && name->is_scalar() && !name->text.empty())
        return list_path + "[" + printable(name->text, path_part_limit) + "]";
    return list_path + "[#" + std::to_string(index + 1) + "]";
}

std::string member_path(const std::string& map_path, std::string_view key) {
    auto shown = printable(key, path_part_limit);
    return map_path.empty() ? shown : map_path + "." + shown;
}

} // namespace scp
