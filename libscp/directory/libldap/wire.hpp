#pragma once

#include "directory/libldap/deadline.hpp"

#include <ldap.h>

#include <array>
#include <stop_token>
#include <string>

namespace scp {

/// The bytes below libldap: a connected, non-blocking socket as libldap's lowest I/O layer.
///
/// libldap's own layers cannot keep a deadline: a TLS handshake blocks or spins (tls2.c,
/// ldap_int_tls_start), a partial message blocks a read, a peer that does not read blocks a write.
/// Here every one of them ends with the deadline or the stop token. While `handshaking`, a read
/// waits (the TLS layer wants to block); else it says EAGAIN and the caller polls.
class Wire {
  public:
    Wire(int socket, std::stop_token stop) : fd_(socket), stop_(std::move(stop)) {}
    ~Wire();
    Wire(const Wire&) = delete;
    Wire& operator=(const Wire&) = delete;

    enum class End { open, timed_out, interrupted, closed, failed };

    /// Puts this layer at the bottom of `ld`, which must come from ldap_init_fd(…, LDAP_PROTO_EXT,
    /// …).
    [[nodiscard]] bool attach(LDAP* ld);
    /// All I/O until the next call must end by `deadline`.
    void arm(Deadline deadline) { deadline_ = deadline; }
    void set_handshaking(bool on) { handshaking_ = on; }
    /// From now on nothing waits: what cannot be written at once is dropped.
    void set_closing() { closing_ = true; }

    [[nodiscard]] int fd() const { return fd_; }
    [[nodiscard]] End end() const { return end_; }
    [[nodiscard]] const Deadline& deadline() const { return deadline_; }
    /// For a message: "the server closed the connection", "Connection reset by peer", …
    [[nodiscard]] std::string end_text() const;

    /// Waits until the socket is readable, at most stop_check_ms and never past the deadline.
    void wait_readable() const;

  private:
    friend struct WireCallbacks;
    ber_slen_t read(char* out, std::size_t size);
    ber_slen_t write(const char* data, std::size_t size);
    bool wait(short events);
    bool over();
    /// After a call that failed with errno: the socket only was not ready. Else this is the end.
    bool not_ready();

    int fd_;
    std::stop_token stop_;
    Deadline deadline_{std::chrono::milliseconds(0)};
    bool handshaking_ = false;
    bool closing_ = false;
    End end_ = End::open;
    int errno_ = 0;
    std::array<char, 16384> buffer_{}; ///< read ahead: libldap asks for a few bytes at a time
    std::size_t begin_ = 0, filled_ = 0;
};

} // namespace scp
