#include "sim/run.hpp"

#include <fmt/format.h>

#include <sys/resource.h>

#include <algorithm>

// The history of a simulated host is the real one, in real files.

namespace scp::sim {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t bytes_a_file = 6000; ///< a few writes: the next file is soon begun

std::map<fs::path, std::uintmax_t> sizes_in(const fs::path& folder) {
    std::map<fs::path, std::uintmax_t> sizes;
    std::error_code none;
    for (const auto& file : fs::directory_iterator(folder, none))
        sizes[file.path()] = file.file_size();
    return sizes;
}

/// What was written since then ends at any byte: there the process was killed.
void tear(const fs::path& folder, const std::map<fs::path, std::uintmax_t>& before,
          std::size_t dice) {
    for (const auto& [path, size] : sizes_in(folder)) {
        const auto there = before.find(path);
        const std::uintmax_t had = there == before.end() ? 0 : there->second;
        if (size > had)
            fs::resize_file(path, had + dice % (size - had + 1));
    }
}

/// The disk takes so many more bytes, then none: a write may end within a line.
class FullDisk {
  public:
    FullDisk(const fs::path& folder, std::size_t left) {
        ::getrlimit(RLIMIT_FSIZE, &before_);
        rlimit now = before_;
        std::uintmax_t largest = 0;
        for (const auto& [path, size] : sizes_in(folder))
            largest = std::max(largest, size);
        now.rlim_cur = largest + left;
        ::setrlimit(RLIMIT_FSIZE, &now);
    }
    FullDisk(const FullDisk&) = delete;
    FullDisk& operator=(const FullDisk&) = delete;
    ~FullDisk() { ::setrlimit(RLIMIT_FSIZE, &before_); }

  private:
    rlimit before_{};
};

/// A create gets its GUID with its result: it stands by its name.
std::string key_of(const HistoryRecord& record) {
    const Change& change = record.change;
    return change.op != Op::create && change.guid ? change.guid->to_string() : change.dn.key();
}

} // namespace

Result<void> SimHistory::open() {
    if (inner_)
        return {};
    HistoryOptions options;
    options.bytes_a_file = bytes_a_file;
    options.now = [this] { return run_.world.forest.now; };
    options.writer = fmt::format("host{}-{}", daemon_.number, daemon_.processes);
    auto opened = History::open(daemon_.history_dir, std::move(options));
    if (!opened)
        return fail(opened.error());
    inner_ = std::move(*opened);
    return {};
}

/// `lines` writes some; the process may be killed in the middle of it, and the disk be full.
Result<void> SimHistory::write(const std::function<Result<void>()>& lines) {
    if (auto opened = open(); !opened)
        return opened;
    const std::size_t dice = run_.world.step * 2654435761U >> 8U;
    try {
        run_.operation();
    } catch (const Death&) {
        const auto before = sizes_in(daemon_.history_dir);
        static_cast<void>(lines());
        tear(daemon_.history_dir, before, dice);
        throw;
    }
    std::optional<FullDisk> full;
    if (daemon_.history_full > run_.world.forest.now)
        full.emplace(daemon_.history_dir, dice % 700);
    return lines();
}

Result<void> SimHistory::record(std::span<HistoryRecord> before) {
    auto done = write([&] { return inner_->record(before); });
    if (done)
        for (const HistoryRecord& one : before)
            daemon_.open_records[key_of(one)] = one;
    return done;
}

Result<void> SimHistory::finish(std::span<const HistoryRecord> after) {
    for (const HistoryRecord& one : after)
        daemon_.open_records.erase(key_of(one));
    return write([&] { return inner_->finish(after); });
}

/// Promise 6, of the files: whatever happened, each write that a server has carried out stands
/// there, and nothing in them cannot be read.
void Run::check_histories() const {
    const std::string promise =
        "every write is in the history, with its pre-image, before it happens";
    for (const Daemon& daemon : daemons_) {
        const auto listing = read_history(daemon.history_dir);
        if (!listing || !listing->problems.empty() || !listing->unreadable.empty())
            throw Violation{"a history can be read, whatever happened to its writers",
                            !listing                       ? listing.error().message
                            : !listing->unreadable.empty() ? listing->unreadable.front().message
                                                           : listing->problems.front()};
        std::map<std::string, const HistoryRecord*> by_id;
        for (const HistoryRecord& record : listing->records)
            by_id[record.id] = &record;
        for (const HistoryRecord& done : daemon.recorded) {
            const auto found = by_id.find(done.id);
            if (found == by_id.end() || found->second->pre_image != done.pre_image ||
                found->second->change.marker_before != done.change.marker_before)
                throw Violation{promise,
                                "daemon " + std::to_string(daemon.number) + ": " + done.id};
        }
    }
}

} // namespace scp::sim
