#include "directory/libldap/codes.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace scp {
namespace {

struct Code {
    int code;
    std::string_view name; ///< RFC 4511's, or libldap's without its prefix
    ErrorKind kind;
};

constexpr std::array codes{
    Code{0, "success", ErrorKind::internal},
    Code{1, "operationsError", ErrorKind::refused},
    Code{2, "protocolError", ErrorKind::rejected},
    Code{3, "timeLimitExceeded", ErrorKind::incomplete},
    Code{4, "sizeLimitExceeded", ErrorKind::incomplete},
    Code{7, "authMethodNotSupported", ErrorKind::refused},
    Code{8, "strongerAuthRequired", ErrorKind::refused},
    Code{10, "referral", ErrorKind::rejected},
    Code{11, "adminLimitExceeded", ErrorKind::incomplete},
    Code{12, "unavailableCriticalExtension", ErrorKind::rejected},
    Code{13, "confidentialityRequired", ErrorKind::refused},
    Code{16, "noSuchAttribute", ErrorKind::conflict},
    Code{17, "undefinedAttributeType", ErrorKind::rejected},
    Code{18, "inappropriateMatching", ErrorKind::rejected},
    Code{19, "constraintViolation", ErrorKind::rejected},
    Code{20, "attributeOrValueExists", ErrorKind::conflict},
    Code{21, "invalidAttributeSyntax", ErrorKind::rejected},
    Code{32, "noSuchObject", ErrorKind::not_found},
    Code{34, "invalidDNSyntax", ErrorKind::rejected},
    Code{48, "inappropriateAuthentication", ErrorKind::refused},
    Code{49, "invalidCredentials", ErrorKind::refused},
    Code{50, "insufficientAccessRights", ErrorKind::no_rights},
    Code{51, "busy", ErrorKind::unreachable},
    Code{52, "unavailable", ErrorKind::unreachable},
    Code{53, "unwillingToPerform", ErrorKind::rejected},
    Code{64, "namingViolation", ErrorKind::rejected},
    Code{65, "objectClassViolation", ErrorKind::rejected},
    Code{66, "notAllowedOnNonLeaf", ErrorKind::rejected},
    Code{67, "notAllowedOnRDN", ErrorKind::rejected},
    Code{68, "entryAlreadyExists", ErrorKind::already_exists},
    Code{69, "objectClassModsProhibited", ErrorKind::rejected},
    Code{71, "affectsMultipleDSAs", ErrorKind::rejected},
    Code{80, "other", ErrorKind::rejected},
    Code{81, "serverDown", ErrorKind::unreachable},
    Code{85, "timeout", ErrorKind::unreachable},
    Code{4096, "e-syncRefreshRequired", ErrorKind::incomplete},
    Code{-1, "serverDown", ErrorKind::unreachable},
    Code{-2, "localError", ErrorKind::refused},
    Code{-3, "encodingError", ErrorKind::internal},
    Code{-4, "decodingError", ErrorKind::unreachable},
    Code{-5, "timeout", ErrorKind::unreachable},
    Code{-6, "authUnknown", ErrorKind::settings},
    Code{-7, "filterError", ErrorKind::internal},
    Code{-9, "paramError", ErrorKind::internal},
    Code{-10, "noMemory", ErrorKind::internal},
    Code{-11, "connectError", ErrorKind::unreachable},
    Code{-12, "notSupported", ErrorKind::settings},
};

const Code* find_code(int code) {
    const auto* at = std::ranges::find(codes, code, &Code::code);
    return at == codes.end() ? nullptr : at;
}

struct SubCode {
    std::string_view code;
    std::string_view meaning;
};

// The Win32 errors that AcceptSecurityContext gives for a log-in, in hex, as AD prints them.
constexpr std::array sub_codes{
    SubCode{"525", "no such account"},
    SubCode{"52e", "wrong password (or, for a UPN, no such account)"},
    SubCode{"52f", "the account is restricted"},
    SubCode{"530", "not allowed to log in at this time"},
    SubCode{"531", "not allowed to log in from this computer"},
    SubCode{"532", "the password has expired"},
    SubCode{"533", "the account is disabled"},
    SubCode{"568", "the account is in too many groups"},
    SubCode{"701", "the account has expired"},
    SubCode{"773", "the password must be changed at the next log-in"},
    SubCode{"775", "the account is locked out"},
    SubCode{"80090346", "channel binding is required and did not match"},
};

} // namespace

std::string_view ldap_code_name(int code) {
    const Code* known = find_code(code);
    return known != nullptr ? known->name : "resultCode";
}

ErrorKind kind_of_ldap_code(int code) {
    const Code* known = find_code(code);
    return known != nullptr ? known->kind : ErrorKind::rejected;
}

Error ldap_error(int code, std::string_view what, std::string_view server,
                 std::string_view diagnostic) {
    Error error;
    error.kind = kind_of_ldap_code(code);
    error.ldap_code = code;
    error.message = fmt::format("{} on {}: LDAP {} {}", what, server, code, ldap_code_name(code));
    if (!diagnostic.empty()) {
        error.message += ": " + printable(diagnostic);
    }
    if (code == 50) {
        error.hint = "scpctl preflight --grant prints the least delegation that is missing.";
    }
    return error;
}

std::string_view ad_bind_reason(std::string_view diagnostic) {
    constexpr std::string_view mark = "data ";
    const auto at = diagnostic.find(mark);
    if (at == std::string_view::npos) {
        return {};
    }
    std::string_view rest = diagnostic.substr(at + mark.size());
    const std::string code = lower_ascii(rest.substr(0, rest.find_first_of(", ")));
    const auto* known = std::ranges::find(sub_codes, code, &SubCode::code);
    return known == sub_codes.end() ? std::string_view{} : known->meaning;
}

Error bind_error(int code, std::string_view what, std::string_view server,
                 std::string_view diagnostic) {
    Error error = ldap_error(code, what, server, diagnostic);
    if (error.kind == ErrorKind::rejected || error.kind == ErrorKind::no_rights ||
        error.kind == ErrorKind::not_found) {
        error.kind = ErrorKind::refused;
    }
    if (code == 49) {
        const std::string_view reason = ad_bind_reason(diagnostic);
        if (!reason.empty()) {
            error.message += fmt::format(" ({})", reason);
        }
        error.hint =
            "Check auth: the name, and the password or keytab. Do not try it in a loop: the "
            "account gets locked.";
    } else if (code == 8 || code == 13) {
        error.hint =
            "The server wants signing or encryption: use an ldaps:// URI, tls: starttls, or "
            "mechanism: gssapi.";
    } else if (code == 7 || code == 48) {
        error.hint =
            "The server does not offer this mechanism to this account: choose another one in auth.";
    } else if (code == -6) {
        error.hint =
            "libsasl2 has no module for this mechanism: install libsasl2-modules-gssapi-mit.";
    }
    return error;
}

} // namespace scp
