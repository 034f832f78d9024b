#pragma once

#include "base/result.hpp"
#include "directory/endpoint.hpp"
#include "directory/libldap/deadline.hpp"

#include <memory>
#include <stop_token>
#include <string>

namespace scp {

/// A credential cache with the tickets that one GSSAPI bind needs, as libkrb5 names it ("MEMORY:…",
/// "FILE:…").
class TicketCache {
  public:
    TicketCache(std::string name, bool owned) : name_(std::move(name)), owned_(owned) {}
    ~TicketCache();
    TicketCache(TicketCache&& other) noexcept
        : name_(std::move(other.name_)), owned_(std::exchange(other.owned_, false)) {}
    TicketCache& operator=(TicketCache&&) = delete;
    [[nodiscard]] const std::string& name() const { return name_; }

  private:
    std::string name_;
    bool owned_; ///< ours: destroyed with this object
};

/// Gets a ticket for ldap/<host>: with a keytab into a cache of its own in memory, else from the
/// caller's cache (the one for `auth.principal` where one is given). All that asks a KDC happens
/// here, on a thread that can be abandoned, so that the bind itself finds its ticket and does not
/// block. ErrorKind::settings (keytab), refused (principal, clock, expired), unreachable (no KDC).
[[nodiscard]] Result<TicketCache> get_tickets(const AuthSettings& auth, const std::string& keytab,
                                              const std::string& host, Deadline deadline,
                                              const std::stop_token& stop);

/// While it lives, GSSAPI on this thread takes its credentials from `cache`: nothing process-wide
/// is touched.
class UseTickets {
  public:
    explicit UseTickets(const TicketCache& cache);
    ~UseTickets();
    UseTickets(const UseTickets&) = delete;
    UseTickets& operator=(const UseTickets&) = delete;
};

/// Credentials of the cache in use, for LDAP_OPT_X_SASL_GSS_CREDS. Without them libsasl2's gssapi
/// module (2.1.28 with NO_CI_FLAGS) acquires its own at each step of a bind inside TLS, and leaks
/// all but the last: cyrus-sasl #843.
class GssCredentials {
  public:
    GssCredentials(); ///< get() is null where there are none
    ~GssCredentials();
    GssCredentials(const GssCredentials&) = delete;
    GssCredentials& operator=(const GssCredentials&) = delete;
    [[nodiscard]] void* get() const { return credentials_; }

  private:
    void* credentials_ = nullptr; ///< a gss_cred_id_t
};

} // namespace scp
