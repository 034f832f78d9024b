#include "directory/libldap/connector.hpp"

#include "base/text.hpp"
#include "directory/libldap/dial.hpp"
#include "directory/libldap/session.hpp"
#include "directory/libldap/ticket_store.hpp"

#include <fmt/format.h>

namespace scp {
namespace {

class LdapConnector : public Connector {
  public:
    Result<std::unique_ptr<Directory>> connect(const Endpoint& endpoint,
                                               std::stop_token stop) override {
        return LdapSession::open(endpoint, tickets_, stop);
    }

    Result<std::vector<ServerUri>> locate(const std::string& domain, ServerUri::Scheme scheme,
                                          std::chrono::milliseconds timeout) override {
        const Deadline deadline(timeout);
        // AD's DCs first; a domain of other servers may have the plain name only (RFC 2782).
        for (const char* prefix : {"_ldap._tcp.dc._msdcs.", "_ldap._tcp."}) {
            auto records = srv_lookup(prefix + domain, deadline, {});
            if (!records) {
                return fail(records.error());
            }
            std::vector<ServerUri> servers;
            for (const SrvRecord& record : *records) {
                // SRV tells the port of plain LDAP; LDAPS has no record of its own.
                const bool tls = scheme == ServerUri::Scheme::ldaps;
                ServerUri uri{scheme, record.target, tls ? std::uint16_t{636} : record.port};
                if (!ServerUri::parse(uri.to_string())) {
                    continue; // DNS is not to be trusted with more than a host name
                }
                servers.push_back(std::move(uri));
            }
            if (!servers.empty()) {
                return servers;
            }
        }
        return fail(ErrorKind::unreachable,
                    fmt::format("DNS has no servers for {0}: neither SRV _ldap._tcp.dc._msdcs.{0} "
                                "nor _ldap._tcp.{0}",
                                printable(domain)),
                    "Name them in servers, or ask the forest's own DNS servers.");
    }

  private:
    TicketStore tickets_; ///< of all sessions
};

} // namespace

std::unique_ptr<Connector> make_ldap_connector() {
    init_libldap();
    return std::make_unique<LdapConnector>();
}

} // namespace scp
