#include "directory/libldap/netlogon.hpp"

#include "base/text.hpp"
#include "directory/libldap/handle.hpp"

#include <arpa/nameser.h>
#include <resolv.h>

#include <array>

namespace scp {
namespace {

constexpr ber_tag_t filter_and = 0xa0, filter_equal = 0xa3; // RFC 4511 4.5.1
constexpr ber_int_t message_id = 1;
// [MS-ADTS] 6.3.1.1 NETLOGON_NT_VERSION_5 and _5EX: an answer with sites.
constexpr std::string_view nt_version{"\x06\0\0\0", 4};

// [MS-ADTS] 6.3.1.3; USER_UNKNOWN_EX has the same shape: no user was asked for.
constexpr std::uint64_t logon_response_ex = 23, user_unknown_ex = 25;
constexpr std::uint64_t flag_writable = 0x100; // 6.3.1.2 DS_WRITABLE_FLAG
constexpr std::size_t names_at = 24;           // Opcode, Sbz, Flags, DomainGuid come before

/// The names one after the other, compressed as RFC 1035 4.1.4 has it.
class Names {
  public:
    explicit Names(std::string_view message) : message_(message) {}

    /// nullopt past the end, or where the bytes make no name.
    std::optional<std::string> next() {
        if (at_ >= message_.size()) {
            return std::nullopt;
        }
        const auto* begin = reinterpret_cast<const unsigned char*>(message_.data());
        std::array<char, NS_MAXDNAME> text{};
        const int used = ::dn_expand(begin, begin + message_.size(), begin + at_, text.data(),
                                     static_cast<int>(text.size()));
        if (used <= 0) {
            return std::nullopt;
        }
        at_ += static_cast<std::size_t>(used);
        std::string name = text.data();
        return name == "." ? std::string() : name;
    }

  private:
    std::string_view message_;
    std::size_t at_ = names_at;
};

std::optional<NetlogonAnswer> read_response(std::string_view message) {
    if (message.size() < names_at) {
        return std::nullopt;
    }
    const auto opcode = little_endian(message, 0, 2);
    if (opcode != logon_response_ex && opcode != user_unknown_ex) {
        return std::nullopt;
    }
    // Forest, domain, host, NetBIOS domain, NetBIOS computer, user, the DC's site, the client's.
    std::array<std::string, 8> names;
    Names reader(message);
    for (auto& name : names) {
        auto read = reader.next();
        if (!read) {
            return std::nullopt;
        }
        name = std::move(*read);
    }
    return NetlogonAnswer{(little_endian(message, 4, 4) & flag_writable) != 0, names[1], names[2],
                          names[6], names[7]};
}

} // namespace

std::string netlogon_request(std::string_view domain) {
    const BerPtr ber(ber_alloc_t(LBER_USE_DER));
    const std::string name(domain);
    // LDAPMessage { id, SearchRequest { "", base, never, 0, 0, false, (&(…)(…)), { Netlogon } } }
    ber_printf(ber.get(), "{it{seeiibt{t{so}t{so}}{s}}}", message_id, LDAP_REQ_SEARCH, "",
               LDAP_SCOPE_BASE, LDAP_DEREF_NEVER, 0, 0, 0, filter_and, filter_equal, "DnsDomain",
               name.data(), static_cast<ber_len_t>(name.size()), filter_equal, "NtVer",
               nt_version.data(), static_cast<ber_len_t>(nt_version.size()), "Netlogon");
    return flatten(ber.get());
}

std::optional<NetlogonAnswer> read_netlogon_answer(std::string_view datagram) {
    berval bytes = as_berval(datagram);
    const BerPtr ber(ber_init(&bytes));
    ber_int_t id = 0;
    berval dn{}, attribute{}, value{};
    ber_len_t length = 0;
    if (datagram.empty() || !ber || ber_scanf(ber.get(), "{i", &id) == LBER_ERROR ||
        id != message_id || ber_peek_tag(ber.get(), &length) != LDAP_RES_SEARCH_ENTRY ||
        ber_scanf(ber.get(), "{m{{m[m", &dn, &attribute, &value) == LBER_ERROR ||
        !equal_ascii_nocase(as_view(attribute), "Netlogon")) {
        return std::nullopt;
    }
    return read_response(as_view(value));
}

} // namespace scp
