#pragma once

#include "support/world.hpp"

#include <string>

namespace scp::test {

/// Reads a scenario (tests/golden/README.md says how it is written). Throws std::runtime_error with
/// the file's name.
[[nodiscard]] World read_scenario(const std::string& yaml);

/// A plan as people read it: one change or held a paragraph.
[[nodiscard]] std::string render(const Plan& plan);

} // namespace scp::test
