#include "base/text.hpp"
#include "directory/libldap/codes.hpp"
#include "directory/libldap/link.hpp"
#include "directory/libldap/secret.hpp"
#include "directory/libldap/server_clock.hpp"
#include "directory/libldap/ticket_store.hpp"
#include "directory/libldap/tls.hpp"

#include <fmt/format.h>
#include <sasl/sasl.h>

namespace scp {
namespace {

using Mechanism = AuthSettings::Mechanism;

/// Strength below which a session without TLS is refused: sealing with a modern cipher.
constexpr ber_len_t least_ssf = 128;

std::string_view mechanism_name(Mechanism mechanism) {
    switch (mechanism) {
    case Mechanism::gssapi:
        return "GSSAPI";
    case Mechanism::gss_spnego:
        return "GSS-SPNEGO";
    case Mechanism::external:
        return "EXTERNAL";
    case Mechanism::simple:
        return "simple";
    case Mechanism::anonymous:
        return "anonymous";
    }
    return "?";
}

Result<std::string> secret_path(const std::string& file, const std::string& credential) {
    if (!file.empty() || credential.empty()) {
        return file;
    }
    return credential_path(credential);
}

Result<void> outcome_of_bind(Link& link, LDAPMessage* message, std::string_view what) {
    auto outcome = read_outcome(link.handle(), message);
    if (!outcome) {
        return fail(
            link.die(ErrorKind::unreachable,
                     fmt::format("{} on {}: the answer was not LDAP", what, link.server())));
    }
    if (outcome->code != LDAP_SUCCESS) {
        return fail(bind_error(outcome->code, what, link.server(), outcome->diagnostic));
    }
    return {};
}

Result<void> bind_simple(Link& link, const AuthSettings& auth, Deadline deadline) {
    std::string password, name;
    std::string what = "cannot bind anonymously";
    if (auth.mechanism == Mechanism::simple) {
        auto path = secret_path(auth.password_file, auth.credential);
        auto secret = path ? read_secret(*path) : Result<std::string>(fail(path.error()));
        if (!secret) {
            return fail(secret.error());
        }
        password = std::move(*secret);
        name = auth.bind_dn;
        what = fmt::format("cannot bind as {}", printable(name));
    }
    berval credentials = as_berval(password);
    int message_id = 0;
    const int code = ldap_sasl_bind(link.handle(), name.c_str(), LDAP_SASL_SIMPLE, &credentials,
                                    nullptr, nullptr, &message_id);
    ::explicit_bzero(password.data(), password.size());
    if (code != LDAP_SUCCESS) {
        return fail(link.send_error(code, what));
    }
    auto message = link.answer(message_id, deadline, what);
    if (!message) {
        return fail(message.error());
    }
    return outcome_of_bind(link, message->get(), what);
}

/// Everything SASL may ask for is answered by its default: nothing is ever interactive.
int no_interaction(LDAP*, unsigned, void*, void* prompts) {
    for (auto* one = static_cast<sasl_interact_t*>(prompts); one->id != SASL_CB_LIST_END; ++one) {
        one->result = one->defresult == nullptr ? "" : one->defresult;
        one->len = static_cast<unsigned>(
            std::char_traits<char>::length(static_cast<const char*>(one->result)));
    }
    return LDAP_SUCCESS;
}

Result<void> set_sasl_options(Link& link, const Endpoint& endpoint) {
    const bool inside_tls = uses_tls(endpoint);
    const bool external = endpoint.auth.mechanism == Mechanism::external;
    // Inside TLS AD refuses a second layer; without TLS it must seal.
    const std::string properties = external ? "none"
                                   : inside_tls
                                       ? "noanonymous,noplain,maxssf=0"
                                       : fmt::format("noanonymous,noplain,minssf={}", least_ssf);
    bool good = ldap_set_option(link.handle(), LDAP_OPT_X_SASL_SECPROPS, properties.c_str()) ==
                LDAP_OPT_SUCCESS;
    if (inside_tls && !external) {
        const int binding = LDAP_OPT_X_SASL_CBINDING_TLS_ENDPOINT;
        good = ldap_set_option(link.handle(), LDAP_OPT_X_SASL_CBINDING, &binding) ==
                   LDAP_OPT_SUCCESS &&
               good;
    }
    if (!good) {
        return fail(ErrorKind::internal, "libldap refuses a SASL option");
    }
    return {};
}

Result<void> check_strength(Link& link, std::string_view what) {
    ber_len_t ssf = 0;
    if (ldap_get_option(link.handle(), LDAP_OPT_X_SASL_SSF, &ssf) != LDAP_OPT_SUCCESS ||
        ssf < least_ssf) {
        return fail(
            ErrorKind::refused,
            fmt::format("{} on {}: the session is protected with strength {} only, {} is the least",
                        what, link.server(), ssf, least_ssf),
            "Use an ldaps:// URI, or give the account AES keys.");
    }
    return {};
}

/// What bind_error cannot know: that a KDC gave the ticket, and where TLS ends.
std::string_view kerberos_hint(int code, bool inside_tls, std::string_view detail) {
    if (code == LDAP_INVALID_CREDENTIALS && ad_bind_reason(detail).empty())
        return inside_tls
                   ? "The KDC gave a ticket, so the key is right. If the server requires channel "
                     "binding, TLS must end at the server itself: look for a proxy or load "
                     "balancer with a certificate of its own between. Else compare the server's "
                     "clock and its keytab."
                   : "The KDC gave a ticket, so the key is right: compare the server's clock with "
                     "the KDC's, and its keytab (its own password may have been changed).";
    if (inside_tls && (code == LDAP_UNWILLING_TO_PERFORM || code == LDAP_STRONG_AUTH_REQUIRED))
        return "This server takes no Kerberos log-in inside TLS: use an ldap:// URI with tls: "
               "{mode: none}, where Kerberos itself seals the session.";
    return {};
}

/// A clock that is wrong is the commonest cause where a server or a KDC takes no ticket; few say by
/// how much.
void explain_by_clocks(Error& error, Link& link, Deadline deadline) {
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    const auto theirs = link.ready(deadline) ? server_clock(link, deadline) : std::nullopt;
    if (const std::string apart = theirs ? clocks_apart(*theirs, now) : ""; !apart.empty()) {
        error.message += "; " + apart;
        error.hint = "Synchronise both clocks, the server's and this machine's, with the domain's.";
    }
}

void explain_refused_ticket(Error& error, Link& link, bool inside_tls, std::string_view detail,
                            Deadline deadline) {
    if (const auto hint = kerberos_hint(error.ldap_code, inside_tls, detail); !hint.empty())
        error.hint = hint;
    // LDAP_LOCAL_ERROR: AD answers with a KRB-ERROR, which libgssapi reads (Samba does).
    if (error.ldap_code == LDAP_INVALID_CREDENTIALS || error.ldap_code == LDAP_LOCAL_ERROR)
        explain_by_clocks(error, link, deadline);
}

Error sasl_error(Link& link, int code, std::string_view what, const Endpoint& endpoint,
                 Deadline deadline) {
    const std::string detail = last_text(link.handle());
    if (code == LDAP_SERVER_DOWN || code == LDAP_TIMEOUT) {
        return link.send_error(code, what);
    }
    Error error = bind_error(code, what, link.server(), detail);
    if (detail.starts_with(fmt::format("SASL({})", SASL_TOOWEAK))) {
        error.kind = ErrorKind::refused;
        error.hint = "The server does not encrypt under Kerberos: use an ldaps:// URI, or let the "
                     "server allow sealing.";
    } else if (endpoint.auth.mechanism != Mechanism::external) {
        explain_refused_ticket(error, link, uses_tls(endpoint), detail, deadline);
    }
    return error;
}

/// Once libsasl2's context is there, that is after the first step.
void give_credentials(Link& link) {
    auto credentials = std::make_shared<GssCredentials>();
    if (credentials->get() != nullptr && ldap_set_option(link.handle(), LDAP_OPT_X_SASL_GSS_CREDS,
                                                         credentials->get()) == LDAP_OPT_SUCCESS) {
        link.keep(std::move(credentials));
    }
}

Result<void> bind_sasl(Link& link, const Endpoint& endpoint, Deadline deadline) {
    const std::string name(mechanism_name(endpoint.auth.mechanism));
    const std::string what = fmt::format("cannot bind with {}", name);
    if (auto set = set_sasl_options(link, endpoint); !set) {
        return set;
    }
    const bool kerberos = endpoint.auth.mechanism != Mechanism::external;
    const char* state = nullptr;
    int message_id = 0;
    MessagePtr message;
    for (;;) {
        const int code = ldap_sasl_interactive_bind(link.handle(), nullptr, name.c_str(), nullptr,
                                                    nullptr, LDAP_SASL_QUIET, &no_interaction,
                                                    nullptr, message.get(), &state, &message_id);
        if (code == LDAP_SUCCESS) {
            break;
        }
        if (code != LDAP_SASL_BIND_IN_PROGRESS) {
            return fail(sasl_error(link, code, what, endpoint, deadline));
        }
        if (kerberos && uses_tls(endpoint) && message == nullptr) {
            give_credentials(link);
        }
        auto next = link.answer(message_id, deadline, what);
        if (!next) {
            return fail(next.error());
        }
        message = std::move(*next);
    }
    if (kerberos && !uses_tls(endpoint)) {
        return check_strength(link, what);
    }
    return {};
}

Result<void> bind_kerberos(Link& link, const Endpoint& endpoint, TicketStore& store,
                           Deadline& deadline) {
    auto keytab = secret_path(endpoint.auth.keytab, endpoint.auth.credential);
    if (!keytab) {
        return fail(keytab.error());
    }
    auto tickets = store.get(endpoint.auth, *keytab, endpoint.uri.host, deadline, link.stop());
    if (!tickets) {
        Error error = tickets.error();
        error.message =
            fmt::format("cannot bind with {} on {}: {}", mechanism_name(endpoint.auth.mechanism),
                        link.server(), error.message);
        if (error.hint == clocks_differ)
            explain_by_clocks(error, link, deadline);
        return fail(std::move(error));
    }
    if (auto ready = link.ready(deadline); !ready) {
        return ready;
    }
    const UseTickets use(**tickets);
    auto bound = bind_sasl(link, endpoint, deadline);
    if (!bound && bound.error().kind == ErrorKind::refused) {
        store.forget(endpoint.auth, *keytab); // e.g. the server has another key by now
        if ((*tickets)->clock_was_set()) {    // meanwhile: the next try has tickets that fit
            bound.error().kind = ErrorKind::unreachable;
        }
    }
    return bound;
}

} // namespace

Result<void> check_policy(const Endpoint& endpoint) {
    const bool local = endpoint.uri.scheme == ServerUri::Scheme::ldapi;
    const bool clear = !local && !uses_tls(endpoint);
    const AuthSettings& auth = endpoint.auth;
    const std::string server = endpoint.uri.to_string();
    if (auth.mechanism == Mechanism::simple) {
        if (clear) {
            return fail(ErrorKind::settings,
                        fmt::format("refusing to send a password in clear to {}", server),
                        "Use an ldaps:// URI, tls: {mode: starttls}, or mechanism: gssapi.");
        }
        if (auth.bind_dn.empty() || auth.bind_dn.find('\0') != std::string::npos) {
            return fail(ErrorKind::settings, "mechanism simple needs auth.bind_dn");
        }
        if (auth.password_file.empty() && auth.credential.empty()) {
            return fail(ErrorKind::settings,
                        "mechanism simple needs auth.password_file or auth.credential");
        }
    }
    if (auth.mechanism == Mechanism::external && clear) {
        return fail(ErrorKind::settings,
                    fmt::format("mechanism external has nothing to go by on {}", server),
                    "It needs ldapi://, or TLS with cert_file and key_file.");
    }
    if (local && (auth.mechanism == Mechanism::gssapi || auth.mechanism == Mechanism::gss_spnego)) {
        return fail(ErrorKind::settings,
                    fmt::format("Kerberos needs a server's name, {} has none", server),
                    "Use mechanism: external there.");
    }
    return {};
}

Result<void> bind(Link& link, const Endpoint& endpoint, TicketStore& store, Deadline& deadline) {
    switch (endpoint.auth.mechanism) {
    case Mechanism::simple:
    case Mechanism::anonymous:
        return bind_simple(link, endpoint.auth, deadline);
    case Mechanism::external:
        return bind_sasl(link, endpoint, deadline);
    case Mechanism::gssapi:
    case Mechanism::gss_spnego:
        return bind_kerberos(link, endpoint, store, deadline);
    }
    return fail(ErrorKind::internal, "unknown mechanism");
}

} // namespace scp
