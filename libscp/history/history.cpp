#include "history/history.hpp"

#include "base/file_descriptor.hpp"
#include "base/text.hpp"
#include "history/lines.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <mutex>
#include <system_error>
#include <utility>

namespace scp {
namespace {

namespace fs = std::filesystem;

constexpr const char* hint = "no write is made without its pre-image in the history: make the "
                             "directory writable for this user and see "
                             "that the disk is not full, or name another with --history DIR";

auto io_failure(const std::string& tried, const fs::path& path, int code) {
    return fail(ErrorKind::io,
                "cannot " + tried + " " + printable(path.string()) + ": " +
                    std::generic_category().message(code),
                hint);
}

/// The name of a writer's file, and the numbers it has given out. One a process, so that two
/// History objects of one process share a file without tearing each other's lines.
struct Writer {
    std::mutex mutex;
    pid_t pid = 0;
    std::string stem;
    std::uint64_t count = 0;
};

/// Caller holds `writer.mutex`. A fork is a writer of its own.
void name_writer(Writer& writer, Timestamp now) {
    if (writer.pid == ::getpid())
        return;
    std::array<char, 4> random{};
    if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size()))
        random = {};
    writer.pid = ::getpid();
    writer.count = 0;
    writer.stem.clear();
    for (const char c : to_rfc3339(now))
        if (c != '-' && c != ':')
            writer.stem.push_back(c);
    writer.stem += "-" + std::to_string(writer.pid) + "-" +
                   to_hex(std::string_view(random.data(), random.size()));
}

std::shared_ptr<Writer> this_process(Timestamp now) {
    static const auto writer = std::make_shared<Writer>();
    const std::scoped_lock lock(writer->mutex);
    name_writer(*writer, now);
    return writer;
}

std::string local_user() {
    std::array<char, 4096> buffer{};
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found) == 0 && found)
        return found->pw_name;
    return std::to_string(::geteuid());
}

std::string local_host() {
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) != 0)
        return "unknown";
    return name.data();
}

/// root writes for the service's user, who owns the folder and must go on to read and write in it.
bool give_to_owner(int made, int folder) {
    struct stat status {};
    return ::geteuid() != 0 ||
           (::fstat(folder, &status) == 0 && ::fchown(made, status.st_uid, status.st_gid) == 0);
}

/// Makes `dir` and what is missing above it, each durable in its parent.
Result<void> make_directories(const fs::path& dir) {
    if (dir.empty() || fs::is_directory(dir))
        return {};
    if (auto made = make_directories(dir.parent_path()); !made)
        return made;
    const fs::path parent = dir.parent_path().empty() ? "." : dir.parent_path();
    const FileDescriptor fd{::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    const bool made_here = ::mkdir(dir.c_str(), 0700) == 0;
    if (!made_here && errno != EEXIST)
        return io_failure("make the history's directory", dir, errno);
    const FileDescriptor made{::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)};
    if (made_here && (!made.valid() || !give_to_owner(made.get(), fd.get())))
        return io_failure("give the history's directory to its owner", dir, errno);
    if (!fd.valid() || ::fsync(fd.get()) != 0)
        return io_failure("make durable", parent, errno);
    return {};
}

Result<FileDescriptor> open_directory(fs::path dir) {
    dir = dir.lexically_normal();
    if (!dir.has_filename()) // "a/b/": the parent of that is "a/b"
        dir = dir.parent_path();
    try {
        if (auto made = make_directories(dir); !made)
            return fail(made.error());
    } catch (const fs::filesystem_error& problem) {
        return io_failure("make the history's directory", dir, problem.code().value());
    }
    FileDescriptor fd{::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    struct stat status {};
    if (!fd.valid() || ::fstat(fd.get(), &status) != 0)
        return io_failure("open the history's directory", dir, errno);
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return fail(ErrorKind::io,
                    "the history's directory " + printable(dir.string()) +
                        " may be written by others, who could plant records that undo would follow",
                    "chmod 700 " + printable(dir.string()));
    return fd;
}

/// Made if it is not there; durable in its directory.
Result<FileDescriptor> open_file(const FileDescriptor& directory, const fs::path& path) {
    FileDescriptor file{::openat(directory.get(), path.filename().c_str(),
                                 O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (!file.valid())
        return io_failure("make the history file", path, errno);
    if (!give_to_owner(file.get(), directory.get()))
        return io_failure("give the history file to its owner", path, errno);
    if (::fsync(directory.get()) != 0)
        return io_failure("make durable", path.parent_path(), errno);
    return file;
}

class FileHistory : public History {
  public:
    FileHistory(std::shared_ptr<Writer> writer, FileDescriptor directory, FileDescriptor fd,
                fs::path path, HistoryOptions options)
        : writer_(std::move(writer)), directory_(std::move(directory)), fd_(std::move(fd)),
          path_(std::move(path)), options_(std::move(options)) {}

    Result<void> record(std::span<HistoryRecord> before) override {
        const std::scoped_lock lock(writer_->mutex);
        if (auto ready = prepare_file(); !ready)
            return ready;
        std::string lines;
        for (HistoryRecord& record : before) {
            record.id = writer_->stem + "-" + std::to_string(++writer_->count);
            record.at = options_.now();
            record.who = who_;
            record.host = host_;
            record.result.clear();
            record.error.clear();
            lines += record_line(record);
        }
        return append(lines, true);
    }

    Result<void> finish(std::span<const HistoryRecord> after) override {
        const std::scoped_lock lock(writer_->mutex);
        std::string lines;
        for (const HistoryRecord& record : after)
            lines += result_line(record);
        return append(lines, false);
    }

  private:
    /// Another file where this one has grown large, or was deleted or moved away under us: a
    /// pre-image in a file that nobody can find guards nothing. Caller holds the writer's mutex.
    Result<void> prepare_file() {
        struct stat ours {};
        struct stat named {};
        if (::fstat(fd_.get(), &ours) != 0)
            return io_failure("look at the history", path_, errno);
        const bool there = ::fstatat(directory_.get(), path_.filename().c_str(), &named,
                                     AT_SYMLINK_NOFOLLOW) == 0 &&
                           named.st_ino == ours.st_ino && named.st_dev == ours.st_dev;
        const bool full = static_cast<std::uintmax_t>(ours.st_size) >= options_.bytes_a_file;
        if (there && !full)
            return {};
        const fs::path next =
            path_.parent_path() / (writer_->stem + "." + std::to_string(part_ + 1) + ".jsonl");
        auto file = open_file(directory_, next);
        if (!file)
            return fail(file.error());
        fd_ = std::move(*file);
        path_ = next;
        torn_ = false;
        ++part_;
        return {};
    }

    /// All of `lines` or, as far as the file system lets us, nothing. Caller holds the writer's
    /// mutex.
    Result<void> append(const std::string& lines, bool durable) {
        struct stat status {};
        if (::fstat(fd_.get(), &status) != 0)
            return io_failure("write the history", path_, errno);
        int code = write_all(torn_ ? "\n" + lines : lines);
        if (code == 0 && durable && ::fsync(fd_.get()) != 0)
            code = errno;
        if (code == 0) {
            torn_ = false;
            return {};
        }
        // A record whose write never happens must not stand there as one whose result is unknown.
        if (::ftruncate(fd_.get(), status.st_size) != 0)
            torn_ = true;
        return io_failure("write the history", path_, code);
    }

    [[nodiscard]] int write_all(std::string_view bytes) const {
        while (!bytes.empty()) {
            const ssize_t written = ::write(fd_.get(), bytes.data(), bytes.size());
            if (written < 0 && errno == EINTR)
                continue;
            if (written < 0)
                return errno;
            bytes.remove_prefix(static_cast<std::size_t>(written));
        }
        return 0;
    }

    std::shared_ptr<Writer> writer_;
    FileDescriptor directory_;
    FileDescriptor fd_;
    fs::path path_;
    HistoryOptions options_;
    int part_ = 1;
    std::string who_ = local_user();
    std::string host_ = local_host();
    bool torn_ = false; ///< the file may end within a line
};

} // namespace

Result<std::unique_ptr<History>> History::open(const std::filesystem::path& dir,
                                               HistoryOptions options) {
    auto directory = open_directory(dir);
    if (!directory)
        return fail(directory.error());
    auto writer = options.writer.empty() ? this_process(options.now()) : std::make_shared<Writer>();
    const std::scoped_lock lock(writer->mutex);
    if (!options.writer.empty())
        writer->stem = options.writer;
    const fs::path path = dir / (writer->stem + ".jsonl");
    auto file = open_file(*directory, path);
    if (!file)
        return fail(file.error());
    return std::make_unique<FileHistory>(writer, std::move(*directory), std::move(*file), path,
                                         std::move(options));
}

} // namespace scp
