#pragma once

#include <optional>
#include <string>
#include <string_view>

/// Checks of single values. Each returns what is wrong with it (to follow "key: "), or nothing;
/// texts are printable.
namespace scp {

using Complaint = std::optional<std::string>;
using Check = Complaint (*)(const std::string&);

/// What can be said of the texts that a check accepts without running it: for the JSON Schema. At
/// most as strict as the check itself.
struct TextForm {
    const char* pattern = nullptr; ///< ECMA-262; nullptr: nothing to say
    std::size_t min_length = 0;    ///< in characters
    std::size_t max_length = 0;    ///< 0: none
    bool bare = false; ///< may look like a number or a truth value to another YAML parser
};
/// Of a check that nothing is known of: any text.
[[nodiscard]] TextForm form_of(Check check);

/// Bytes that are not UTF-8, NUL, control characters, invisible ones and those that turn the
/// reading direction, with their name and position (characters from 1).
[[nodiscard]] Complaint text_fault(std::string_view text);
/// The length of the longest beginning that is UTF-8.
[[nodiscard]] std::size_t utf8_prefix(std::string_view text);

[[nodiscard]] Complaint check_label(const std::string& text);  ///< [A-Za-z0-9._-]{1,64}
[[nodiscard]] Complaint check_domain(const std::string& text); ///< a DNS name of two labels or more
[[nodiscard]] Complaint check_server(const std::string& text); ///< ldap://, ldaps://, ldapi://
[[nodiscard]] Complaint check_file(const std::string& text);   ///< an absolute path
/// IPv4 address and port: 127.0.0.1:9469. Debian's civetweb is built without IPv6. Port 0: any that
/// is free.
[[nodiscard]] Complaint check_listen_address(const std::string& text);
[[nodiscard]] Complaint check_credential(const std::string& text); ///< a name without '/'
[[nodiscard]] Complaint check_keyword(const std::string& text);    ///< 1 to 256 characters
[[nodiscard]] Complaint
check_relative_dn(const std::string& text); ///< not empty, does not end in DC=…
[[nodiscard]] Complaint check_container(const std::string& text); ///< a relative DN | same
[[nodiscard]] Complaint check_dn(const std::string& text);        ///< a whole DN
[[nodiscard]] Complaint check_account(const std::string& text);   ///< a short form of `accounts`
[[nodiscard]] Complaint check_owner(const std::string& text);     ///< a SID | DOMAIN\name
[[nodiscard]] Complaint check_filter(const std::string& text);    ///< RFC 4515
[[nodiscard]] Complaint check_pattern(const std::string& text);   ///< base/pattern.hpp
[[nodiscard]] Complaint
check_copied_attribute(const std::string& name); ///< may be listed in `attributes`
[[nodiscard]] Complaint check_marker_attribute(const std::string& name); ///< may hold the marker

} // namespace scp
