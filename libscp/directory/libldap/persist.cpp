#include "directory/libldap/session.hpp"

#include "base/text.hpp"
#include "directory/libldap/codes.hpp"

#include <fmt/format.h>

namespace scp {
namespace {

constexpr const char* sync_request = "1.3.6.1.4.1.4203.1.9.1.1";   // RFC 4533 2.2
constexpr std::string_view sync_info = "1.3.6.1.4.1.4203.1.9.1.4"; // 2.5
constexpr int refresh_and_persist = 3;

// The tags of syncInfoValue, RFC 4533 2.5.
constexpr ber_tag_t tag_new_cookie = 0x80, tag_refresh_delete = 0xa1, tag_refresh_present = 0xa2;

std::string sync_value() {
    const BerPtr ber(ber_alloc_t(LBER_USE_DER));
    ber_printf(ber.get(), "{e}",
               refresh_and_persist); // without a cookie: everything is looked at again anyway
    return flatten(ber.get());
}

enum class Notice { none, change, refreshed, ended };

Notice read_info(const berval& value) {
    berval copy = value;
    const BerPtr ber(ber_init(&copy));
    ber_len_t length = 0;
    if (!ber) {
        return Notice::none;
    }
    const ber_tag_t tag = ber_peek_tag(ber.get(), &length);
    if (tag == tag_new_cookie) {
        return Notice::none; // says that nothing happened up to here
    }
    if (tag != tag_refresh_delete && tag != tag_refresh_present) {
        return Notice::change; // syncIdSet
    }
    berval cookie{};
    ber_int_t done = 1; // DEFAULT TRUE
    if (ber_scanf(ber.get(), "{") == LBER_ERROR) {
        return Notice::none;
    }
    if (ber_peek_tag(ber.get(), &length) == LBER_OCTETSTRING) {
        (void)ber_scanf(ber.get(), "m", &cookie);
    }
    if (ber_peek_tag(ber.get(), &length) == LBER_BOOLEAN) {
        (void)ber_scanf(ber.get(), "b", &done);
    }
    return done != 0 ? Notice::refreshed : Notice::none;
}

Notice read_intermediate(LDAP* ld, LDAPMessage* message) {
    char* oid = nullptr;
    berval* value = nullptr;
    const int code = ldap_parse_intermediate(ld, message, &oid, &value, nullptr, 0);
    const LdapText owned_oid(oid);
    const std::unique_ptr<berval, void (*)(berval*)> owned(value, ber_bvfree);
    if (code != LDAP_SUCCESS || oid == nullptr || value == nullptr || sync_info != oid) {
        return Notice::none;
    }
    return read_info(*value);
}

Notice read_news(LDAP* ld, LDAPMessage* message) {
    switch (ldap_msgtype(message)) {
    case LDAP_RES_SEARCH_ENTRY:
        return Notice::change; // or part of the refresh
    case LDAP_RES_INTERMEDIATE:
        return read_intermediate(ld, message);
    case LDAP_RES_SEARCH_RESULT:
        return Notice::ended;
    default:
        return Notice::none;
    }
}

/// What every server has: the RootDSE, and nothing of it.
Search anything() {
    Search search;
    search.scope = Scope::base;
    search.attributes = {LDAP_NO_ATTRS};
    return search;
}

} // namespace

Result<void> LdapSession::persist(const Dn& nc, const Filter& filter,
                                  std::chrono::milliseconds heartbeat, std::stop_token stop,
                                  const std::function<void()>& on_change) {
    const std::string what = fmt::format("cannot watch {}", printable(nc.text()));
    if (!root_dse_.supports_control(sync_request)) {
        return fail(
            ErrorKind::rejected,
            fmt::format("{} on {}: it does not offer RFC 4533 (overlay syncprov)", what, server()));
    }
    if (auto ready = link_->ready(Deadline(timeout_)); !ready) {
        return ready;
    }
    Controls controls;
    controls.add(sync_request, sync_value(), true);
    std::array<char*, 2> attributes{const_cast<char*>(LDAP_NO_ATTRS), nullptr};
    int id = 0;
    const int code = ldap_search_ext(link_->handle(), nc.text().c_str(), LDAP_SCOPE_SUBTREE,
                                     to_string(filter).c_str(), attributes.data(), 0,
                                     controls.list(), nullptr, nullptr, LDAP_NO_LIMIT, &id);
    if (code != LDAP_SUCCESS) {
        return fail(link_->send_error(code, what));
    }
    bool refreshed = false;
    bool changed = false;
    int beat = 0; // the message ID of the question that must be answered; 0: none is open
    Deadline patience(timeout_);
    for (;;) {
        // With a change in hand only what is already there is taken in, then it is told.
        auto message =
            link_->next(changed ? Deadline(std::chrono::milliseconds(1)) : patience, stop);
        if (!message) {
            return fail(message.error());
        }
        if (stop.stop_requested() || link_->stopped()) {
            (void)ldap_abandon_ext(link_->handle(), id, nullptr, nullptr);
            return {};
        }
        if (*message == nullptr) {
            if (changed) {
                changed = false;
                on_change();
            } else if (!refreshed || beat != 0) {
                return fail(late(what));
            } else {
                // Silence is what a quiet directory sounds like, and a dead one.
                auto asked = send_search(anything(), false, {}, Deadline(timeout_));
                if (!asked) {
                    return fail(asked.error());
                }
                beat = *asked;
                patience = Deadline(timeout_);
            }
            continue;
        }
        if (ldap_msgid(message->get()) == beat) {
            if (ldap_msgtype(message->get()) == LDAP_RES_SEARCH_RESULT) {
                beat = 0;
                patience = Deadline(heartbeat);
            }
            continue;
        }
        if (ldap_msgid(message->get()) != id) {
            continue;
        }
        const auto news = read_news(link_->handle(), message->get());
        if (news == Notice::ended) {
            return fail(ended(message->get(), what));
        }
        changed = changed || news == Notice::refreshed || (news == Notice::change && refreshed);
        refreshed = refreshed || news == Notice::refreshed;
        if (beat == 0) {
            patience = Deadline(refreshed ? heartbeat : timeout_);
        }
    }
}

Error LdapSession::ended(LDAPMessage* message, const std::string& what) {
    auto outcome = read_outcome(link_->handle(), message);
    const int result = outcome ? outcome->code : LDAP_DECODING_ERROR;
    Error error = ldap_error(result, what, server(), outcome ? outcome->diagnostic : "");
    if (result == LDAP_SUCCESS) {
        error.kind = ErrorKind::incomplete; // a server that ends it in peace does not go on telling
    }
    return error;
}

} // namespace scp
