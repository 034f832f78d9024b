#include "forest/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace scp {

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
    {
        std::vector<std::jthread> threads;
        const std::size_t wanted = std::min(std::max<std::size_t>(workers, 1), count);
        for (std::size_t i = 1; i < wanted; ++i)
            threads.emplace_back(take_work);
        take_work();
    }
    if (failure)
        std::rethrow_exception(failure);
#endif
}

} // namespace scp
