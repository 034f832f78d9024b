#include "directory/libldap/session.hpp"

#include "base/text.hpp"
#include "directory/libldap/codes.hpp"

#include <fmt/format.h>

// Change notifications, [MS-ADTS] 3.1.1.3.4.1.9: a search that never ends. The filter must be a
// presence test; the control takes no paging.

namespace scp {
namespace {

constexpr const char* show_deleted_objects = "1.2.840.113556.1.4.417";

std::string telling_of(const WatchedPlace& place) {
    return fmt::format("cannot be told of changes {} {}",
                       place.scope == Scope::base ? "of" : "below", printable(place.base.text()));
}

} // namespace

Result<int> LdapSession::send_listen(const WatchedPlace& place) {
    if (auto ready = link_->ready(Deadline(timeout_)); !ready) {
        return fail(ready.error());
    }
    Controls controls;
    controls.add(notification_control, {}, true);
    if (place.deleted) {
        controls.add(show_deleted_objects, {}, true);
    }
    std::string object_class = "objectClass";
    std::string is_deleted = "isDeleted";
    std::array<char*, 3> attributes{object_class.data(), is_deleted.data(), nullptr};
    int id = 0;
    const int scope = place.scope == Scope::base  ? LDAP_SCOPE_BASE
                      : place.scope == Scope::one ? LDAP_SCOPE_ONELEVEL
                                                  : LDAP_SCOPE_SUBTREE;
    const int code = ldap_search_ext(link_->handle(), place.base.text().c_str(), scope,
                                     "(objectClass=*)", attributes.data(), 0, controls.list(),
                                     nullptr, nullptr, LDAP_NO_LIMIT, &id);
    if (code != LDAP_SUCCESS) {
        return fail(link_->send_error(code, telling_of(place)));
    }
    return id;
}

Result<void> LdapSession::listen(std::span<const WatchedPlace> places) {
    if (!root_dse_.supports_control(notification_control)) {
        return fail(ErrorKind::rejected, fmt::format("{} does not offer change notifications ({})",
                                                     server(), notification_control));
    }
    for (const WatchedPlace& place : places) {
        auto id = send_listen(place);
        if (!id) {
            return fail(id.error());
        }
        link_->set_aside(*id);
        listening_.emplace(*id, place);
    }
    // What is answered after the registrations shows that they were looked at.
    Search anything;
    anything.scope = Scope::base;
    anything.attributes = {LDAP_NO_ATTRS};
    if (const Found answer = search(anything); answer.incomplete) {
        return fail(*answer.incomplete);
    }
    return link_->look_aside([this](LDAPMessage* message) -> Result<void> {
        if (ldap_msgtype(message) != LDAP_RES_SEARCH_RESULT) {
            return {};
        }
        return fail(ended(message, telling_of(listening_.at(ldap_msgid(message)))));
    });
}

Result<std::vector<Entry>> LdapSession::heard(std::chrono::milliseconds patience,
                                              std::stop_token stop) {
    Found told;
    for (Deadline deadline(patience);;) {
        auto message = link_->next_aside(deadline, stop);
        if (!message) {
            return fail(message.error());
        }
        if (*message == nullptr) {
            return std::move(told.entries);
        }
        if (ldap_msgtype(message->get()) == LDAP_RES_SEARCH_RESULT) {
            const int id = ldap_msgid(message->get());
            return fail(ended(message->get(), telling_of(listening_.at(id))));
        }
        if (ldap_msgtype(message->get()) == LDAP_RES_SEARCH_ENTRY) {
            if (auto taken = take_entry(message->get(), told); !taken) {
                return fail(taken.error());
            }
        }
        // What has come by now comes with it.
        if (!told.entries.empty()) {
            deadline = Deadline(std::chrono::milliseconds(0));
        }
    }
}

} // namespace scp
