#pragma once

#include "settings/tree.hpp"

#include <map>
#include <string>

namespace scp {

/// Lays a drop-in over what came before it: maps by key, forests and rules by name (without case),
/// other lists replaced. A null takes a single value back to its default, and says nothing about a
/// list or map.
void merge_settings(SettingsTree& base, const SettingsTree& over);

/// Fills in what was not given: the overrides of a domain from its forest (tls key by key; auth
/// too, unless the override has a mechanism of its own), then the defaults of the table.
void complete_settings(SettingsTree& root);

/// Key path → "file:line" of every value and list that was given.
[[nodiscard]] std::map<std::string, std::string> origins_of(const SettingsTree& root);

} // namespace scp
