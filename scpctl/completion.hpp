#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace scp {

/// What may stand in the place of a word that is being typed.
struct Completions {
    struct Candidate {
        std::string word;
        std::string meaning; ///< one line, may be empty
    };
    std::vector<Candidate> candidates; ///< only those that begin as the word does
    bool files = false;                ///< any file's name, too
    bool directories = false;          ///< any directory's
};

/// `words`: what stands behind `scpctl`, the last one being the word that is typed (empty: not yet
/// begun). As bash cuts them, too: `--mode=sync` may be three words. `rules`: the names of the
/// rules in the settings that a -c among the words names (empty: none does); asked only where one
/// fits.
[[nodiscard]] Completions
complete(std::vector<std::string> words,
         const std::function<std::vector<std::string>(const std::string& config)>& rules);

/// The script for bash, zsh or fish; each asks `scpctl completion words`. Empty for another shell.
[[nodiscard]] std::string_view completion_script(std::string_view shell);

} // namespace scp
