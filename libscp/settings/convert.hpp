#pragma once

#include "settings/settings.hpp"
#include "settings/tree.hpp"

namespace scp {

/// The typed settings of a validated and completed tree. Values that are not valid keep the type's
/// default, items that are not valid are left out of lists of values; forests and rules stay in
/// number and order.
[[nodiscard]] Settings to_settings(const SettingsTree& root);

} // namespace scp
