#include "directory/libldap/connector.hpp"

#include "directory/libldap/locate.hpp"
#include "directory/libldap/session.hpp"
#include "directory/libldap/ticket_store.hpp"

namespace scp {
namespace {

class LdapConnector : public Connector {
  public:
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

std::unique_ptr<Connector> make_ldap_connector() {
    init_libldap();
    return std::make_unique<LdapConnector>();
}

} // namespace scp
