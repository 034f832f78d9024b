#include "forest/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>

namespace scp {
#ifndef SCP_SIMULATION
namespace {

/// Threads that stay for the next work. Whoever has work waits for it, so there are never more of
/// them than there was work at once.
class LastingThreads {
  public:
    /// `work` on so many threads at once; returns when all have ended. Does not throw.
    void run(std::size_t threads, const std::function<void()>& work) {
        std::unique_lock guard(lock_);
        std::size_t left = threads;
        jobs_.insert(jobs_.end(), threads, Job{&work, &left});
        if (!start_missing()) { // nobody has taken any yet: the lock is ours
            std::erase_if(jobs_, [&](const Job& job) { return job.left == &left; });
            guard.unlock();
            work();
            return;
        }
        more_.notify_all();
        done_.wait(guard, [&] { return left == 0; });
    }

  private:
    struct Job {
        const std::function<void()>* work;
        std::size_t* left; ///< of those that were asked for together
    };

    /// False: the system has no more threads.
    bool start_missing() {
        try {
            for (; idle_ < jobs_.size(); ++idle_)
                std::thread([this] { serve(); }).detach();
            return true;
        } catch (const std::system_error&) {
            return false;
        }
    }

    [[noreturn]] void serve() {
        std::unique_lock guard(lock_);
        for (;;) {
            more_.wait(guard, [this] { return !jobs_.empty(); });
            const Job job = jobs_.front();
            jobs_.pop_front();
            --idle_;
            guard.unlock();
            (*job.work)();
            guard.lock();
            ++idle_;
            if (--*job.left == 0)
                done_.notify_all();
        }
    }

    std::mutex lock_;
    std::condition_variable more_;
    std::condition_variable done_;
    std::deque<Job> jobs_;
    std::size_t idle_ = 0; ///< also those that are about to wait
};

/// Never destroyed: they wait in it while the process ends.
LastingThreads& lasting_threads() {
    static auto& all = *new LastingThreads;
    return all;
}

} // namespace
#endif

void run_parallel(std::size_t count, std::size_t workers,
                  const std::function<void(std::size_t)>& work) {
#ifdef SCP_SIMULATION // one thread, one order: the same seed gives the same run
    static_cast<void>(workers);
    for (std::size_t i = 0; i < count; ++i)
        work(i);
#else
    std::atomic<std::size_t> next{0};
    std::exception_ptr failure;
    std::mutex failure_lock;
    const auto take_work = [&] {
        for (std::size_t i = next++; i < count; i = next++) {
            try {
                work(i);
            } catch (...) {
                const std::scoped_lock guard(failure_lock);
                failure = failure ? failure : std::current_exception();
            }
        }
    };
    if (count != 0)
        lasting_threads().run(std::min(std::max<std::size_t>(workers, 1), count), take_work);
    if (failure)
        std::rethrow_exception(failure);
#endif
}

void run_on_lasting_thread(const std::function<void()>& work) {
    run_parallel(1, 1, [&](std::size_t) { work(); });
}

} // namespace scp
