#include "directory/libldap/dial.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace scp {
namespace {

struct Address {
    sockaddr_storage storage{};
    socklen_t length = 0;

    [[nodiscard]] std::string text() const {
        std::array<char, NI_MAXHOST> host{};
        const auto* raw = reinterpret_cast<const sockaddr*>(&storage);
        if (::getnameinfo(raw, length, host.data(), host.size(), nullptr, 0, NI_NUMERICHOST) != 0) {
            return "?";
        }
        return host.data();
    }
};

struct Resolved {
    int code = 0;
    std::vector<Address> addresses;
};

Resolved resolve_blocking(const std::string& host, std::uint16_t port) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV;
    addrinfo* list = nullptr;
    Resolved resolved;
    resolved.code = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
    for (addrinfo* at = list; resolved.code == 0 && at != nullptr; at = at->ai_next) {
        Address address;
        std::memcpy(&address.storage, at->ai_addr, at->ai_addrlen);
        address.length = at->ai_addrlen;
        resolved.addresses.push_back(address);
    }
    if (list != nullptr) {
        ::freeaddrinfo(list);
    }
    return resolved;
}

tl::unexpected<Error> cannot_connect(const ServerUri& uri, std::string_view why,
                                     std::string hint = {}) {
    return fail(ErrorKind::unreachable,
                fmt::format("cannot connect to {}: {}", uri.to_string(), why), std::move(hint));
}

tl::unexpected<Error> interrupted(const ServerUri& uri) {
    return fail(ErrorKind::interrupted,
                fmt::format("connecting to {} was interrupted", uri.to_string()));
}

Result<std::vector<Address>> resolve(const ServerUri& uri, Deadline deadline,
                                     const std::stop_token& stop) {
    auto resolved =
        run_abandonable([host = uri.host, port = uri.port] { return resolve_blocking(host, port); },
                        deadline, stop);
    if (!resolved) {
        if (stop.stop_requested()) {
            return interrupted(uri);
        }
        return cannot_connect(uri,
                              fmt::format("DNS did not answer in time for {}", printable(uri.host)),
                              "Check /etc/resolv.conf and the DNS servers.");
    }
    if (resolved->code != 0) {
        return cannot_connect(
            uri, fmt::format("DNS: {}: {}", printable(uri.host), ::gai_strerror(resolved->code)),
            resolved->code == EAI_NONAME
                ? "Check the host's name, and that this machine asks the forest's DNS servers."
                : "Check /etc/resolv.conf and the DNS servers.");
    }
    return std::move(resolved->addresses);
}

void set_option(int fd, int level, int name, int value) {
    // Best effort: an old kernel without one of these is no reason not to connect.
    (void)::setsockopt(fd, level, name, &value, sizeof value);
}

void keep_alive(int fd, int family) {
    if (family != AF_INET && family != AF_INET6) {
        return;
    }
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 60);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 10);
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 5);
    set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 60000);
    set_option(fd, IPPROTO_TCP, TCP_NODELAY,
               1); // pipelined small requests must not wait for an ACK
}

/// 0, or the errno; ETIMEDOUT when the deadline passed, ECANCELED when stopped.
int connect_one(int fd, const Address& address, const Deadline& deadline,
                const std::stop_token& stop) {
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address.storage), address.length) == 0) {
        return 0;
    }
    if (errno != EINPROGRESS) {
        return errno;
    }
    while (!deadline.passed()) {
        if (stop.stop_requested()) {
            return ECANCELED;
        }
        pollfd entry{fd, POLLOUT, 0};
        const int ready = ::poll(&entry, 1, deadline.left_ms(stop_check_ms));
        if (ready > 0) {
            int error = 0;
            socklen_t size = sizeof error;
            return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
        }
        if (ready < 0 && errno != EINTR) {
            return errno;
        }
    }
    return ETIMEDOUT;
}

Result<std::vector<Address>> local_address(const ServerUri& uri) {
    Address address;
    sockaddr_un local{};
    local.sun_family = AF_UNIX;
    if (uri.host.size() >= sizeof local.sun_path) {
        return fail(ErrorKind::settings, fmt::format("{}: a socket's path has at most {} bytes",
                                                     uri.to_string(), sizeof local.sun_path - 1));
    }
    std::memcpy(local.sun_path, uri.host.data(), uri.host.size());
    std::memcpy(&address.storage, &local, sizeof local);
    address.length = sizeof local;
    return std::vector{address};
}

} // namespace

Result<int> dial(const ServerUri& uri, Deadline deadline, const std::stop_token& stop) {
    const bool is_local = uri.scheme == ServerUri::Scheme::ldapi;
    auto addresses = is_local ? local_address(uri) : resolve(uri, deadline, stop);
    if (!addresses) {
        return fail(addresses.error());
    }
    std::string tried;
    for (std::size_t i = 0; i < addresses->size(); ++i) {
        const Address& address = (*addresses)[i];
        const int fd =
            ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0) {
            tried += fmt::format("{}socket: {}", tried.empty() ? "" : "; ",
                                 std::generic_category().message(errno));
            continue;
        }
        keep_alive(fd, address.storage.ss_family);
        // One black-holed address must leave time for the others.
        const int share = deadline.left_ms(3600000) / static_cast<int>(addresses->size() - i);
        const int error =
            connect_one(fd, address, Deadline(std::chrono::milliseconds(share)), stop);
        if (error == 0) {
            return fd;
        }
        ::close(fd);
        if (error == ECANCELED) {
            return interrupted(uri);
        }
        tried +=
            fmt::format("{}{}: {}", tried.empty() ? "" : "; ", is_local ? uri.host : address.text(),
                        error == ETIMEDOUT ? no_answer_in_time(deadline.allowed())
                                           : std::generic_category().message(error));
    }
    return cannot_connect(uri, tried);
}

} // namespace scp
