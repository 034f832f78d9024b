#pragma once

#include "base/attributes.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "plan/plan.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace scp {

/// One write, as it stands in the history: before it happens (result empty), and again with its result.
struct HistoryRecord {
    std::string id; ///< unique: time, writer and a counter
    Timestamp at;
    std::string who;  ///< the local user
    std::string host;
    Change change;
    std::optional<Attributes> pre_image; ///< everything readable of the object just before; empty for create
    std::string result; ///< "", "done", "failed", "skipped"
    std::string error;
};

/// Append-only, one file a writer, 0600, one JSON object a line (CONTRACT.md "Files").
class History {
  public:
    /// Makes DIR (0700) and a file of this process's own in it. ErrorKind::io.
    [[nodiscard]] static Result<std::unique_ptr<History>> open(const std::filesystem::path& dir);
    virtual ~History() = default;
    /// Durable (fsync) when it returns: call before the writes that it describes. Fills in id, at, who and host.
    [[nodiscard]] virtual Result<void> record(std::span<HistoryRecord> before) = 0;
    /// The results of records written before. Not fsynced by itself.
    [[nodiscard]] virtual Result<void> finish(std::span<const HistoryRecord> after) = 0;
};

} // namespace scp
