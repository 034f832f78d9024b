#include "scpctl/files.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include <unistd.h>

namespace scp {

namespace {

tl::unexpected<Error> file_error(const char* tried, const std::filesystem::path& file) {
    return fail(ErrorKind::io,
                fmt::format("{} {}: {}", tried, printable(file.string()), std::strerror(errno)),
                "check the path and its permissions");
}

} // namespace

Result<void> write_file(const std::filesystem::path& file, const std::string& text) {
    errno = 0;
    std::error_code failed;
    // A device or a pipe (/dev/stdout) cannot be replaced.
    const bool special =
        std::filesystem::exists(file, failed) && !std::filesystem::is_regular_file(file, failed);
    const std::filesystem::path beside =
        special ? file : std::filesystem::path(fmt::format("{}.{}.tmp", file.string(), ::getpid()));
    std::ofstream stream(beside, std::ios::binary | std::ios::trunc);
    stream << text;
    stream.close();
    if (!stream) {
        auto error = file_error("writing", file);
        if (!special)
            std::filesystem::remove(beside, failed);
        return error;
    }
    if (special)
        return {};
    std::filesystem::rename(beside, file, failed);
    if (failed) {
        errno = failed.value();
        auto error = file_error("writing", file);
        std::filesystem::remove(beside, failed);
        return error;
    }
    return {};
}

Result<std::string> read_file(const std::filesystem::path& file, std::size_t limit) {
    errno = 0;
    std::ifstream stream(file, std::ios::binary);
    std::string text(limit + 1, '\0');
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (!stream.is_open() || stream.bad() || std::filesystem::is_directory(file)) {
        if (errno == 0)
            errno = EISDIR;
        return file_error("reading", file);
    }
    text.resize(static_cast<std::size_t>(stream.gcount()));
    if (text.size() > limit)
        return fail(
            ErrorKind::io,
            fmt::format("reading {}: it is longer than {} bytes", printable(file.string()), limit),
            "is it the right file?");
    return text;
}

} // namespace scp
