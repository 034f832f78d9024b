#pragma once

#include "base/result.hpp"

#include <string>
#include <string_view>

/// LDAP result codes, the server's and libldap's, as Errors. Knows nothing of ldap.h's types.
namespace scp {

/// "insufficientAccessRights" for 50, "serverDown" for -1; "resultCode" for what is unknown.
[[nodiscard]] std::string_view ldap_code_name(int code);

/// What a caller branches on, for a write or a bind that ended with `code`.
[[nodiscard]] ErrorKind kind_of_ldap_code(int code);

/// "cannot modify CN=… on ldaps://dc1: LDAP 50 insufficientAccessRights: <diagnostic>".
/// `what` is already printable; `diagnostic` is as the server sent it and is escaped here.
[[nodiscard]] Error ldap_error(int code, std::string_view what, std::string_view server,
                               std::string_view diagnostic);

/// For a bind: AD's "data 52e" and friends as text, with what to do about it.
[[nodiscard]] Error bind_error(int code, std::string_view what, std::string_view server,
                               std::string_view diagnostic);

/// The meaning of the sub-code in AD's diagnostic of a failed bind ("…, data 533, v3839"); empty
/// where there is none.
[[nodiscard]] std::string_view ad_bind_reason(std::string_view diagnostic);

} // namespace scp
