#include "scpctl/signals.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace scp {

namespace {

void signal_event(int descriptor) {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(descriptor, &one, sizeof one);
}

} // namespace

Signals::Signals() {
    // libldap writes to sockets without MSG_NOSIGNAL; a closed pipe on stdout shows as an error of
    // the stream.
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN); // a full quota is an error of the history, not our end
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    signals_ = ::signalfd(-1, &set, SFD_CLOEXEC);
    wake_ = ::eventfd(0, EFD_CLOEXEC);
    stopped_ = ::eventfd(0, EFD_CLOEXEC);
    thread_ = std::thread([this] { run(); });
}

Signals::~Signals() {
    signal_event(wake_);
    thread_.join();
    for (const int descriptor : {signals_, wake_, stopped_})
        ::close(descriptor);
}

void Signals::run() const {
    std::array<pollfd, 2> events{{{signals_, POLLIN, 0}, {wake_, POLLIN, 0}}};
    auto source = source_; // shares its state
    for (;;) {
        if (::poll(events.data(), events.size(), -1) < 0 && errno != EINTR)
            return;
        if (events[1].revents != 0)
            return;
        if (events[0].revents == 0)
            continue;
        signalfd_siginfo info{};
        if (::read(signals_, &info, sizeof info) != static_cast<ssize_t>(sizeof info))
            continue;
        if (!source.request_stop())
            ::_exit(130);
        signal_event(stopped_);
    }
}

std::string Signals::read_line(int descriptor) const {
    std::string line;
    std::array<pollfd, 2> events{{{descriptor, POLLIN, 0}, {stopped_, POLLIN, 0}}};
    for (;;) {
        if (::poll(events.data(), events.size(), -1) < 0 && errno != EINTR)
            return {};
        if (events[1].revents != 0)
            return {};
        char c = 0;
        if (::read(descriptor, &c, 1) != 1)
            return line;
        if (c == '\n')
            return line;
        line += c;
    }
}

} // namespace scp
