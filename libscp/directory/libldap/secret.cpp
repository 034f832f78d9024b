#include "directory/libldap/secret.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

namespace scp {

Result<std::string> credential_path(std::string_view name) {
    if (name.empty() || name.find('/') != std::string_view::npos || name.front() == '.') {
        return fail(ErrorKind::settings,
                    fmt::format("auth.credential: \"{}\" is not a name", printable(name)));
    }
    std::string tried;
    for (const char* folder :
         {static_cast<const char*>(std::getenv("CREDENTIALS_DIRECTORY")), "/etc/credstore"}) {
        if (folder == nullptr || *folder == '\0') {
            continue;
        }
        std::string path = fmt::format("{}/{}", folder, name);
        if (::access(path.c_str(), R_OK) == 0) {
            return path;
        }
        tried += fmt::format("{}{}: {}", tried.empty() ? "" : "; ", printable(path),
                             std::strerror(errno));
    }
    return fail(ErrorKind::settings,
                fmt::format("credential {} is not to be had: {}", printable(name), tried),
                "Put it into /etc/credstore (0600), or give it to the unit with LoadCredential=.");
}

Result<std::string> read_secret(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::string line;
    if (!file) {
        return fail(ErrorKind::settings,
                    fmt::format("cannot read {}: {}", printable(path), std::strerror(errno)));
    }
    std::getline(file, line);
    if (!line.empty() && line.back() == '\r') {
        line.pop_back();
    }
    if (line.empty()) {
        return fail(ErrorKind::settings,
                    fmt::format("{}: there is no password in the first line", printable(path)));
    }
    return line;
}

} // namespace scp
