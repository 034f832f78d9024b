#include "daemon/log_pipe.hpp"

#include "daemon/repeat_limit.hpp"

#include <fmt/format.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include <pthread.h>

namespace scp {
namespace {

std::atomic<std::uint64_t> lost_in_all{0};

/// About what a record takes up.
std::size_t size_of(const LogRecord& record) {
    std::size_t size = sizeof(LogRecord) + record.message.size();
    for (const auto& field : record.fields)
        size += sizeof(field) + field.second.size();
    return size;
}

LogRecord loss(std::uint64_t count) {
    return to_record({EventKind::log_lost,
                      fmt::format("{} messages were lost: nobody took them for too long", count)},
                     doc_of(EventKind::log_lost).level, std::chrono::system_clock::now());
}

} // namespace

struct LogPipe::Shared {
    explicit Shared(std::unique_ptr<LogSink> to) : sink(std::move(to)) {}

    void run();
    void write(const LogRecord& record);

    std::mutex lock;
    std::condition_variable work;
    std::condition_variable idle;
    std::deque<LogRecord> queue;
    std::size_t bytes = 0;
    std::uint64_t lost = 0; ///< and not told yet
    bool writing = false;
    bool closing = false;
    bool finish = false; ///< somebody waits for all of it, the counts too

    // The thread's own.
    std::unique_ptr<LogSink> sink;
    RepeatLimit limit;
};

void LogPipe::Shared::write(const LogRecord& record) {
    std::uint64_t untold = 0;
    if (sink->write(record)) {
        const std::scoped_lock guard(lock);
        std::swap(untold, lost);
    } else {
        ++lost_in_all;
        const std::scoped_lock guard(lock);
        ++lost;
    }
    if (untold != 0 && !sink->write(loss(untold))) {
        const std::scoped_lock guard(lock);
        lost += untold;
    }
}

void LogPipe::Shared::run() {
    std::unique_lock guard(lock);
    while (true) {
        const auto ready = [&] { return !queue.empty() || closing || finish; };
        if (const auto next = limit.next())
            work.wait_until(guard, *next, ready);
        else
            work.wait(guard, ready);
        const bool last = queue.empty() && (closing || finish);
        std::deque<LogRecord> batch;
        std::swap(batch, queue);
        writing = true;
        guard.unlock();
        for (const auto& record : batch) {
            if (limit.admit(record, RepeatLimit::Time::clock::now()))
                write(record);
            const std::scoped_lock again(lock);
            bytes -= size_of(record);
        }
        for (const auto& record : limit.counts(RepeatLimit::Time::clock::now(), last))
            write(record);
        guard.lock();
        writing = false;
        if (last && queue.empty()) {
            finish = false;
            idle.notify_all();
            if (closing)
                return;
        }
    }
}

LogPipe::LogPipe(std::unique_ptr<LogSink> sink)
    : shared_(std::make_shared<Shared>(std::move(sink))) {
    std::thread([shared = shared_] {
        pthread_setname_np(pthread_self(), "scpd-log"); // for whoever looks at the threads
        shared->run();
    }).detach();
}

LogPipe::~LogPipe() {
    const std::scoped_lock guard(shared_->lock);
    shared_->closing = true;
    shared_->work.notify_one();
}

void LogPipe::push(LogRecord record) {
    const std::size_t size = size_of(record);
    const std::scoped_lock guard(shared_->lock);
    if (shared_->bytes + size > most_bytes) {
        ++shared_->lost;
        ++lost_in_all;
        return;
    }
    shared_->bytes += size;
    shared_->queue.push_back(std::move(record));
    shared_->work.notify_one();
}

bool LogPipe::drain(std::chrono::milliseconds patience) {
    std::unique_lock guard(shared_->lock);
    shared_->finish = true;
    shared_->work.notify_one();
    return shared_->idle.wait_for(guard, patience, [&] { return !shared_->finish; });
}

std::uint64_t lost_messages() {
    return lost_in_all;
}

} // namespace scp
