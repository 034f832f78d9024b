#pragma once

#include "settings/problems.hpp"
#include "settings/tree.hpp"

#include <cstddef>
#include <string>

namespace scp {

/// Far beyond any real settings, far below what could hurt.
struct YamlLimits {
    std::size_t bytes = 4UL << 20;
    std::ptrdiff_t marks =
        300'000; ///< of []{},:"'&*!? : yaml-cpp reads a whole [list] or {map} ahead, mark by mark
    std::size_t depth = 24;
    std::size_t nodes = 100'000;
};

/// One YAML document as a tree. Anchors, aliases and tags are refused, so nothing expands; depth
/// and size are bounded while parsing, so neither stack nor memory grows with hostile input.
/// Duplicate keys are problems; the first one stays. An empty document gives a null. Throws
/// YAML::Exception (syntax, limits), which load.cpp turns into a problem.
[[nodiscard]] SettingsTree read_yaml(const std::string& text, const std::string& file,
                                     ProblemList& problems, const YamlLimits& limits = {});

} // namespace scp
