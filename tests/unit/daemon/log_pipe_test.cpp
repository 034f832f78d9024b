#include "daemon/log.hpp"
#include "daemon/log_pipe.hpp"

#include <doctest/doctest.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <unistd.h>

#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>

using namespace scp;
using namespace std::chrono_literals;

namespace {

/// What a sink was given, and whether it takes anything. Shared: a pipe's thread may outlive the
/// pipe.
struct Told {
    std::mutex lock;
    std::condition_variable changed;
    std::vector<LogRecord> records;
    bool takes = true;
    bool works = true;

    void let_go() {
        const std::scoped_lock guard(lock);
        takes = true;
        changed.notify_all();
    }
    std::vector<std::string> messages() {
        const std::scoped_lock guard(lock);
        std::vector<std::string> out;
        for (const auto& record : records)
            out.push_back(record.message);
        return out;
    }
};

class TestSink final : public LogSink {
  public:
    explicit TestSink(std::shared_ptr<Told> told) : told_(std::move(told)) {}
    bool write(const LogRecord& record) override {
        std::unique_lock guard(told_->lock);
        told_->changed.wait(guard, [&] { return told_->takes; });
        if (told_->works)
            told_->records.push_back(record);
        return told_->works;
    }

  private:
    std::shared_ptr<Told> told_;
};

LogRecord line(std::string message) {
    return {std::chrono::system_clock::now(), spdlog::level::info, std::move(message), {}};
}

} // namespace

TEST_CASE("Log pipe: all of it, in order") {
    const auto told = std::make_shared<Told>();
    LogPipe pipe(std::make_unique<TestSink>(told));
    std::vector<std::string> expected;
    for (int i = 0; i < 500; ++i) {
        expected.push_back(std::to_string(i));
        pipe.push(line(expected.back()));
    }
    REQUIRE(pipe.drain(30s));
    CHECK(told->messages() == expected);
}

TEST_CASE(
    "Log pipe: one that nobody reads keeps nobody waiting; what is lost is counted and told") {
    const auto told = std::make_shared<Told>();
    told->takes = false;
    LogPipe pipe(std::make_unique<TestSink>(told));
    const std::uint64_t lost_before = lost_messages();
    constexpr int pushed = 5'000;
    for (int i = 0; i < pushed; ++i) // 5 MB: more than there is room for
        pipe.push(line(std::to_string(i) + std::string(1000, 'x')));
    CHECK_FALSE(pipe.drain(0ms));
    const std::uint64_t lost = lost_messages() - lost_before;
    CHECK(lost > 3'000);
    CHECK(lost < pushed);
    told->let_go();
    REQUIRE(pipe.drain(30s));
    const auto messages = told->messages();
    CHECK(messages.size() == pushed - lost + 1);
    CHECK(messages[1] ==
          std::to_string(lost) + " messages were lost: nobody took them for too long");
    pipe.push(line("there is room again"));
    REQUIRE(pipe.drain(30s));
    CHECK(told->messages().back() == "there is room again");
}

TEST_CASE(
    "Log pipe: closed while nobody reads, it waits for nothing, and what it has is still told") {
    const auto told = std::make_shared<Told>();
    told->takes = false;
    {
        LogPipe pipe(std::make_unique<TestSink>(told));
        pipe.push(line("last words"));
    }
    told->let_go();
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    while (told->messages().empty() && std::chrono::steady_clock::now() < deadline)
        std::this_thread::yield();
    CHECK(told->messages() == std::vector<std::string>{"last words"});
}

TEST_CASE("Log pipe: what a sink refuses is told when it works again") {
    const auto told = std::make_shared<Told>();
    told->works = false;
    LogPipe pipe(std::make_unique<TestSink>(told));
    pipe.push(line("one"));
    pipe.push(line("two"));
    REQUIRE(pipe.drain(30s));
    {
        const std::scoped_lock guard(told->lock);
        told->works = true;
    }
    pipe.push(line("three"));
    REQUIRE(pipe.drain(30s));
    CHECK(told->messages() ==
          std::vector<std::string>{"three", "2 messages were lost: nobody took them for too long"});
}

TEST_CASE("Log pipe: repeats come as a count") {
    const auto told = std::make_shared<Told>();
    LogPipe pipe(std::make_unique<TestSink>(told));
    for (int i = 0; i < 100; ++i)
        pipe.push(line("again"));
    REQUIRE(pipe.drain(30s));
    const auto messages = told->messages();
    REQUIRE(messages.size() == 11);
    CHECK(messages.back().starts_with("again [90 more times in "));
}

TEST_CASE("Line sink: a full pipe of a descriptor that does not wait is waited for") {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    REQUIRE(::fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0);
    const std::string long_line(300'000, 'x'); // more than a pipe holds
    std::string read;
    std::thread reader([&] {
        char buffer[65536];
        while (read.find('\n') == std::string::npos) {
            const ssize_t count = ::read(ends[0], buffer, sizeof buffer);
            if (count <= 0)
                break;
            read.append(buffer, static_cast<std::size_t>(count));
        }
    });
    CHECK(make_line_sink(ends[1], false)->write(line(long_line)));
    reader.join();
    CHECK(read.ends_with(" info " + long_line + "\n"));
    ::close(ends[0]);
    std::signal(SIGPIPE, SIG_IGN); // as scpd does
    CHECK_FALSE(make_line_sink(ends[1], true)->write(line("nobody reads")));
    ::close(ends[1]);
}

TEST_CASE("Log: what is below the level is not told, events have IDs, spdlog's lines have none") {
    const auto told = std::make_shared<Told>();
    set_up_log(std::make_unique<TestSink>(told), spdlog::level::info);
    log_event({.kind = EventKind::watching, .message = "watching a", .domain = "a"});
    log_event({EventKind::cycle_ended, "quiet"}, spdlog::level::debug);
    spdlog::info("by spdlog");
    spdlog::debug("quiet too");
    finish_log();
    set_up_log(std::make_unique<TestSink>(std::make_shared<Told>()), spdlog::level::off);
    CHECK(told->messages() == std::vector<std::string>{"watching a", "by spdlog"});
    CHECK(told->records.front().fields ==
          decltype(LogRecord::fields){{"MESSAGE_ID", std::string(doc_of(EventKind::watching).id)},
                                      {"SCPD_DOMAIN", "a"}});
    CHECK(told->records.back().fields.empty());
}
