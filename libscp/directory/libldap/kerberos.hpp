#pragma once

#include "base/result.hpp"
#include "directory/endpoint.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace scp {

/// A credential cache with the tickets that one GSSAPI bind needs, as libkrb5 names it ("MEMORY:…",
/// "FILE:…").
class TicketCache {
  public:
    TicketCache(std::string name, bool owned);
    ~TicketCache();
    TicketCache(const TicketCache&) = delete;
    TicketCache& operator=(const TicketCache&) = delete;
    [[nodiscard]] const std::string& name() const { return name_; }
    /// The wall clock was set since. With tickets libkrb5 keeps how far the KDC's clock is from
    /// this machine's: they are of no use then, however long they last.
    [[nodiscard]] bool clock_was_set() const;

  private:
    std::string name_;
    std::chrono::nanoseconds wall_ahead_; ///< of the monotonic clock
    bool owned_;                          ///< ours: destroyed with this object
};

/// A log-in by keytab: its cache in memory holds the TGT, and the tickets that come of it.
struct LogIn {
    std::shared_ptr<const TicketCache> cache;
    std::chrono::system_clock::time_point renew_at; ///< while there is time to try again
    std::chrono::system_clock::time_point until;
};

/// The hint of an Error whose cause is a clock that is off.
inline constexpr std::string_view clocks_differ =
    "The clocks differ too much: synchronise this machine's time with the domain's.";

// These ask a KDC and block for as long as libkrb5 does, which may be 10 s for each KDC that is
// silent. ErrorKind::settings (keytab), refused (principal, clock, expired), unreachable (no KDC).

[[nodiscard]] Result<LogIn> log_in_by_keytab(const AuthSettings& auth, const std::string& keytab);
/// From now on GSSAPI finds a ticket for ldap/<host> in the cache, and does not block.
[[nodiscard]] Result<void> add_service_ticket(const TicketCache& cache, const std::string& host);
/// The caller's cache (kinit), with such a ticket: the one for `auth.principal` where one is given.
[[nodiscard]] Result<std::shared_ptr<const TicketCache>> callers_tickets(const AuthSettings& auth,
                                                                         const std::string& host);

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
