#include "directory/libldap/connector.hpp"

#include "directory/libldap/locate.hpp"
#include "directory/libldap/session.hpp"
#include "directory/libldap/ticket_store.hpp"

namespace scp {
namespace {

class LdapConnector : public Connector {
  public:
    explicit LdapConnector(std::chrono::milliseconds ticket_patience) : tickets_(ticket_patience) {}

    Result<std::unique_ptr<Directory>> connect(const Endpoint& endpoint,
                                               std::stop_token stop) override {
        return LdapSession::open(endpoint, tickets_, stop);
    }

    Result<std::vector<LocatedServer>> locate(const LocateRequest& wanted) override {
        return locate_servers(wanted);
    }

  private:
    TicketStore tickets_; ///< of all sessions
};

} // namespace

std::unique_ptr<Connector> make_ldap_connector(std::chrono::milliseconds ticket_patience) {
    init_libldap();
    return std::make_unique<LdapConnector>(ticket_patience);
}

} // namespace scp
