#include "directory/libldap/ping.hpp"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace scp {
namespace {

using Answer = std::optional<NetlogonAnswer>;

/// Who is alive answers from memory: what takes this much longer than the first is not worth
/// waiting for.
constexpr std::chrono::milliseconds grace{300};
constexpr std::chrono::milliseconds send_again{400}; ///< UDP loses datagrams

class Socket {
  public:
    explicit Socket(const addrinfo& address)
        : fd_(::socket(address.ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
        // Connected, so that only this server's datagrams come in, and "port closed" is heard.
        if (fd_ >= 0 && ::connect(fd_, address.ai_addr, address.ai_addrlen) != 0) {
            ::close(std::exchange(fd_, -1));
        }
    }
    ~Socket() {
        if (fd_ >= 0) {
            ::close(fd_);
        }
    }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    [[nodiscard]] int fd() const { return fd_; }

  private:
    int fd_;
};

Answer ask_address(const addrinfo& address, const std::string& request, Deadline deadline) {
    const Socket socket(address);
    std::array<char, 4096> buffer{};
    while (socket.fd() >= 0 && !deadline.passed()) {
        if (::send(socket.fd(), request.data(), request.size(), MSG_NOSIGNAL) < 0) {
            return std::nullopt;
        }
        pollfd entry{socket.fd(), POLLIN, 0};
        if (::poll(&entry, 1, deadline.left_ms(static_cast<int>(send_again.count()))) <= 0) {
            continue;
        }
        const auto got = ::recv(socket.fd(), buffer.data(), buffer.size(), 0);
        if (got < 0 && errno != EAGAIN && errno != EINTR) {
            return std::nullopt; // nobody listens there
        }
        if (got > 0) {
            if (auto answer =
                    read_netlogon_answer({buffer.data(), static_cast<std::size_t>(got)})) {
                return answer;
            }
        }
    }
    return std::nullopt;
}

/// Its addresses one after the other, IPv6 and IPv4 as the system prefers them.
Answer ask_host(const SrvRecord& server, const std::string& request, Deadline deadline) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_DGRAM;
    hints.ai_flags = AI_NUMERICSERV;
    addrinfo* list = nullptr;
    if (::getaddrinfo(server.target.c_str(), std::to_string(server.port).c_str(), &hints, &list) !=
        0) {
        return std::nullopt;
    }
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(list, ::freeaddrinfo);
    for (const addrinfo* at = list; at != nullptr; at = at->ai_next) {
        const Deadline share(at->ai_next == nullptr ? deadline.left() : deadline.left() / 2);
        if (auto answer = ask_address(*at, request, share)) {
            return answer;
        }
    }
    return std::nullopt;
}

/// Outlives ping() where a name is looked up for longer than we want to wait.
struct Round {
    std::mutex mutex;
    std::condition_variable news;
    std::vector<Answer> answers;
    std::size_t pending = 0;
    bool any = false;
};

} // namespace

std::vector<Answer> ping(std::span<const SrvRecord> servers, const std::string& domain,
                         Deadline deadline) {
    const auto round = std::make_shared<Round>();
    round->answers.resize(servers.size());
    round->pending = servers.size();
    for (std::size_t i = 0; i < servers.size(); ++i)
        std::thread([round, i, server = servers[i], request = netlogon_request(domain), deadline] {
            auto answer = ask_host(server, request, deadline);
            const std::lock_guard lock(round->mutex);
            round->any = round->any || answer.has_value();
            round->answers[i] = std::move(answer);
            --round->pending;
            round->news.notify_one();
        }).detach();
    std::unique_lock lock(round->mutex);
    Deadline until = deadline;
    for (bool first = true; round->pending > 0 && !until.passed();) {
        round->news.wait_until(lock, until.at());
        if (round->any && std::exchange(first, false)) {
            until = Deadline(std::min(deadline.at(), Deadline::Clock::now() + grace));
        }
    }
    return round->answers;
}

} // namespace scp
