#pragma once

#include "base/result.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace scp {

struct ServerUri {
    enum class Scheme { ldap, ldaps, ldapi };
    Scheme scheme = Scheme::ldap;
    std::string host; ///< name or address without brackets; for ldapi the socket's path
    std::uint16_t port = 0;

    /// ldap://host[:port], ldaps://…, ldapi://%2Fpath. ErrorKind::usage otherwise.
    [[nodiscard]] static Result<ServerUri> parse(std::string_view text);
    [[nodiscard]] std::string to_string() const; ///< the port only where it is not the scheme's own
    friend bool operator==(const ServerUri&, const ServerUri&) = default;
};

/// The AD site whose servers are preferred.
struct SiteSettings {
    enum class Mode { automatic, off, named };
    Mode mode = Mode::automatic; ///< the site that a DC says we are in
    std::string name;            ///< with Mode::named
    friend bool operator==(const SiteSettings&, const SiteSettings&) = default;
};

struct TlsSettings {
    enum class Mode { ldaps, starttls, none };
    Mode mode =
        Mode::ldaps;     ///< for an ldap:// URI: starttls or none; an ldaps:// URI always means TLS
    std::string ca_file; ///< empty: the system's CAs
    std::string cert_file, key_file;
    std::string min_version = "1.2";
    friend bool operator==(const TlsSettings&, const TlsSettings&) = default;
};

struct AuthSettings {
    enum class Mechanism { gssapi, gss_spnego, external, simple, anonymous };
    Mechanism mechanism = Mechanism::gssapi;
    std::string principal;     ///< gssapi: svc@REALM; empty: the cache's or keytab's own
    std::string keytab;        ///< empty: the caller's credential cache
    std::string bind_dn;       ///< simple: a DN, a UPN or DOMAIN\name
    std::string password_file; ///< simple
    std::string
        credential; ///< NAME in $CREDENTIALS_DIRECTORY, then /etc/credstore; keytab or password
    std::string
        ccache; ///< gssapi: this credential cache instead of the caller's, as libkrb5 names it
    friend bool operator==(const AuthSettings&, const AuthSettings&) = default;
};

struct Timeouts {
    std::chrono::milliseconds connect{5000}; ///< for DNS, connect, TLS and bind together
    std::chrono::milliseconds operation{
        30000}; ///< for each operation, against a server that never answers too
    friend bool operator==(const Timeouts&, const Timeouts&) = default;
};

/// All it takes to open one session.
struct Endpoint {
    ServerUri uri;
    TlsSettings tls;
    AuthSettings auth;
    Timeouts timeouts;
};

} // namespace scp
