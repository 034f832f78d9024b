#pragma once

#include "report/json.hpp"
#include "report/style.hpp"
#include "settings/tree.hpp"

#include <map>
#include <string>

namespace scp {

/// scpd.config-show/1
[[nodiscard]] Json settings_document(const SettingsTree& tree,
                                     const std::map<std::string, std::string>& origins);
/// YAML that can be loaded again, with "# file:line" or "# default" behind each value.
[[nodiscard]] std::string settings_text(const SettingsTree& tree, const Style& style);

} // namespace scp
