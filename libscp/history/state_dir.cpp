#include "history/state_dir.hpp"

#include <cstdlib>

namespace scp {

namespace fs = std::filesystem;

fs::path state_dir(const Environment& environment, uid_t effective_user) {
    const std::string directories = environment("STATE_DIRECTORY"); // separated by colons
    if (fs::path first = directories.substr(0, directories.find(':')); first.is_absolute())
        return first;
    if (const fs::path state = environment("XDG_STATE_HOME"); state.is_absolute())
        return state / "scpd";
    const fs::path home = environment("HOME");
    if (effective_user != 0 && home.is_absolute())
        return home / ".local/state/scpd";
    return "/var/lib/scpd";
}

fs::path default_history_dir(const Environment& environment, uid_t effective_user) {
    return state_dir(environment, effective_user) / "history";
}

fs::path default_state_file(const Environment& environment, uid_t effective_user) {
    return state_dir(environment, effective_user) / "state.json";
}

std::string process_environment(const char* name) {
    const char* const value = std::getenv(name);
    return value != nullptr ? value : "";
}

} // namespace scp
