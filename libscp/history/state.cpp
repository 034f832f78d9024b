#include "history/state.hpp"

#include "base/file_descriptor.hpp"
#include "base/text.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <thread>

namespace scp {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t largest = 1U << 20U; // a pause is some hundred bytes
constexpr std::chrono::seconds patience{10};
constexpr const char* lock_name = "state.lock";

std::string message_of(int code) {
    return std::generic_category().message(code);
}

auto unusable(const fs::path& file, const std::string& why) {
    return fail(ErrorKind::io,
                "cannot use the pauses and approvals in " + printable(file.string()) + ": " + why,
                "nothing is written while it is not known what is paused: mend the file, or remove "
                "it if nothing is to be paused");
}

auto unwritable(const fs::path& file, const std::string& tried, int code) {
    return fail(ErrorKind::io,
                "cannot " + tried + " for " + printable(file.string()) + ": " + message_of(code),
                "nothing was changed; run it as root or as the user of the folder, and see that "
                "the disk is not full");
}

/// Who could write to it could lift a pause or approve a plan.
std::string distrusted(const struct stat& status, uid_t owner_of_folder) {
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return "it may be written by others (chmod go-w)";
    if (status.st_uid != 0 && status.st_uid != ::geteuid() && status.st_uid != owner_of_folder)
        return "it belongs to another user (number " + std::to_string(status.st_uid) + ")";
    return {};
}

struct Folder {
    FileDescriptor fd;
    struct stat status {};
};

/// Not valid where it is not there.
Result<Folder> open_folder(const fs::path& file) {
    const fs::path parent = file.parent_path().empty() ? "." : file.parent_path();
    Folder folder{FileDescriptor{::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)}};
    if (!folder.fd.valid() && errno == ENOENT)
        return folder;
    if (!folder.fd.valid() || ::fstat(folder.fd.get(), &folder.status) != 0)
        return unusable(file, "its folder cannot be opened: " + message_of(errno));
    if (const auto why = distrusted(folder.status, folder.status.st_uid); !why.empty())
        return unusable(file, "of its folder: " + why);
    return folder;
}

Result<std::string> read_all(int fd, const fs::path& file) {
    std::string text;
    std::array<char, 16384> buffer{};
    for (;;) {
        const ssize_t count = ::read(fd, buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return unusable(file, message_of(errno));
        if (count == 0)
            return text;
        text.append(buffer.data(), static_cast<std::size_t>(count));
        if (text.size() > largest)
            return unusable(file, "it is larger than " + std::to_string(largest) + " bytes");
    }
}

Result<HostState> read_in(const Folder& folder, const fs::path& file) {
    // Not blocking: a FIFO of that name must not stop the daemon.
    const FileDescriptor fd{::openat(folder.fd.get(), file.filename().c_str(),
                                     O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};
    if (!fd.valid() && errno == ENOENT)
        return HostState{};
    struct stat status {};
    if (!fd.valid() || ::fstat(fd.get(), &status) != 0)
        return unusable(file, message_of(errno));
    if (!S_ISREG(status.st_mode))
        return unusable(file, "it is no regular file");
    if (const auto why = distrusted(status, folder.status.st_uid); !why.empty())
        return unusable(file, why);
    const auto text = read_all(fd.get(), file);
    if (!text)
        return fail(text.error());
    auto state = parse_state(*text);
    if (!state)
        return unusable(file, state.error().message);
    return state;
}

/// Makes it and what is missing above it, each durable in its parent; errno's value, or 0.
int make_folders(const fs::path& dir) { // NOLINT(misc-no-recursion): a path's depth
    struct stat status {};
    if (dir.empty() || ::stat(dir.c_str(), &status) == 0)
        return 0;
    if (const int code = make_folders(dir.parent_path()); code != 0)
        return code;
    if (::mkdir(dir.c_str(), 0700) != 0)
        return errno == EEXIST ? 0 : errno;
    const fs::path parent = dir.parent_path().empty() ? "." : dir.parent_path();
    const FileDescriptor fd{::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    return fd.valid() && ::fsync(fd.get()) == 0 ? 0 : errno;
}

/// root writes for the service's user, who must go on to read and write it.
bool give_to_owner(int fd, const Folder& folder) {
    return ::geteuid() != 0 || ::fchown(fd, folder.status.st_uid, folder.status.st_gid) == 0;
}

/// Held until it is closed; by the kernel, so that no killed process leaves it behind.
Result<FileDescriptor> lock(const Folder& folder, const fs::path& file) {
    FileDescriptor fd{::openat(folder.fd.get(), lock_name,
                               O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600)};
    if (!fd.valid() || !give_to_owner(fd.get(), folder))
        return unwritable(file, "open state.lock", errno);
    const auto end = std::chrono::steady_clock::now() + patience;
    while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return unwritable(file, "lock state.lock", errno);
        if (std::chrono::steady_clock::now() > end)
            return unwritable(file, "lock state.lock, which another process holds,", ETIMEDOUT);
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
    }
    return fd;
}

int write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(fd, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return errno;
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return 0;
}

/// Under the lock: beside it, durable, then in its place. A reader sees the old file or the new
/// one.
Result<void> replace(const Folder& folder, const fs::path& file, const std::string& text) {
    if (text.size() > largest)
        return fail(ErrorKind::io,
                    "the pauses and approvals would be too large for " + printable(file.string()),
                    "nothing was changed; give shorter reasons, or resume what is paused");
    const std::string name = file.filename().string();
    const std::string fresh = name + ".new";
    ::unlinkat(folder.fd.get(), fresh.c_str(), 0); // left behind by one who was killed
    const FileDescriptor fd{::openat(folder.fd.get(), fresh.c_str(),
                                     O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
    if (!fd.valid())
        return unwritable(file, "make the new file", errno);
    int code = write_all(fd.get(), text);
    if (code == 0 && (!give_to_owner(fd.get(), folder) || ::fsync(fd.get()) != 0))
        code = errno;
    if (code == 0 && ::renameat(folder.fd.get(), fresh.c_str(), folder.fd.get(), name.c_str()) != 0)
        code = errno;
    if (code != 0) {
        ::unlinkat(folder.fd.get(), fresh.c_str(), 0);
        return unwritable(file, "write the new file", code);
    }
    if (::fsync(folder.fd.get()) != 0)
        return unwritable(file, "make it durable", errno);
    return {};
}

} // namespace

Result<HostState> StateFile::read() const {
    const auto folder = open_folder(file_);
    if (!folder)
        return fail(folder.error());
    return folder->fd.valid() ? read_in(*folder, file_) : HostState{};
}

Result<void> StateFile::make_folder() const {
    if (const int code = make_folders(file_.parent_path()); code != 0)
        return unwritable(file_, "make the folder", code);
    return {};
}

Result<bool> StateFile::update(const std::function<bool(HostState&)>& change) const {
    if (auto made = make_folder(); !made)
        return fail(made.error());
    const auto folder = open_folder(file_);
    if (!folder)
        return fail(folder.error());
    if (!folder->fd.valid())
        return unwritable(file_, "open the folder", ENOENT);
    const auto held = lock(*folder, file_);
    if (!held)
        return fail(held.error());
    auto state = read_in(*folder, file_);
    if (!state)
        return fail(state.error());
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    const bool dropped = drop_old_approvals(*state, now);
    const bool changed = change(*state);
    if (changed || dropped)
        if (auto written = replace(*folder, file_, state_text(*state)); !written)
            return fail(written.error());
    return changed;
}

Result<std::string> check_plan_hash(const std::string& text) {
    constexpr std::string_view kind = "sha256:";
    const std::string hash = lower_ascii(text);
    if (!hash.starts_with(kind) || hash.size() != kind.size() + 64 ||
        !std::ranges::all_of(std::string_view(hash).substr(kind.size()),
                             [](char c) { return hex_digit(c) >= 0; }))
        return fail(ErrorKind::usage, printable(text) + ": this is no plan's hash",
                    "scpctl plan -o json shows it: sha256: and 64 hex digits");
    return hash;
}

std::string user_called(uid_t user) {
    std::array<char, 16384> buffer{};
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwuid_r(user, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr)
        return found->pw_name;
    return std::to_string(user);
}

std::string this_user() {
    return user_called(::geteuid());
}

} // namespace scp
