#pragma once

#include "base/result.hpp"
#include "directory/endpoint.hpp"
#include "directory/libldap/handle.hpp"
#include "directory/libldap/wire.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>

namespace scp {

class TicketStore;

/// One connection: sends requests, hands out responses, keeps deadlines. Once it is dead it stays
/// dead.
class Link {
  public:
    /// DNS, connect, TLS and bind, all by `deadline`, which TicketStore::get() may put off.
    [[nodiscard]] static Result<std::unique_ptr<Link>> open(const Endpoint& endpoint,
                                                            TicketStore& store, Deadline& deadline,
                                                            const std::stop_token& stop);
    ~Link();
    Link(const Link&) = delete;
    Link& operator=(const Link&) = delete;

    /// The next message of any request; null when `deadline` passed or stop was asked for without
    /// one (the link lives on), an Error when the link is dead (lost, garbage, notice of
    /// disconnection). `settling`: our own stop token no longer counts, what is under way may still
    /// be answered.
    [[nodiscard]] Result<MessagePtr> next(Deadline deadline, const std::stop_token& also_stop = {},
                                          bool settling = false);
    /// Messages of this request are told of nowhere but by next_aside(): it is never done.
    void set_aside(int message_id) { aside_.insert(message_id); }
    /// The next message of a request that was set aside; otherwise as next().
    [[nodiscard]] Result<MessagePtr> next_aside(Deadline deadline, const std::stop_token& stop);
    /// Shows what has been set aside so far and leaves it there; ends with the first Error.
    [[nodiscard]] Result<void>
    look_aside(const std::function<Result<void>(LDAPMessage*)>& look) const;
    /// The answer to `message_id`, which is the only request under way. A deadline or stop kills
    /// the link.
    [[nodiscard]] Result<MessagePtr> answer(int message_id, Deadline deadline,
                                            std::string_view what);

    /// Before a request is sent: the time until which sending may block. Fails when dead.
    [[nodiscard]] Result<void> ready(Deadline deadline);
    /// After libldap refused to send: dead, or an encoding error.
    [[nodiscard]] Error send_error(int code, std::string_view what);
    /// Marks the link dead and gives the Error that every later call gets.
    Error die(ErrorKind kind, std::string why);

    /// Holds what libsasl2 points to for as long as the handle lives.
    void keep(std::shared_ptr<void> thing) { kept_ = std::move(thing); }

    [[nodiscard]] LDAP* handle() const { return ld_.get(); }
    [[nodiscard]] const std::string& server() const { return server_; }
    [[nodiscard]] const std::stop_token& stop() const { return stop_; }
    [[nodiscard]] bool stopped() const { return stop_.stop_requested(); }
    [[nodiscard]] const std::optional<Error>& dead() const { return dead_; }

  private:
    Link(int socket, const ServerUri& uri, std::stop_token stop);
    [[nodiscard]] Result<void> secure(const Endpoint& endpoint, Deadline deadline);
    [[nodiscard]] Error notice(LDAPMessage* message);
    /// Of any request; null: there is nothing yet.
    [[nodiscard]] Result<MessagePtr> poll(Deadline deadline);

    std::string server_;
    std::stop_token stop_;
    std::unique_ptr<Wire> wire_; ///< below ld_: must outlive it
    std::shared_ptr<void>
        kept_; ///< likewise; shared_ptr because it knows how to delete what it holds
    LdapPtr ld_;
    std::optional<Error> dead_;
    std::set<int> aside_;
    std::deque<MessagePtr> kept_aside_;
};

/// Log-in over a link that is already secured as the endpoint says. Refuses to send a password in
/// clear, and SASL that came out weaker than it must be. The deadline: see TicketStore::get().
[[nodiscard]] Result<void> bind(Link& link, const Endpoint& endpoint, TicketStore& store,
                                Deadline& deadline);

/// What must be refused before anything is sent, whatever the server: a password in clear, a
/// mechanism that cannot work.
[[nodiscard]] Result<void> check_policy(const Endpoint& endpoint);

} // namespace scp
