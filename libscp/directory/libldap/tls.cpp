#include "directory/libldap/tls.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace scp {
namespace {

// Debian and SUSE, Red Hat. libldap's GnuTLS build has no notion of "the system's CAs".
constexpr std::array system_bundles{"/etc/ssl/certs/ca-certificates.crt",
                                    "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem"};

Result<void> readable(const std::string& path, std::string_view key) {
    if (!path.empty() && ::access(path.c_str(), R_OK) != 0) {
        return fail(ErrorKind::settings, fmt::format("tls.{}: cannot read {}: {}", key,
                                                     printable(path), std::strerror(errno)));
    }
    return {};
}

/// The GnuTLS build ignores LDAP_OPT_X_TLS_PROTOCOL_MIN, and leaks its whole priority cache at
/// every LDAP_OPT_X_TLS_CIPHER_SUITE (2.5.13, tls_g.c): so the version is looked at after the
/// handshake, before a byte of ours is sent through it.
Result<void> check_version(LDAP* ld, const Endpoint& endpoint) {
    char* raw = nullptr;
    ldap_get_option(ld, LDAP_OPT_X_TLS_VERSION, &raw);
    const LdapText owned(raw);
    const std::string_view version = raw == nullptr ? std::string_view{} : std::string_view{raw};
    const bool is_13 = version.ends_with("1.3"); // "TLS1.3", OpenSSL's "TLSv1.3"
    const bool is_12 = version.ends_with("1.2");
    if (is_13 || (is_12 && endpoint.tls.min_version == "1.2")) {
        return {};
    }
    return fail(ErrorKind::refused,
                fmt::format("TLS with {}: the server speaks {} at most, tls.min_version is {}",
                            endpoint.uri.to_string(), printable(version), endpoint.tls.min_version),
                "Bring the server up to date.");
}

} // namespace

bool uses_tls(const Endpoint& endpoint) {
    return endpoint.uri.scheme == ServerUri::Scheme::ldaps ||
           (endpoint.uri.scheme == ServerUri::Scheme::ldap &&
            endpoint.tls.mode == TlsSettings::Mode::starttls);
}

std::string ca_file_of(const TlsSettings& tls) {
    if (!tls.ca_file.empty()) {
        return tls.ca_file;
    }
    for (const char* bundle : system_bundles) {
        if (::access(bundle, R_OK) == 0) {
            return bundle;
        }
    }
    return {};
}

Result<void> set_tls_options(LDAP* ld, const TlsSettings& tls) {
    for (const auto& [path, key] :
         {std::pair{&tls.ca_file, "ca_file"}, std::pair{&tls.cert_file, "cert_file"},
          std::pair{&tls.key_file, "key_file"}}) {
        if (auto good = readable(*path, key); !good) {
            return good;
        }
    }
    if (tls.min_version != "1.2" && tls.min_version != "1.3") {
        return fail(ErrorKind::settings,
                    fmt::format("tls.min_version: \"{}\" is neither 1.2 nor 1.3",
                                printable(tls.min_version)));
    }
    const std::string ca_file = ca_file_of(tls);
    if (ca_file.empty()) {
        return fail(ErrorKind::settings,
                    "there is no CA to verify the server by: the system has no CA bundle",
                    "Give tls.ca_file, or install ca-certificates.");
    }
    const int demand = LDAP_OPT_X_TLS_HARD;
    const int san =
        LDAP_OPT_X_TLS_TRY; // where there is a subjectAltName, only it counts (RFC 6125 6.4.4)
    const int client = 0;
    const int protocol =
        tls.min_version == "1.3" ? LDAP_OPT_X_TLS_PROTOCOL_TLS1_3 : LDAP_OPT_X_TLS_PROTOCOL_TLS1_2;
    int refused = 0;
    const auto set = [&](int option, const void* value) {
        if (ldap_set_option(ld, option, value) != LDAP_OPT_SUCCESS) {
            refused = option;
        }
    };
    set(LDAP_OPT_X_TLS_PROTOCOL_MIN, &protocol);
    set(LDAP_OPT_X_TLS_REQUIRE_CERT, &demand);
    set(LDAP_OPT_X_TLS_REQUIRE_SAN, &san);
    set(LDAP_OPT_X_TLS_CACERTFILE, ca_file.c_str());
    if (!tls.cert_file.empty() || !tls.key_file.empty()) {
        set(LDAP_OPT_X_TLS_CERTFILE, tls.cert_file.c_str());
        set(LDAP_OPT_X_TLS_KEYFILE, tls.key_file.c_str());
    }
    if (refused != 0) {
        return fail(ErrorKind::internal, fmt::format("libldap refuses TLS option {:#x}", refused));
    }
    // A context of this handle's own: the global one would be made from the first handle's options.
    if (ldap_set_option(ld, LDAP_OPT_X_TLS_NEWCTX, &client) != LDAP_OPT_SUCCESS) {
        return fail(ErrorKind::settings,
                    fmt::format("TLS cannot use {}{}{}", printable(ca_file),
                                tls.cert_file.empty() ? "" : " with the client certificate ",
                                printable(tls.cert_file)),
                    "The files must be PEM: a CA certificate, a certificate and its key.");
    }
    return {};
}

Result<void> start_tls(LDAP* ld, Wire& wire, const Endpoint& endpoint, Deadline deadline,
                       const std::stop_token& stop) {
    wire.set_handshaking(true);
    const int code = ldap_install_tls(ld);
    wire.set_handshaking(false);
    if (code == LDAP_SUCCESS) {
        return check_version(ld, endpoint);
    }
    const std::string server = endpoint.uri.to_string();
    switch (wire.end()) {
    case Wire::End::interrupted:
        return fail(ErrorKind::interrupted,
                    fmt::format("the TLS handshake with {} was interrupted", server));
    case Wire::End::timed_out:
        return fail(ErrorKind::unreachable, fmt::format("TLS with {}: no answer in time", server),
                    "Is it really an LDAP server with TLS that listens there?");
    case Wire::End::closed:
    case Wire::End::failed:
    case Wire::End::open:
        break;
    }
    if (auto why = diagnose_tls(endpoint, deadline, stop)) {
        why->ldap_code = code;
        return fail(std::move(*why));
    }
    return fail(
        ErrorKind::unreachable,
        fmt::format("TLS with {}: {}", server,
                    wire.end() == Wire::End::open ? "the handshake failed" : wire.end_text()),
        "Is it really an LDAP server with TLS that listens there?");
}

} // namespace scp
