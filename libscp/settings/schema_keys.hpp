#pragma once

#include "settings/schema.hpp"

#include <chrono>

namespace scp {

// The parts of settings_keys(), each in the order of the documentation.
[[nodiscard]] std::vector<KeyDoc> forest_keys();
[[nodiscard]] std::vector<KeyDoc> rule_keys();
[[nodiscard]] std::vector<KeyDoc> service_keys();

/// A bound of a duration.
[[nodiscard]] constexpr std::int64_t ms(std::chrono::milliseconds duration) {
    return duration.count();
}

} // namespace scp
