#pragma once

#include "base/result.hpp"
#include "guard/host_state.hpp"

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace scp {

/// The text of the file: one JSON object, scpd.state/1.
[[nodiscard]] std::string state_text(const HostState& state);
/// Strict: what is not exactly such an object is ErrorKind::io with what is wrong, never a part of
/// it. Any bytes may come.
[[nodiscard]] Result<HostState> parse_state(std::string_view text);

/// This host's pauses and approvals, state.json in the folder of state_dir(), 0600.
class StateFile {
  public:
    explicit StateFile(std::filesystem::path file) : file_(std::move(file)) {}

    [[nodiscard]] const std::filesystem::path& path() const { return file_; }

    /// Makes its folder (0700) where it is not there, for whoever wants to watch it.
    [[nodiscard]] Result<void> make_folder() const;

    /// A file that is not there says that nothing is paused and nothing approved. One that cannot
    /// be read, is malformed, or may be written by others is ErrorKind::io: what is paused is not
    /// known then, and nothing may be written.
    [[nodiscard]] Result<HostState> read() const;

    /// Reads, lets `change` change it, and writes it back where that says true: all or nothing, and
    /// durable when this returns. Old approvals are dropped. Others wait for it (flock on
    /// state.lock beside the file), so that no change is lost. Returns what `change` said;
    /// ErrorKind::io where it could not be read or written.
    [[nodiscard]] Result<bool> update(const std::function<bool(HostState&)>& change) const;

  private:
    std::filesystem::path file_;
};

/// "sha256:" and 64 hex digits, as plans show it, in lower case. ErrorKind::usage for anything
/// else.
[[nodiscard]] Result<std::string> check_plan_hash(const std::string& text);

/// The user's name, else his number. May ask a directory of users, which takes its time.
[[nodiscard]] std::string user_called(uid_t user);
/// As whom this process acts.
[[nodiscard]] std::string this_user();

} // namespace scp
