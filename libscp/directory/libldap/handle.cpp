#include "directory/libldap/handle.hpp"

#include <openldap.h>

#include <fmt/format.h>

#include <cstdlib>
#include <mutex>

namespace scp {

void init_libldap() {
    static std::once_flag once;
    std::call_once(once, [] {
        // libldap reads its environment and files at the first call; a stray ldaprc could switch
        // verification off.
        ::setenv("LDAPNOINIT", "1", 1);
        int none = 0;
        ldap_set_option(nullptr, LDAP_OPT_DEBUG_LEVEL, &none);
    });
}

Result<LdapPtr> make_handle(Wire& wire, const ServerUri& uri) {
    init_libldap();
    LDAP* raw = nullptr;
    // The URI gives the name that the peer's certificate and the Kerberos service are checked
    // against.
    const std::string text = uri.to_string();
    int code = ldap_init_fd(wire.fd(), LDAP_PROTO_EXT, text.c_str(), &raw);
    if (code != LDAP_SUCCESS) {
        return fail(ErrorKind::internal,
                    fmt::format("libldap cannot open {}: {}", text, ldap_err2string(code)));
    }
    // At once: libldap's clean-up writes to the lowest layer and crashes where there is none.
    if (!wire.attach(raw)) {
        return fail(ErrorKind::internal, "libldap does not take our I/O layer");
    }
    LdapPtr ld(raw);
    const int version = LDAP_VERSION3;
    const int never = LDAP_DEREF_NEVER;
    const int unlimited = LDAP_NO_LIMIT;
    const timeval no_limit{-1, 0};
    int refused = 0;
    const auto set = [&](int option, const void* value) {
        if (ldap_set_option(ld.get(), option, value) != LDAP_OPT_SUCCESS) {
            refused = option;
        }
    };
    set(LDAP_OPT_PROTOCOL_VERSION, &version);
    set(LDAP_OPT_REFERRALS, LDAP_OPT_OFF);
    set(LDAP_OPT_RESTART, LDAP_OPT_ON);
    set(LDAP_OPT_DEREF, &never);
    set(LDAP_OPT_SIZELIMIT, &unlimited);
    set(LDAP_OPT_TIMELIMIT, &unlimited);
    set(LDAP_OPT_NETWORK_TIMEOUT, &no_limit); // the Wire keeps the deadlines
    set(LDAP_OPT_TIMEOUT, &no_limit);
    set(LDAP_OPT_X_SASL_NOCANON, LDAP_OPT_ON);
    set(LDAP_OPT_CONNECT_ASYNC, LDAP_OPT_OFF);
    if (refused != 0) {
        return fail(ErrorKind::internal,
                    fmt::format("libldap refuses option {:#x} for {}", refused, text));
    }
    return ld;
}

int last_code(LDAP* ld) {
    int code = LDAP_OTHER;
    ldap_get_option(ld, LDAP_OPT_RESULT_CODE, &code);
    return code;
}

std::string last_text(LDAP* ld) {
    char* text = nullptr;
    ldap_get_option(ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &text);
    const LdapText owned(text);
    return text == nullptr ? std::string{} : std::string{text};
}

std::string flatten(BerElement* ber) {
    berval value{};
    if (ber_flatten2(ber, &value, 0) != 0) {
        return {};
    }
    return std::string(as_view(value));
}

void Controls::add(std::string oid, std::string value, bool critical) {
    owned_.push_back({std::move(oid), std::move(value), critical});
}

LDAPControl** Controls::list() {
    controls_.clear();
    pointers_.clear();
    for (Owned& one : owned_) {
        controls_.push_back(
            {one.oid.data(), as_berval(one.value), static_cast<char>(one.critical ? 1 : 0)});
        if (one.value.empty()) {
            controls_.back().ldctl_value = {0, nullptr};
        }
    }
    for (LDAPControl& control : controls_) {
        pointers_.push_back(&control);
    }
    pointers_.push_back(nullptr);
    return pointers_.data();
}

const berval* Outcome::control(std::string_view oid) const {
    for (std::size_t i = 0; controls && controls[i] != nullptr; ++i) {
        if (oid == controls[i]->ldctl_oid) {
            return &controls[i]->ldctl_value;
        }
    }
    return nullptr;
}

std::optional<Outcome> read_outcome(LDAP* ld, LDAPMessage* message) {
    Outcome outcome;
    char* diagnostic = nullptr;
    char** referrals = nullptr;
    LDAPControl** controls = nullptr;
    const int code = ldap_parse_result(ld, message, &outcome.code, nullptr, &diagnostic, &referrals,
                                       &controls, 0);
    const LdapText owned_diagnostic(diagnostic);
    const TextArray owned_referrals(referrals);
    outcome.controls.reset(controls);
    if (code != LDAP_SUCCESS && code != outcome.code) {
        return std::nullopt;
    }
    if (diagnostic != nullptr) {
        outcome.diagnostic = diagnostic;
    }
    for (std::size_t i = 0; referrals != nullptr && referrals[i] != nullptr; ++i) {
        outcome.referrals.emplace_back(referrals[i]);
    }
    return outcome;
}

} // namespace scp
