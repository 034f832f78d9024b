#pragma once

#include "base/attributes.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "plan/plan.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace scp {

/// One write, as it stands in the history: before it happens (result empty), and again with its
/// result.
struct HistoryRecord {
    std::string id; ///< unique: time, writer and a counter
    Timestamp at;
    std::string who; ///< the local user
    std::string host;
    Change
        change; ///< of a create that is done, with the new object's GUID where the server showed it
    /// Everything readable of the object just before; empty for create.
    std::optional<Attributes> pre_image;
    std::string result; ///< "" (not known: the writer died in between), "done", "failed", "skipped"
    /// With "failed": the server took the write, and read back it was no more as it was written.
    bool overtaken = false;
    std::string error;
    std::string marker_attribute = "msDS-Settings"; ///< where the marker was written
    /// As it is read: the ID of the write that took this one back, and is not taken back itself.
    std::string undone_by;
};

/// For the product the defaults; a simulation has a clock and processes of its own.
struct HistoryOptions {
    std::uintmax_t bytes_a_file = std::uintmax_t{16} << 20U; ///< then another file is begun
    std::function<Timestamp()> now = [] {
        return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    };
    /// Names the file and begins the IDs: no two writers may have the same. Empty: this process,
    /// whose History objects share one file.
    std::string writer;
};

/// Append-only, 0600, one JSON object a line (CONTRACT.md "Files"); one file a writing process, and
/// another one whenever that has grown large. None is ever deleted: which pre-images are of no more
/// use is for a person to say. A write has two lines: one before it happens, with the pre-image,
/// and one with its result. Safe for use by several threads.
class History {
  public:
    /// Makes DIR (0700) and a file of this process's own in it. ErrorKind::io; also where others
    /// may write to DIR, because `undo` will act on what it finds there.
    [[nodiscard]] static Result<std::unique_ptr<History>> open(const std::filesystem::path& dir,
                                                               HistoryOptions options = {});
    virtual ~History() = default;
    /// Durable (fsync) when it returns: call before the writes that it describes. Fills in id, at,
    /// who and host. On failure nothing of `before` is left in the file.
    [[nodiscard]] virtual Result<void> record(std::span<HistoryRecord> before) = 0;
    /// The results of records written before. Not fsynced by itself.
    [[nodiscard]] virtual Result<void> finish(std::span<const HistoryRecord> after) = 0;
};

struct HistoryListing {
    std::vector<HistoryRecord> records; ///< sorted by time and id
    /// "FILE:LINE: what is wrong" for lines that cannot be read. A torn last line is none: its
    /// writer died before the write that it would have described.
    std::vector<std::string> problems;
    std::vector<Error> unreadable; ///< files of which nothing could be read, each named
};

/// All files of DIR, of whatever writer; with `since`, only those that were written to since. A DIR
/// that is not there is an empty history. ErrorKind::io where DIR itself is not readable.
[[nodiscard]] Result<HistoryListing> read_history(const std::filesystem::path& dir,
                                                  std::optional<Timestamp> since = {});

} // namespace scp
