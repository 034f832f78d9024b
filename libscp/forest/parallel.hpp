#pragma once

#include <cstddef>
#include <functional>

namespace scp {

/// Runs `work(i)` for i in [0, count) on at most `workers` threads and waits for all of them. An
/// exception that `work` throws is thrown again here, after all others have ended.
void run_parallel(std::size_t count, std::size_t workers,
                  const std::function<void(std::size_t)>& work);

} // namespace scp
