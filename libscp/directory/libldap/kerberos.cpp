#include "directory/libldap/kerberos.hpp"

#include "base/text.hpp"

#include <fmt/format.h>
#include <gssapi/gssapi_krb5.h>
#include <krb5.h>

#include <algorithm>
#include <array>
#include <atomic>

namespace scp {
namespace {

/// libkrb5's things need their context to be freed: one holder for all of them.
struct Scratch {
    krb5_context context = nullptr;
    krb5_ccache cache = nullptr;
    krb5_keytab keytab = nullptr;
    krb5_principal client = nullptr, service = nullptr;
    krb5_creds wanted{};
    krb5_creds first{}; ///< the TGT
    krb5_creds* ticket = nullptr;
    krb5_get_init_creds_opt* options = nullptr;

    Scratch() = default;
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    ~Scratch() {
        if (context == nullptr) {
            return;
        }
        if (ticket != nullptr)
            krb5_free_creds(context, ticket);
        krb5_free_cred_contents(context, &first);
        if (options != nullptr)
            krb5_get_init_creds_opt_free(context, options);
        krb5_free_principal(context, client);
        krb5_free_principal(context, service);
        if (keytab != nullptr)
            krb5_kt_close(context, keytab);
        if (cache != nullptr)
            krb5_cc_close(context, cache);
        krb5_free_context(context);
    }
};

// Of a TGT, when it is renewed; of short ones half. libgssapi would ask by itself in the last 30 s.
constexpr std::chrono::minutes least_left{5};

struct Explained {
    krb5_error_code code;
    ErrorKind kind;
    std::string_view hint;
};

constexpr std::array explained{
    Explained{KRB5KRB_AP_ERR_SKEW, ErrorKind::refused, clocks_differ},
    Explained{KRB5KRB_AP_ERR_TKT_NYV, ErrorKind::refused, clocks_differ},
    Explained{
        KRB5_KDC_UNREACH, ErrorKind::unreachable,
        "No KDC answers: check /etc/krb5.conf, DNS SRV _kerberos._tcp of the realm, and port 88."},
    Explained{KRB5_REALM_UNKNOWN, ErrorKind::unreachable,
              "No KDC is known for the realm: check /etc/krb5.conf, or DNS SRV _kerberos._tcp of "
              "the realm."},
    Explained{KRB5_REALM_CANT_RESOLVE, ErrorKind::unreachable,
              "The KDC's name does not resolve: check /etc/krb5.conf and DNS."},
    Explained{KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN, ErrorKind::refused,
              "The realm has no such account: check auth.principal."},
    Explained{
        KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN, ErrorKind::refused,
        "The realm knows no LDAP service of that name: use the server's full DNS name in its URI."},
    Explained{
        KRB5KDC_ERR_PREAUTH_FAILED, ErrorKind::refused,
        "The key is wrong: the password was changed after the keytab was made; make a new keytab."},
    Explained{
        KRB5KRB_AP_ERR_BAD_INTEGRITY, ErrorKind::refused,
        "The key is wrong: the password was changed after the keytab was made; make a new keytab."},
    Explained{KRB5KDC_ERR_CLIENT_REVOKED, ErrorKind::refused,
              "The account is disabled or locked out."},
    Explained{KRB5KDC_ERR_KEY_EXP, ErrorKind::refused, "The account's password has expired."},
    Explained{KRB5KDC_ERR_NAME_EXP, ErrorKind::refused, "The account has expired."},
    Explained{
        KRB5KDC_ERR_ETYPE_NOSUPP, ErrorKind::refused,
        "The KDC and the keytab have no encryption type in common: make a keytab with AES keys."},
    Explained{KRB5KRB_AP_ERR_TKT_EXPIRED, ErrorKind::refused,
              "The ticket has expired: run kinit, or give auth.keytab."},
    Explained{KRB5_FCC_NOFILE, ErrorKind::refused,
              "There are no Kerberos tickets: run kinit, or give auth.keytab."},
    Explained{KRB5_CC_NOTFOUND, ErrorKind::refused,
              "There are no Kerberos tickets for it: run kinit, or give auth.keytab."},
    Explained{KRB5_KT_NOTFOUND, ErrorKind::settings,
              "The keytab holds no key for that principal: look at klist -k."},
    Explained{KRB5_KT_END, ErrorKind::settings, "The keytab is empty."},
    Explained{KRB5_KEYTAB_BADVNO, ErrorKind::settings, "That file is not a keytab."},
    Explained{ENOENT, ErrorKind::settings, "The file is not there."},
    Explained{EACCES, ErrorKind::settings, "The file is not readable by this user."},
};

tl::unexpected<Error> krb5_error(krb5_context context, krb5_error_code code,
                                 std::string_view what) {
    const char* text = krb5_get_error_message(context, code);
    Error error;
    error.kind = ErrorKind::refused;
    error.message = fmt::format("Kerberos: {}: {}", what, printable(text == nullptr ? "" : text));
    krb5_free_error_message(context, text);
    for (const Explained& one : explained) {
        if (one.code == code) {
            error.kind = one.kind;
            error.hint = one.hint;
        }
    }
    return fail(std::move(error));
}

std::string name_of(krb5_context context, krb5_const_principal principal) {
    char* text = nullptr;
    if (krb5_unparse_name(context, principal, &text) != 0) {
        return "?";
    }
    std::string name = printable(text);
    krb5_free_unparsed_name(context, text);
    return name;
}

/// The principal of the settings, else the keytab's first.
Result<void> choose_client(Scratch& k, const AuthSettings& auth, const std::string& keytab) {
    krb5_error_code code = 0;
    if (!auth.principal.empty()) {
        code = krb5_parse_name(k.context, auth.principal.c_str(), &k.client);
        if (code != 0) {
            return krb5_error(k.context, code,
                              fmt::format("auth.principal \"{}\"", printable(auth.principal)));
        }
        return {};
    }
    const std::string what = fmt::format("keytab {}", printable(keytab));
    krb5_kt_cursor cursor{};
    if ((code = krb5_kt_start_seq_get(k.context, k.keytab, &cursor)) != 0) {
        return krb5_error(k.context, code, what);
    }
    krb5_keytab_entry entry{};
    code = krb5_kt_next_entry(k.context, k.keytab, &entry, &cursor);
    if (code == 0) {
        code = krb5_copy_principal(k.context, entry.principal, &k.client);
        krb5_free_keytab_entry_contents(k.context, &entry);
    }
    krb5_kt_end_seq_get(k.context, k.keytab, &cursor);
    if (code != 0) {
        return krb5_error(k.context, code, what);
    }
    return {};
}

Result<void> store_tgt(Scratch& k, const AuthSettings& auth, const std::string& keytab,
                       const std::string& cache_name) {
    krb5_error_code code = krb5_kt_resolve(k.context, ("FILE:" + keytab).c_str(), &k.keytab);
    if (code != 0) {
        return krb5_error(k.context, code, fmt::format("keytab {}", printable(keytab)));
    }
    if (auto chosen = choose_client(k, auth, keytab); !chosen) {
        return chosen;
    }
    const std::string what =
        fmt::format("log-in of {} with {}", name_of(k.context, k.client), printable(keytab));
    if ((code = krb5_get_init_creds_opt_alloc(k.context, &k.options)) == 0) {
        krb5_get_init_creds_opt_set_forwardable(k.options, 0);
        code = krb5_get_init_creds_keytab(k.context, &k.first, k.client, k.keytab, 0, nullptr,
                                          k.options);
    }
    if (code == 0) {
        code = krb5_cc_resolve(k.context, cache_name.c_str(), &k.cache);
    }
    if (code == 0) {
        code = krb5_cc_initialize(k.context, k.cache, k.first.client);
    }
    if (code == 0) {
        code = krb5_cc_store_cred(k.context, k.cache, &k.first);
    }
    if (code != 0) {
        return krb5_error(k.context, code, what);
    }
    return {};
}

Result<void> open_callers_cache(Scratch& k, const AuthSettings& auth) {
    krb5_error_code code = 0;
    if (!auth.ccache.empty()) {
        code = krb5_cc_resolve(k.context, auth.ccache.c_str(), &k.cache);
    } else if (auth.principal.empty()) {
        code = krb5_cc_default(k.context, &k.cache);
    } else {
        code = krb5_parse_name(k.context, auth.principal.c_str(), &k.client);
        if (code == 0) {
            code = krb5_cc_cache_match(k.context, k.client, &k.cache);
            krb5_free_principal(k.context, k.client);
            k.client = nullptr;
        }
    }
    if (code == 0) {
        code = krb5_cc_get_principal(k.context, k.cache, &k.client);
    }
    if (code != 0) {
        return krb5_error(k.context, code, "the credential cache");
    }
    return {};
}

Result<void> get_service_ticket(Scratch& k, const std::string& host) {
    krb5_error_code code =
        krb5_sname_to_principal(k.context, host.c_str(), "ldap", KRB5_NT_SRV_HST, &k.service);
    if (code == 0) {
        k.wanted.client = k.client;
        k.wanted.server = k.service;
        code = krb5_get_credentials(k.context, 0, k.cache, &k.wanted, &k.ticket);
    }
    if (code != 0) {
        const std::string client = name_of(k.context, k.client);
        return krb5_error(k.context, code,
                          fmt::format("ticket of {} for ldap/{}", client, printable(host)));
    }
    return {};
}

Result<void> start(Scratch& k) {
    if (const krb5_error_code code = krb5_init_context(&k.context); code != 0) {
        k.context = nullptr;
        return fail(ErrorKind::settings,
                    fmt::format("Kerberos: libkrb5 does not start (error {})", code),
                    "Check /etc/krb5.conf.");
    }
    return {};
}

/// Moves when the wall clock is set, and when the machine was suspended.
std::chrono::nanoseconds wall_ahead_of_monotonic() {
    return std::chrono::system_clock::now().time_since_epoch() -
           std::chrono::steady_clock::now().time_since_epoch();
}

} // namespace

TicketCache::TicketCache(std::string name, bool owned)
    : name_(std::move(name)), wall_ahead_(wall_ahead_of_monotonic()), owned_(owned) {}

bool TicketCache::clock_was_set() const {
    constexpr std::chrono::seconds least{2};
    return std::chrono::abs(wall_ahead_of_monotonic() - wall_ahead_) > least;
}

TicketCache::~TicketCache() {
    Scratch k;
    krb5_ccache cache = nullptr;
    if (owned_ && start(k) && krb5_cc_resolve(k.context, name_.c_str(), &cache) == 0) {
        krb5_cc_destroy(k.context, cache);
    }
}

Result<LogIn> log_in_by_keytab(const AuthSettings& auth, const std::string& keytab) {
    static std::atomic<unsigned> counter{0};
    // Before anything can fail, so that what was stored goes in any case.
    auto cache = std::make_shared<TicketCache>(fmt::format("MEMORY:scp-{}", counter++), true);
    Scratch k;
    if (auto started = start(k); !started) {
        return fail(started.error());
    }
    if (auto stored = store_tgt(k, auth, keytab, cache->name()); !stored) {
        return fail(stored.error());
    }
    using Clock = std::chrono::system_clock;
    const auto begin = Clock::from_time_t(static_cast<std::uint32_t>(
        k.first.times.starttime != 0 ? k.first.times.starttime : k.first.times.authtime));
    const auto until = Clock::from_time_t(static_cast<std::uint32_t>(k.first.times.endtime));
    const Clock::duration early = std::min<Clock::duration>(least_left, (until - begin) / 2);
    return LogIn{std::move(cache), until - early, until};
}

Result<void> add_service_ticket(const TicketCache& cache, const std::string& host) {
    Scratch k;
    if (auto started = start(k); !started) {
        return started;
    }
    krb5_error_code code = krb5_cc_resolve(k.context, cache.name().c_str(), &k.cache);
    if (code == 0) {
        code = krb5_cc_get_principal(k.context, k.cache, &k.client);
    }
    if (code != 0) {
        return krb5_error(k.context, code, "the credential cache");
    }
    return get_service_ticket(k, host);
}

Result<std::shared_ptr<const TicketCache>> callers_tickets(const AuthSettings& auth,
                                                           const std::string& host) {
    Scratch k;
    auto ready = start(k);
    if (ready) {
        ready = open_callers_cache(k, auth);
    }
    if (ready) {
        ready = get_service_ticket(k, host);
    }
    if (!ready) {
        return fail(ready.error());
    }
    char* full = nullptr;
    if (const krb5_error_code code = krb5_cc_get_full_name(k.context, k.cache, &full); code != 0) {
        return krb5_error(k.context, code, "the credential cache");
    }
    auto callers = std::make_shared<const TicketCache>(full, false);
    krb5_free_string(k.context, full);
    return callers;
}

UseTickets::UseTickets(const TicketCache& cache) {
    OM_uint32 minor = 0;
    gss_krb5_ccache_name(&minor, cache.name().c_str(), nullptr);
}

UseTickets::~UseTickets() {
    OM_uint32 minor = 0;
    gss_krb5_ccache_name(&minor, nullptr, nullptr); // back to the process's default
}

GssCredentials::GssCredentials() {
    OM_uint32 minor = 0;
    gss_cred_id_t acquired = GSS_C_NO_CREDENTIAL;
    if (gss_acquire_cred(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, GSS_C_NO_OID_SET, GSS_C_INITIATE,
                         &acquired, nullptr, nullptr) == GSS_S_COMPLETE) {
        credentials_ = acquired;
    }
}

GssCredentials::~GssCredentials() {
    OM_uint32 minor = 0;
    auto held = static_cast<gss_cred_id_t>(credentials_);
    if (held != GSS_C_NO_CREDENTIAL) {
        gss_release_cred(&minor, &held);
    }
}

} // namespace scp
