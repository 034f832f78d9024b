#pragma once

#include <stop_token>
#include <string>
#include <thread>

namespace scp {

/// Turns the first SIGINT or SIGTERM into a stop request, so that what is in flight finishes; a
/// second one ends the process at once with 130. Make it before any other thread, which then
/// inherits the blocked signals.
class Signals {
  public:
    Signals();
    ~Signals();
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    [[nodiscard]] std::stop_token stop() const { return source_.get_token(); }
    /// A line without its end from `descriptor`; empty at end of file or when a stop is requested.
    [[nodiscard]] std::string read_line(int descriptor) const;

  private:
    void run() const;

    std::stop_source source_;
    int signals_ = -1; ///< signalfd
    int wake_ = -1;    ///< eventfd: the object goes away
    int stopped_ = -1; ///< eventfd: readable once a stop is requested
    std::thread thread_;
};

} // namespace scp
