#include "directory/libldap/reference.hpp"

#include "directory/libldap/handle.hpp"

namespace scp {

Reference read_reference(const std::string& uri) {
    Reference reference{uri, {}};
    // libldap decodes in place into a C string: what stands behind a NUL would be lost, and the
    // rest might look like a name that is known.
    const bool has_nul =
        uri.find('\0') != std::string::npos || uri.find("%00") != std::string::npos;
    LDAPURLDesc* raw = nullptr;
    if (has_nul || ldap_url_parse(uri.c_str(), &raw) != LDAP_URL_SUCCESS)
        return reference;
    const std::unique_ptr<LDAPURLDesc, void (*)(LDAPURLDesc*)> url(raw, ldap_free_urldesc);
    if (auto dn = Dn::parse(url->lud_dn == nullptr ? "" : url->lud_dn); dn && !dn->empty())
        reference.dn = std::move(*dn);
    return reference;
}

} // namespace scp
