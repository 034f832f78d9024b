#pragma once

#include <cstddef>
#include <functional>

namespace scp {

/// Runs `work(i)` for i in [0, count) on at most `workers` threads and waits for all of them. An
/// exception that `work` throws is thrown again here, after all others have ended. The threads are
/// kept for the next time, idle: GnuTLS (3.7, gnutls_rnd) keeps some 200 bytes of each thread that
/// it was used on until the process ends.
void run_parallel(std::size_t count, std::size_t workers,
                  const std::function<void(std::size_t)>& work);

/// For a thread that is made anew again and again: what it does, on one of those that are kept.
void run_on_lasting_thread(const std::function<void()>& work);

} // namespace scp
