#pragma once

#include "daemon/log_record.hpp"

#include <chrono>
#include <cstdint>
#include <memory>

namespace scp {

/// Where the log goes in the end. Used by one thread alone.
class LogSink {
  public:
    LogSink() = default;
    LogSink(const LogSink&) = delete;
    LogSink& operator=(const LogSink&) = delete;
    virtual ~LogSink() = default;
    /// May wait for as long as it likes. False: the record is lost.
    virtual bool write(const LogRecord& record) = 0;
};

/// Between those who have something to say and a sink that may not take it: a queue and a thread.
/// Whoever pushes never waits; what finds no room is lost, counted, and told when the sink takes
/// something again. Repeats are limited (RepeatLimit).
class LogPipe {
  public:
    /// Of messages that wait.
    static constexpr std::size_t most_bytes = std::size_t{1} << 20U;

    explicit LogPipe(std::unique_ptr<LogSink> sink);
    /// Waits for nothing: what was pushed is still written, as long as the process lives.
    ~LogPipe();
    LogPipe(const LogPipe&) = delete;
    LogPipe& operator=(const LogPipe&) = delete;

    void push(LogRecord record);
    /// Until all that was pushed, and the counts of what was held back, are written; false: not
    /// within that time.
    bool drain(std::chrono::milliseconds patience);

  private:
    struct Shared;
    /// Shared with the thread, which outlives this where the sink does not come back.
    std::shared_ptr<Shared> shared_;
};

/// Messages that this process has lost.
[[nodiscard]] std::uint64_t lost_messages();

/// NAME=value by sd_journal_sendv(3).
[[nodiscard]] std::unique_ptr<LogSink> make_journal_sink();
/// Lines to a descriptor that stays the caller's.
[[nodiscard]] std::unique_ptr<LogSink> make_line_sink(int descriptor, bool json);

} // namespace scp
