#include "directory/libldap/wire.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace scp {

struct WireCallbacks {
    static Wire& wire(Sockbuf_IO_Desc* layer) { return *static_cast<Wire*>(layer->sbiod_pvt); }
    static int setup(Sockbuf_IO_Desc* layer, void* argument) {
        layer->sbiod_pvt = argument;
        return 0;
    }
    static int remove(Sockbuf_IO_Desc*) { return 0; }
    static int control(Sockbuf_IO_Desc* layer, int option, void*) {
        const Wire& w = wire(layer);
        return option == LBER_SB_OPT_DATA_READY && w.begin_ != w.filled_ ? 1 : 0;
    }
    static ber_slen_t read(Sockbuf_IO_Desc* layer, void* out, ber_len_t size) {
        return wire(layer).read(static_cast<char*>(out), size);
    }
    static ber_slen_t write(Sockbuf_IO_Desc* layer, void* data, ber_len_t size) {
        return wire(layer).write(static_cast<const char*>(data), size);
    }
    static int close(Sockbuf_IO_Desc*) { return 0; } // the Wire closes its socket itself
};

namespace {

/// A hostile server must not make us allocate what a length octet claims.
constexpr ber_len_t largest_message = 64UL * 1024 * 1024;

Sockbuf_IO wire_layer = {&WireCallbacks::setup, &WireCallbacks::remove, &WireCallbacks::control,
                         &WireCallbacks::read,  &WireCallbacks::write,  &WireCallbacks::close};

/// The call again for as long as signals break into it.
template <class Call> ssize_t uninterrupted(Call call) {
    ssize_t result = call();
    while (result < 0 && errno == EINTR) {
        result = call();
    }
    return result;
}

/// What the layers above are told once this one has ended.
ber_slen_t aborted() {
    errno = ECONNABORTED;
    return -1;
}

} // namespace

Wire::~Wire() {
    if (fd_ >= 0) {
        ::close(fd_);
    }
}

bool Wire::attach(LDAP* ld) {
    Sockbuf* sockbuf = nullptr;
    if (ldap_get_option(ld, LDAP_OPT_SOCKBUF, &sockbuf) != LDAP_OPT_SUCCESS || sockbuf == nullptr) {
        return false;
    }
    ber_len_t limit = largest_message;
    ber_sockbuf_ctrl(sockbuf, LBER_SB_OPT_SET_MAX_INCOMING, &limit);
    return ber_sockbuf_add_io(sockbuf, &wire_layer, LBER_SBIOD_LEVEL_PROVIDER, this) == 0;
}

bool Wire::over() {
    if (end_ != End::open) {
        return true;
    }
    if (deadline_.passed()) {
        end_ = End::timed_out;
    }
    return end_ != End::open;
}

bool Wire::wait(short events) {
    while (!over()) {
        if (stop_.stop_requested()) {
            end_ = End::interrupted;
            return false;
        }
        pollfd entry{fd_, events, 0};
        const int ready = ::poll(&entry, 1, deadline_.left_ms(stop_check_ms));
        if (ready > 0) {
            return true;
        }
        if (ready < 0 && errno != EINTR) {
            end_ = End::failed;
            errno_ = errno;
        }
    }
    return false;
}

void Wire::wait_readable() const {
    pollfd entry{fd_, POLLIN, 0};
    ::poll(&entry, 1, deadline_.left_ms(stop_check_ms));
}

bool Wire::not_ready() {
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        return true;
    }
    end_ = End::failed;
    errno_ = errno;
    return false;
}

ber_slen_t Wire::read(char* out, std::size_t size) {
    while (begin_ == filled_) {
        // Not EAGAIN once the time is over: a TLS renegotiation spins on EAGAIN (tls_g.c,
        // tlsg_sb_read).
        if (over()) {
            return aborted();
        }
        const ssize_t got =
            uninterrupted([&] { return ::recv(fd_, buffer_.data(), buffer_.size(), 0); });
        if (got > 0) {
            begin_ = 0;
            filled_ = static_cast<std::size_t>(got);
        } else if (got == 0) {
            end_ = End::closed;
            errno = 0;
            return 0;
        } else if (!not_ready() || !handshaking_) {
            return -1;
        } else if (!wait(POLLIN)) {
            return aborted();
        }
    }
    const std::size_t count = std::min(size, filled_ - begin_);
    std::memcpy(out, buffer_.data() + begin_, count);
    begin_ += count;
    return static_cast<ber_slen_t>(count);
}

ber_slen_t Wire::write(const char* data, std::size_t size) {
    while (end_ == End::open) {
        const ssize_t sent = uninterrupted([&] { return ::send(fd_, data, size, MSG_NOSIGNAL); });
        if (sent >= 0) {
            return sent;
        }
        if (!not_ready()) {
            return -1;
        }
        if (closing_ || !wait(POLLOUT)) {
            break;
        }
    }
    return aborted();
}

std::string Wire::end_text() const {
    switch (end_) {
    case End::open:
        return "the answer was not LDAP";
    case End::timed_out:
        return "no answer in time";
    case End::interrupted:
        return "interrupted";
    case End::closed:
        return "the server closed the connection";
    case End::failed:
        return std::generic_category().message(errno_);
    }
    return {};
}

} // namespace scp
