#include "directory/libldap/tls.hpp"

#include "base/file_descriptor.hpp"
#include "base/text.hpp"
#include "directory/libldap/dial.hpp"

#include <fmt/format.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>

namespace scp {
namespace {

bool wait_for(int fd, short events, const Deadline& deadline, const std::stop_token& stop) {
    while (!deadline.passed() && !stop.stop_requested()) {
        pollfd entry{fd, events, 0};
        if (::poll(&entry, 1, deadline.left_ms(stop_check_ms)) > 0) {
            return true;
        }
    }
    return false;
}

/// Asks for TLS inside plain LDAP (RFC 4511 4.14) with fixed bytes, and takes any answer with
/// result code 0 for a yes.
bool ask_starttls(int fd, const Deadline& deadline, const std::stop_token& stop) {
    static constexpr char request[] = "\x30\x1d\x02\x01\x01\x77\x18\x80\x16"
                                      "1.3.6.1.4.1.1466.20037";
    if (::send(fd, request, sizeof request - 1, MSG_NOSIGNAL) != ssize_t{sizeof request - 1}) {
        return false;
    }
    char answer[512];
    return wait_for(fd, POLLIN, deadline, stop) && ::recv(fd, answer, sizeof answer, 0) > 0;
}

struct Text {
    gnutls_datum_t datum{nullptr, 0};
    Text() = default;
    Text(const Text&) = delete;
    Text& operator=(const Text&) = delete;
    ~Text() { gnutls_free(datum.data); }
    [[nodiscard]] std::string str() const {
        return datum.data == nullptr ? std::string{}
                                     : std::string(reinterpret_cast<char*>(datum.data), datum.size);
    }
};

struct CertificateFree {
    void operator()(gnutls_x509_crt_int* certificate) const { gnutls_x509_crt_deinit(certificate); }
};
using Certificate = std::unique_ptr<gnutls_x509_crt_int, CertificateFree>;

Certificate peer_certificate(gnutls_session_t session) {
    unsigned count = 0;
    const gnutls_datum_t* chain = gnutls_certificate_get_peers(session, &count);
    gnutls_x509_crt_t raw = nullptr;
    if (chain == nullptr || count == 0 || gnutls_x509_crt_init(&raw) != 0) {
        return nullptr;
    }
    Certificate certificate(raw);
    return gnutls_x509_crt_import(raw, chain, GNUTLS_X509_FMT_DER) == 0 ? std::move(certificate)
                                                                        : nullptr;
}

std::string names_of(const Certificate& certificate) {
    std::string names;
    for (unsigned i = 0; i < 16; ++i) {
        char name[512];
        std::size_t size = sizeof name;
        const int type =
            gnutls_x509_crt_get_subject_alt_name(certificate.get(), i, name, &size, nullptr);
        if (type < 0) {
            break;
        }
        if (type == GNUTLS_SAN_DNSNAME) {
            names += (names.empty() ? "" : ", ") + printable({name, size}, 255);
        }
    }
    return names;
}

std::string issuer_of(const Certificate& certificate) {
    Text issuer;
    gnutls_x509_crt_get_issuer_dn3(certificate.get(), &issuer.datum, 0);
    return printable(issuer.str());
}

Error explain(const Endpoint& endpoint, unsigned status, const Certificate& certificate) {
    Error error;
    error.kind = ErrorKind::unreachable;
    const std::string server = endpoint.uri.to_string();
    if ((status & GNUTLS_CERT_EXPIRED) != 0) {
        error.message =
            fmt::format("TLS with {}: the server's certificate, or its CA's, has expired", server);
        error.hint = "Renew it at the server; check this machine's clock too.";
    } else if ((status & GNUTLS_CERT_NOT_ACTIVATED) != 0) {
        error.message =
            fmt::format("TLS with {}: the server's certificate is not valid yet", server);
        error.hint = "Check this machine's clock.";
    } else if ((status & (GNUTLS_CERT_SIGNER_NOT_FOUND | GNUTLS_CERT_SIGNER_NOT_CA)) != 0) {
        error.message =
            fmt::format("TLS with {}: unknown CA: the server's certificate was issued by \"{}\"",
                        server, issuer_of(certificate));
        error.hint = fmt::format("tls.ca_file (now {}) must hold that CA's certificate.",
                                 printable(ca_file_of(endpoint.tls)));
    } else if ((status & GNUTLS_CERT_UNEXPECTED_OWNER) != 0) {
        error.message = fmt::format("TLS with {}: wrong name: the server's certificate is for {}",
                                    server, names_of(certificate));
        error.hint = "Use the name that is in the certificate, or renew it with this name as "
                     "subjectAltName.";
    } else {
        Text text;
        gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text.datum, 0);
        error.message = fmt::format("TLS with {}: {}", server, printable(text.str()));
    }
    return error;
}

struct Session {
    gnutls_session_t session = nullptr;
    gnutls_certificate_credentials_t credentials = nullptr;
    Session() = default;
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    ~Session() {
        if (session != nullptr) {
            gnutls_deinit(session);
        }
        if (credentials != nullptr) {
            gnutls_certificate_free_credentials(credentials);
        }
    }
    bool open(const Endpoint& endpoint, int fd) {
        if (gnutls_init(&session, GNUTLS_CLIENT | GNUTLS_NONBLOCK) != 0 ||
            gnutls_certificate_allocate_credentials(&credentials) != 0) {
            return false;
        }
        gnutls_certificate_set_x509_trust_file(credentials, ca_file_of(endpoint.tls).c_str(),
                                               GNUTLS_X509_FMT_PEM);
        gnutls_server_name_set(session, GNUTLS_NAME_DNS, endpoint.uri.host.data(),
                               endpoint.uri.host.size());
        gnutls_transport_set_int(session, fd);
        return gnutls_set_default_priority(session) == 0 &&
               gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials) == 0;
    }
};

} // namespace

std::optional<Error> diagnose_tls(const Endpoint& endpoint, Deadline deadline,
                                  const std::stop_token& stop) {
    auto fd = dial(endpoint.uri, deadline, stop);
    if (!fd) {
        return std::nullopt;
    }
    const FileDescriptor closer(*fd);
    if (endpoint.uri.scheme == ServerUri::Scheme::ldap && !ask_starttls(*fd, deadline, stop)) {
        return std::nullopt;
    }
    Session tls;
    if (!tls.open(endpoint, *fd)) {
        return std::nullopt;
    }
    int code = gnutls_handshake(tls.session);
    while (code < 0 && gnutls_error_is_fatal(code) == 0) {
        const short events = gnutls_record_get_direction(tls.session) == 0 ? POLLIN : POLLOUT;
        if (!wait_for(*fd, events, deadline, stop)) {
            return std::nullopt;
        }
        code = gnutls_handshake(tls.session);
    }
    const Certificate certificate = peer_certificate(tls.session);
    if (certificate == nullptr) {
        return Error{
            ErrorKind::unreachable,
            fmt::format("TLS with {}: {}", endpoint.uri.to_string(), gnutls_strerror(code)),
            "Is it really an LDAP server with TLS that listens there?", 0};
    }
    unsigned status = 0;
    if (gnutls_certificate_verify_peers3(tls.session, endpoint.uri.host.c_str(), &status) < 0 ||
        status == 0) {
        return std::nullopt;
    }
    return explain(endpoint, status, certificate);
}

} // namespace scp
