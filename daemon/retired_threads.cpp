#include "daemon/retired_threads.hpp"

#include <utility>

namespace scp {

RetiredThreads::~RetiredThreads() = default; // a jthread joins

void RetiredThreads::take(std::jthread thread) {
    if (!thread.joinable())
        return;
    thread.request_stop();
    waiting_ =
        std::jthread([before = std::exchange(waiting_, {}), thread = std::move(thread)]() mutable {
            thread.join();
            if (before.joinable())
                before.join();
        });
}

} // namespace scp
