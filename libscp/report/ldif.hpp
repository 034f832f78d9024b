#pragma once

#include "report/documents.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace scp {

/// One attrval-spec of RFC 2849 with its newline: "name: value", or "name:: base64" where the value
/// is not a SAFE-STRING (also where it ends in a blank). Folded at 76 columns.
[[nodiscard]] std::string ldif_line(std::string_view name, std::string_view value);
/// A comment line; control characters are escaped by printable().
[[nodiscard]] std::string ldif_comment(std::string_view text);

/// "version: 1" and a change record for each change, ready for ldapmodify; held ones as comments.
[[nodiscard]] std::string changes_ldif(const std::vector<Change>& changes,
                                       const std::vector<Held>& held,
                                       std::string_view marker_attribute);
/// "version: 1" and content records.
[[nodiscard]] std::string content_ldif(const std::vector<ListedScp>& scps);
[[nodiscard]] std::string content_ldif(const Dn& dn, const Attributes& attributes);

} // namespace scp
