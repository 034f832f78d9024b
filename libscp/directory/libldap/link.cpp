#include "directory/libldap/link.hpp"

#include "base/text.hpp"
#include "directory/libldap/codes.hpp"
#include "directory/libldap/dial.hpp"
#include "directory/libldap/tls.hpp"

#include <fmt/format.h>

namespace scp {

Link::Link(int socket, const ServerUri& uri, std::stop_token stop)
    : server_(uri.to_string()), stop_(stop),
      wire_(std::make_unique<Wire>(socket, std::move(stop))) {}

Link::~Link() {
    wire_->set_closing(); // the unbind request must not wait for anybody
}

Result<std::unique_ptr<Link>> Link::open(const Endpoint& endpoint, TicketStore& store,
                                         Deadline& deadline, const std::stop_token& stop) {
    init_libldap();
    if (auto allowed = check_policy(endpoint); !allowed) {
        return fail(allowed.error());
    }
    auto socket = dial(endpoint.uri, deadline, stop);
    if (!socket) {
        return fail(socket.error());
    }
    std::unique_ptr<Link> link(new Link(*socket, endpoint.uri, stop));
    link->wire_->arm(deadline);
    auto handle = make_handle(*link->wire_, endpoint.uri);
    if (!handle) {
        return fail(handle.error());
    }
    link->ld_ = std::move(*handle);
    if (auto secured = link->secure(endpoint, deadline); !secured) {
        return fail(secured.error());
    }
    if (auto bound = bind(*link, endpoint, store, deadline); !bound) {
        return fail(bound.error());
    }
    return link;
}

Result<void> Link::secure(const Endpoint& endpoint, Deadline deadline) {
    if (!uses_tls(endpoint)) {
        return {};
    }
    if (auto set = set_tls_options(ld_.get(), endpoint.tls); !set) {
        return set;
    }
    if (endpoint.uri.scheme == ServerUri::Scheme::ldap) {
        int message_id = 0;
        const int code = ldap_start_tls(ld_.get(), nullptr, nullptr, &message_id);
        if (code != LDAP_SUCCESS) {
            return fail(send_error(code, "cannot start TLS"));
        }
        auto message = answer(message_id, deadline, "cannot start TLS");
        if (!message) {
            return fail(message.error());
        }
        auto outcome = read_outcome(ld_.get(), message->get());
        const int result = outcome ? outcome->code : LDAP_DECODING_ERROR;
        if (result != LDAP_SUCCESS) {
            Error error =
                ldap_error(result, "cannot start TLS", server_, outcome ? outcome->diagnostic : "");
            error.kind = ErrorKind::refused;
            error.hint = "The server offers no StartTLS: use an ldaps:// URI.";
            return fail(std::move(error));
        }
    }
    return start_tls(ld_.get(), *wire_, endpoint, deadline, stop_);
}

Error Link::die(ErrorKind kind, std::string why) {
    if (!dead_) {
        dead_ =
            Error{kind, std::move(why), {}, kind == ErrorKind::unreachable ? LDAP_SERVER_DOWN : 0};
    }
    return *dead_;
}

Error Link::notice(LDAPMessage* message) {
    // Not ldap_parse_extended_result: it asserts on an empty OID.
    auto outcome = read_outcome(ld_.get(), message);
    const std::string text = outcome ? printable(outcome->diagnostic) : std::string{};
    return die(ErrorKind::unreachable,
               fmt::format("{} ended the session{}{}", server_,
                           outcome ? fmt::format(": LDAP {} {}", outcome->code,
                                                 ldap_code_name(outcome->code))
                                   : "",
                           text.empty() ? "" : ": " + text));
}

Result<MessagePtr> Link::poll(Deadline deadline) {
    // Reading what is there takes no time; only a TLS renegotiation inside it could spin, and
    // the wire ends that.
    wire_->arm(Deadline(deadline.at() + std::chrono::milliseconds(stop_check_ms)));
    timeval at_once{};
    LDAPMessage* raw = nullptr;
    const int type = ldap_result(ld_.get(), LDAP_RES_ANY, LDAP_MSG_ONE, &at_once, &raw);
    MessagePtr message(raw);
    if (type > 0) {
        if (ldap_msgid(raw) == LDAP_RES_UNSOLICITED) {
            return fail(notice(raw));
        }
        return message;
    }
    if (type < 0) {
        const std::string diagnostic = last_text(ld_.get());
        std::string why = wire_->end_text();
        if (wire_->end() == Wire::End::open && !diagnostic.empty()) {
            why += ": " + printable(diagnostic);
        }
        return fail(die(ErrorKind::unreachable,
                        fmt::format("lost the connection to {}: {}", server_, why)));
    }
    return MessagePtr{};
}

Result<MessagePtr> Link::next(Deadline deadline, const std::stop_token& also_stop, bool settling) {
    for (;;) {
        if (dead_) {
            return fail(*dead_);
        }
        if (deadline.passed() || (stopped() && !settling) || also_stop.stop_requested()) {
            return MessagePtr{};
        }
        auto message = poll(deadline);
        if (!message) {
            return message;
        }
        if (*message == nullptr) {
            wire_->wait_readable();
        } else if (aside_.contains(ldap_msgid(message->get()))) {
            kept_aside_.push_back(std::move(*message));
        } else {
            return message;
        }
    }
}

Result<MessagePtr> Link::next_aside(Deadline deadline, const std::stop_token& stop) {
    for (;;) {
        if (!kept_aside_.empty()) {
            MessagePtr message = std::move(kept_aside_.front());
            kept_aside_.pop_front();
            return message;
        }
        if (dead_) {
            return fail(*dead_);
        }
        auto message = poll(deadline);
        if (!message) {
            return message;
        }
        if (*message == nullptr) {
            if (deadline.passed() || stopped() || stop.stop_requested()) {
                return MessagePtr{};
            }
            wire_->wait_readable();
        } else if (aside_.contains(ldap_msgid(message->get()))) {
            return message;
        }
    }
}

Result<void> Link::look_aside(const std::function<Result<void>(LDAPMessage*)>& look) const {
    for (const MessagePtr& message : kept_aside_) {
        if (auto looked = look(message.get()); !looked) {
            return looked;
        }
    }
    return {};
}

Result<MessagePtr> Link::answer(int message_id, Deadline deadline, std::string_view what) {
    for (;;) {
        auto message = next(deadline);
        if (!message) {
            return fail(message.error());
        }
        if (*message == nullptr) {
            if (stopped()) {
                return fail(die(ErrorKind::interrupted,
                                fmt::format("{} on {}: interrupted", what, server_)));
            }
            return fail(
                die(ErrorKind::unreachable, fmt::format("{} on {}: {}", what, server_,
                                                        no_answer_in_time(deadline.allowed()))));
        }
        if (ldap_msgid(message->get()) == message_id) {
            return message;
        }
    }
}

Result<void> Link::ready(Deadline deadline) {
    if (!dead_ && stopped()) {
        return fail(ErrorKind::interrupted, fmt::format("interrupted before asking {}", server_));
    }
    if (dead_) {
        return fail(*dead_);
    }
    wire_->arm(deadline);
    return {};
}

Error Link::send_error(int code, std::string_view what) {
    if (code == LDAP_SERVER_DOWN || code == LDAP_TIMEOUT || code == LDAP_BUSY ||
        wire_->end() != Wire::End::open) {
        const bool interrupted = wire_->end() == Wire::End::interrupted;
        return die(interrupted ? ErrorKind::interrupted : ErrorKind::unreachable,
                   fmt::format("{} on {}: {}", what, server_, wire_->end_text()));
    }
    return ldap_error(code, what, server_, last_text(ld_.get()));
}

} // namespace scp
