#include "daemon/log.hpp"

#include <fmt/format.h>
#include <spdlog/sinks/sink.h>
#include <spdlog/spdlog.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <mutex>
#include <optional>

namespace scp {
namespace {

constexpr const char* journal_socket = "/run/systemd/journal/socket";

/// systemd.exec(5): $JOURNAL_STREAM names the device and inode of the stream, so that a redirected
/// stderr is noticed.
bool stderr_is_the_journal() {
    const char* const stream = std::getenv("JOURNAL_STREAM");
    struct stat status {};
    return stream != nullptr && fstat(STDERR_FILENO, &status) == 0 &&
           fmt::format("{}:{}", status.st_dev, status.st_ino) == stream;
}

bool journal_is_there() {
    struct stat status {};
    return stat(journal_socket, &status) == 0 && S_ISSOCK(status.st_mode);
}

/// Where everything goes that this process says.
struct Output {
    std::mutex lock;
    std::shared_ptr<LogPipe> pipe; ///< shared with those who are just saying something
    spdlog::level::level_enum level = spdlog::level::info;
    std::optional<std::pair<bool, LogSettings::Format>> where; ///< the journal, or else how
};

Output& output() {
    static Output& one = *new Output; // to the end: threads that outlive main may say something
    return one;
}

void push(LogRecord record) {
    std::shared_ptr<LogPipe> pipe;
    {
        const std::scoped_lock guard(output().lock);
        if (record.level < output().level)
            return;
        pipe = output().pipe;
    }
    if (pipe)
        pipe->push(std::move(record));
    else // not set up, or that has failed
        (void)make_line_sink(STDERR_FILENO, false)->write(record);
}

/// What is said through spdlog: lines for developers, without an ID.
class PipeSink final : public spdlog::sinks::sink {
  public:
    void log(const spdlog::details::log_msg& line) override {
        push({line.time, line.level, std::string(line.payload.data(), line.payload.size()), {}});
    }
    void flush() override {}
    void set_pattern(const std::string&) override {}
    void set_formatter(std::unique_ptr<spdlog::formatter>) override {}
};

void use_level(spdlog::level::level_enum level) {
    output().level = level;
    auto logger = std::make_shared<spdlog::logger>( // spdlog's loggers share their sinks
        "scpd", std::make_shared<PipeSink>());
    logger->set_level(level);
    spdlog::set_default_logger(std::move(logger));
}

} // namespace

void set_up_log(const LogSettings& settings) {
    const bool asked = settings.target == LogSettings::Target::journal;
    const bool journal =
        (asked && journal_is_there()) ||
        (settings.target == LogSettings::Target::automatic && stderr_is_the_journal());
    const auto where = std::pair(journal, settings.format);
    {
        const std::scoped_lock guard(output().lock);
        if (output().where != where) {
            output().pipe = std::make_shared<LogPipe>(
                journal
                    ? make_journal_sink()
                    : make_line_sink(STDERR_FILENO, settings.format == LogSettings::Format::json));
            output().where = where;
        }
        use_level(spdlog::level::from_str(settings.level));
    }
    if (asked && !journal)
        log_event({EventKind::no_journal,
                   fmt::format("log.target: journal: there is no {}; the log goes to stderr",
                               journal_socket)});
}

void set_up_log(std::unique_ptr<LogSink> sink, spdlog::level::level_enum level) {
    const std::scoped_lock guard(output().lock);
    output().pipe = std::make_shared<LogPipe>(std::move(sink));
    output().where.reset();
    use_level(level);
}

void log_event(LogEvent event) {
    const auto level = doc_of(event.kind).level;
    log_event(std::move(event), level);
}

void log_event(LogEvent event, spdlog::level::level_enum level) {
    push(to_record(std::move(event), level, std::chrono::system_clock::now()));
}

void finish_log() {
    std::shared_ptr<LogPipe> pipe;
    {
        const std::scoped_lock guard(output().lock);
        pipe = output().pipe;
    }
    if (pipe)
        (void)pipe->drain(std::chrono::seconds{1});
}

} // namespace scp
