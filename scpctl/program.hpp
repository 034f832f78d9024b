#pragma once

#include "scpctl/surroundings.hpp"

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace scp {

/// The whole of scpctl but signals: parses `arguments` (without the program's name), runs the verb,
/// and returns the exit code of CONTRACT.md.
[[nodiscard]] int run_scpctl(const std::vector<std::string>& arguments, const Surroundings& around);

} // namespace scp
