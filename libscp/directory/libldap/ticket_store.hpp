#pragma once

#include "directory/libldap/deadline.hpp"
#include "directory/libldap/kerberos.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

namespace scp {

/// What was got by keytab serves all sessions of a process: one log-in, renewed in the background
/// before it ends, and one ticket a server. So no cycle waits for a KDC that is slow or down while
/// the tickets last; and what takes longer than a caller waits goes on by itself, for the next one
/// to find. Thread-safe.
class TicketStore {
  public:
    /// patience: how much longer than their deadlines all calls together wait. libkrb5 gives each
    /// KDC that is silent 10 s before it asks the next.
    explicit TicketStore(std::chrono::milliseconds patience) : patience_(patience) {}

    /// A cache with a ticket for ldap/<host>; without a keytab the caller's own one. Errors as of
    /// log_in_by_keytab(); unreachable at the deadline, interrupted when stop was asked for. The
    /// deadline is put off by what was waited for out of patience.
    [[nodiscard]] Result<std::shared_ptr<const TicketCache>>
    get(const AuthSettings& auth, const std::string& keytab, const std::string& host,
        Deadline& deadline, const std::stop_token& stop);

    /// A server refused what get() gave: whoever asks next logs in anew.
    void forget(const AuthSettings& auth, const std::string& keytab);

  private:
    struct Account;
    [[nodiscard]] std::shared_ptr<Account> account(const AuthSettings& auth,
                                                   const std::string& keytab);

    [[nodiscard]] Deadline patient(Deadline deadline);
    [[nodiscard]] Result<std::shared_ptr<const TicketCache>>
    wait(const AuthSettings& auth, const std::string& keytab, const std::string& host,
         Deadline deadline, const std::stop_token& stop);

    const std::chrono::milliseconds patience_;
    std::mutex lock_;
    std::optional<Deadline> patient_until_; ///< once somebody has waited
    std::map<std::pair<std::string, std::string>, std::shared_ptr<Account>>
        accounts_; ///< by keytab and principal
};

} // namespace scp
