#include "directory/libldap/server_clock.hpp"

#include <fmt/format.h>

#include <chrono>

namespace scp {

namespace {

constexpr std::chrono::seconds kerberos_clockskew{300}; // krb5.conf(5), and AD's default policy

} // namespace

std::optional<Timestamp> server_clock(Link& link, Deadline deadline) {
    std::string name = "currentTime";
    char* wanted[] = {name.data(), nullptr};
    int message_id = 0;
    if (ldap_search_ext(link.handle(), "", LDAP_SCOPE_BASE, "(objectClass=*)", wanted, 0, nullptr,
                        nullptr, nullptr, 1, &message_id) != LDAP_SUCCESS)
        return std::nullopt;
    std::optional<Timestamp> told;
    for (;;) {
        const auto message = link.answer(message_id, deadline, "cannot ask for the time");
        if (!message)
            return std::nullopt;
        if (ldap_msgtype(message->get()) != LDAP_RES_SEARCH_ENTRY)
            return told;
        berval** values = ldap_get_values_len(link.handle(), message->get(), name.c_str());
        if (values != nullptr && values[0] != nullptr)
            told = parse_generalized_time(as_view(*values[0]));
        ldap_value_free_len(values);
    }
}

std::string clocks_apart(Timestamp server, Timestamp here) {
    const auto apart = std::chrono::abs(server - here);
    if (apart <= kerberos_clockskew)
        return {};
    return fmt::format("its clock says {}, this machine's {}: {} s apart, Kerberos allows {}",
                       to_rfc3339(server), to_rfc3339(here), apart.count(),
                       kerberos_clockskew.count());
}

} // namespace scp
