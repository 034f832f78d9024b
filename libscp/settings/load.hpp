#pragma once

#include "base/result.hpp"
#include "settings/settings.hpp"
#include "settings/tree.hpp"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace scp {

/// One thing wrong with the settings. Line and column count from 1; 0 where there is no place (an
/// unreadable file).
struct Problem {
    std::string file;
    int line = 0;
    int column = 0;
    std::string key; ///< path: rules[mage].match.keywords
    std::string message;

    [[nodiscard]] std::string to_string() const; ///< file:line:column: key: what is wrong
    friend bool operator==(const Problem&, const Problem&) = default;
};

struct Loaded {
    Settings settings;             ///< meaningful only where there are no problems
    std::vector<Problem> problems; ///< all of them, in order of file, line, column
    std::vector<Problem>
        warnings; ///< allowed, but not what most people want; where no problems are
    SettingsTree
        tree; ///< the same after the merge, as written, with the defaults filled in (`config show`)
    std::map<std::string, std::string>
        origins; ///< key path → "file:line", for what was given; "default" is not listed
};

/// Reads FILE and the drop-ins *.yaml in `scpd.d` beside it, in name order (CONTRACT.md, "Files").
/// Never throws.
[[nodiscard]] Loaded load_settings(const std::filesystem::path& file);
/// The same from text (tests).
[[nodiscard]] Loaded load_settings_text(const std::string& text, const std::string& file_name);

} // namespace scp
