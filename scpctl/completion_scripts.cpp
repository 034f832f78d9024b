#include "scpctl/completion.hpp"

namespace scp {

namespace {

// The words that may come next are told by scpctl itself, one a line, with a tab and the meaning
// behind; ":files" and ":directories" leave the rest to the shell.

constexpr std::string_view bash =
    R"sh(# Completion of scpctl for bash; printed by: scpctl completion bash
_scpctl() {
    local line current=${COMP_WORDS[COMP_CWORD]}
    [ "$current" != = ] || current=
    COMPREPLY=()
    while IFS= read -r line; do
        case $line in
        :files | :directories)
            compopt -o filenames 2>/dev/null
            local kind=-f
            [ "$line" = :files ] || kind=-d
            while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen $kind -- "$current")
            ;;
        *) COMPREPLY+=("${line%%$'\t'*}") ;;
        esac
    done < <("${COMP_WORDS[0]}" completion words -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _scpctl scpctl
)sh";

constexpr std::string_view zsh = R"sh(#compdef scpctl
# Completion of scpctl for zsh; printed by: scpctl completion zsh
_scpctl() {
    local line kind=
    local -a found
    while IFS= read -r line; do
        case $line in
        :files | :directories) kind=$line ;;
        *$'\t'*) found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
        *) found+=("${line//:/\\:}") ;;
        esac
    done < <("${words[1]}" completion words -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)
    (( $#found )) && _describe scpctl found
    [[ -n $kind ]] || return
    compset -P '--*='
    if [[ $kind = :files ]]; then _files; else _files -/; fi
}
if [ "${funcstack[1]}" = _scpctl ]; then _scpctl "$@"; else compdef _scpctl scpctl; fi
)sh";

constexpr std::string_view fish =
    R"sh(# Completion of scpctl for fish; printed by: scpctl completion fish
function __scpctl_words
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in (command $words[1] completion words -- $words[2..] "$current" 2>/dev/null)
        switch $line
            case :files
                __fish_complete_path (string replace -r '^--[^=]*=' '' -- "$current")
            case :directories
                __fish_complete_directories (string replace -r '^--[^=]*=' '' -- "$current") ''
            case '*'
                echo $line
        end
    end
end
complete -c scpctl -f -a '(__scpctl_words)'
)sh";

} // namespace

std::string_view completion_script(std::string_view shell) {
    return shell == "bash" ? bash : shell == "zsh" ? zsh : shell == "fish" ? fish : "";
}

} // namespace scp
