#pragma once

#include "base/attributes.hpp"
#include "base/result.hpp"
#include "directory/endpoint.hpp"
#include "directory/libldap/wire.hpp"

#include <ldap.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// unique_ptr with the right deleter around each of libldap's things.
namespace scp {

struct LdapClose {
    void operator()(LDAP* ld) const { ldap_unbind_ext(ld, nullptr, nullptr); }
};
using LdapPtr = std::unique_ptr<LDAP, LdapClose>;

struct MessageFree {
    void operator()(LDAPMessage* message) const { ldap_msgfree(message); }
};
using MessagePtr = std::unique_ptr<LDAPMessage, MessageFree>;

struct BerFree {
    void operator()(BerElement* ber) const { ber_free(ber, 1); }
};
using BerPtr = std::unique_ptr<BerElement, BerFree>;

struct ControlsFree {
    void operator()(LDAPControl** controls) const { ldap_controls_free(controls); }
};
using ControlsPtr = std::unique_ptr<LDAPControl*[], ControlsFree>;

struct MemFree {
    void operator()(char* text) const { ldap_memfree(text); }
};
using LdapText = std::unique_ptr<char, MemFree>;

struct ValueArrayFree {
    void operator()(char** values) const { ldap_memvfree(reinterpret_cast<void**>(values)); }
};
using TextArray = std::unique_ptr<char*[], ValueArrayFree>;

/// Before the first other call into libldap, once: nothing from ldaprc or LDAP* variables has any
/// effect.
void init_libldap();

/// A handle over `wire`, which must outlive it, with every option set explicitly.
[[nodiscard]] Result<LdapPtr> make_handle(Wire& wire, const ServerUri& uri);

/// The handle's last error code, and the text that goes with it.
[[nodiscard]] int last_code(LDAP* ld);
[[nodiscard]] std::string last_text(LDAP* ld);

/// A borrowed view as libldap wants it.
[[nodiscard]] inline berval as_berval(std::string_view bytes) {
    return {static_cast<ber_len_t>(bytes.size()), const_cast<char*>(bytes.data())};
}
[[nodiscard]] inline std::string_view as_view(const berval& value) {
    return value.bv_val == nullptr ? std::string_view{}
                                   : std::string_view{value.bv_val, value.bv_len};
}

/// A BER-encoded value, e.g. a control's.
[[nodiscard]] std::string flatten(BerElement* ber);

/// Request controls, owned; hand list() to libldap.
class Controls {
  public:
    void add(std::string oid, std::string value, bool critical);
    [[nodiscard]] LDAPControl** list();

  private:
    struct Owned {
        std::string oid, value;
        bool critical;
    };
    std::vector<Owned> owned_;
    std::vector<LDAPControl> controls_;
    std::vector<LDAPControl*> pointers_;
};

/// What a response message that ends an operation says.
struct Outcome {
    int code = 0;
    std::string diagnostic;
    std::vector<std::string> referrals;
    ControlsPtr controls;

    [[nodiscard]] const berval* control(std::string_view oid) const; ///< null where it is not there
};
/// nullopt where the message cannot be decoded.
[[nodiscard]] std::optional<Outcome> read_outcome(LDAP* ld, LDAPMessage* message);

} // namespace scp
