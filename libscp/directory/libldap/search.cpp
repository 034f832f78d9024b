#include "directory/libldap/session.hpp"

#include "base/text.hpp"
#include "directory/libldap/codes.hpp"
#include "directory/libldap/reference.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace scp {
namespace {

constexpr const char* paged_results = "1.2.840.113556.1.4.319"; // RFC 2696
constexpr const char* show_deleted = "1.2.840.113556.1.4.417";
constexpr int page_size = 500;
constexpr std::size_t search_window = 32;

std::string paging_value(const std::string& cookie) {
    const BerPtr ber(ber_alloc_t(LBER_USE_DER));
    berval value = as_berval(cookie);
    ber_printf(ber.get(), "{iO}", page_size, &value);
    return flatten(ber.get());
}

/// The cookie, or nullopt where the control's value is not what RFC 2696 says.
std::optional<std::string> read_cookie(const berval& value) {
    if (value.bv_val == nullptr) {
        return std::nullopt;
    }
    berval copy = value;
    const BerPtr ber(ber_init(&copy));
    ber_int_t estimate = 0;
    berval cookie{};
    if (!ber || ber_scanf(ber.get(), "{im}", &estimate, &cookie) == LBER_ERROR) {
        return std::nullopt;
    }
    return std::string(as_view(cookie));
}

std::string sd_flags_value() {
    const BerPtr ber(ber_alloc_t(LBER_USE_DER));
    ber_printf(ber.get(), "{i}", 7); // owner, group, DACL; asking for the SACL needs a privilege
    return flatten(ber.get());
}

int ldap_scope(Scope scope) {
    switch (scope) {
    case Scope::base:
        return LDAP_SCOPE_BASE;
    case Scope::one:
        return LDAP_SCOPE_ONELEVEL;
    case Scope::subtree:
        return LDAP_SCOPE_SUBTREE;
    }
    return LDAP_SCOPE_SUBTREE;
}

/// Reads name and values by length: a value may hold any byte.
Result<Entry> read_entry(LDAP* ld, LDAPMessage* message) {
    BerElement* raw_ber = nullptr;
    berval dn{};
    if (ldap_get_dn_ber(ld, message, &raw_ber, &dn) != LDAP_SUCCESS) {
        ber_free(raw_ber, 0);
        return fail(ErrorKind::incomplete, "an entry cannot be decoded");
    }
    const std::unique_ptr<BerElement, void (*)(BerElement*)> ber(
        raw_ber, [](BerElement* b) { ber_free(b, 0); });
    auto name = Dn::parse(as_view(dn));
    if (!name) {
        return fail(ErrorKind::incomplete,
                    fmt::format("an entry's name is not a DN: {}", printable(as_view(dn))));
    }
    Entry entry;
    entry.dn = *name;
    for (;;) {
        berval attribute{};
        BerVarray values = nullptr;
        const int code = ldap_get_attribute_ber(ld, message, ber.get(), &attribute, &values);
        if (code != LDAP_SUCCESS) {
            return fail(ErrorKind::incomplete,
                        fmt::format("{} cannot be decoded", printable(entry.dn.text())));
        }
        if (attribute.bv_val == nullptr) {
            return entry;
        }
        Values& all = entry.attributes[std::string(as_view(attribute))];
        for (std::size_t i = 0; values != nullptr && values[i].bv_val != nullptr; ++i) {
            all.emplace_back(as_view(values[i]));
        }
        ber_memfree(values); // the values themselves lie inside the message
    }
}

ErrorKind kind_of_read(int code) {
    const ErrorKind kind = kind_of_ldap_code(code);
    switch (kind) {
    case ErrorKind::unreachable:
    case ErrorKind::refused:
    case ErrorKind::internal:
        return kind;
    case ErrorKind::no_rights:
        return ErrorKind::refused;
    default:
        return ErrorKind::incomplete;
    }
}

} // namespace

bool LdapSession::is_paged(const Search& search) const {
    return search.scope != Scope::base && root_dse_.supports_control(paged_results);
}

std::string LdapSession::describe(const Search& search) const {
    return fmt::format(
        "cannot read {}",
        search.base.dn.empty() && !search.base.guid
            ? std::string("the RootDSE")
            : printable(search.base.dn.empty() ? name_of(search.base) : search.base.dn.text()));
}

Result<int> LdapSession::send_search(const Search& search, bool paged, const std::string& cookie,
                                     Deadline deadline) {
    if (auto ready = link_->ready(deadline); !ready) {
        return fail(ready.error());
    }
    Controls controls;
    if (paged) {
        controls.add(paged_results, paging_value(cookie), true);
    }
    if (search.deleted && root_dse_.supports_control(show_deleted)) {
        controls.add(show_deleted, {}, true);
    }
    if (search.security && root_dse_.supports_control(sd_flags_control)) {
        controls.add(sd_flags_control, sd_flags_value(), true);
    }
    std::vector<char*> names;
    for (const std::string& name : search.attributes) {
        names.push_back(const_cast<char*>(name.c_str()));
    }
    names.push_back(nullptr);
    const std::string base = name_of(search.base);
    const std::string filter = to_string(search.filter);
    int message_id = 0;
    const int code =
        ldap_search_ext(link_->handle(), base.c_str(), ldap_scope(search.scope), filter.c_str(),
                        search.attributes.empty() ? nullptr : names.data(), 0, controls.list(),
                        nullptr, nullptr, LDAP_NO_LIMIT, &message_id);
    if (code != LDAP_SUCCESS) {
        return fail(link_->send_error(code, describe(search)));
    }
    return message_id;
}

Result<void> LdapSession::take_entry(LDAPMessage* message, Found& found) {
    auto entry = read_entry(link_->handle(), message);
    if (!entry) {
        Error error = entry.error();
        error.message = fmt::format("{}: {}", server(), error.message);
        return fail(std::move(error));
    }
    found.entries.push_back(std::move(*entry));
    return {};
}

Result<void> LdapSession::finish_page(const Search& search, const Outcome& outcome, Page& page) {
    page.done = true;
    page.cookie.clear();
    if (!page.paged) {
        return {};
    }
    const berval* control = outcome.control(paged_results);
    auto cookie = control == nullptr ? std::nullopt : read_cookie(*control);
    if (!cookie) {
        return fail(ErrorKind::incomplete,
                    fmt::format("{} on {}: the answer does not say that it is the last page (no "
                                "paged-results control)",
                                describe(search), server()));
    }
    page.cookie = std::move(*cookie);
    return {};
}

Result<void> LdapSession::take_result(LDAPMessage* message, const Search& search, Found& found,
                                      Page& page) {
    page.done = true;
    page.cookie.clear();
    auto outcome = read_outcome(link_->handle(), message);
    if (!outcome) {
        return fail(
            link_->die(ErrorKind::unreachable, fmt::format("{} on {}: the answer was not LDAP",
                                                           describe(search), server())));
    }
    if (outcome->code == LDAP_SUCCESS) {
        return finish_page(search, *outcome, page);
    }
    if (outcome->code == LDAP_NO_SUCH_OBJECT && search.scope == Scope::base) {
        return {};
    }
    Error error = ldap_error(outcome->code, describe(search), server(), outcome->diagnostic);
    error.kind = kind_of_read(outcome->code);
    if (outcome->code == LDAP_REFERRAL && !outcome->referrals.empty()) {
        error.message += ": it refers to " + printable(outcome->referrals.front());
    }
    std::ranges::transform(outcome->referrals, std::back_inserter(found.references),
                           read_reference);
    return fail(std::move(error));
}

Result<void> LdapSession::take(LDAPMessage* message, const Search& search, Found& found,
                               Page& page) {
    switch (ldap_msgtype(message)) {
    case LDAP_RES_SEARCH_ENTRY:
        return take_entry(message, found);
    case LDAP_RES_SEARCH_REFERENCE: {
        char** raw = nullptr;
        const int code = ldap_parse_reference(link_->handle(), message, &raw, nullptr, 0);
        const TextArray references(raw);
        if (code != LDAP_SUCCESS) {
            return fail(ErrorKind::incomplete,
                        fmt::format("{}: a reference cannot be decoded", server()));
        }
        for (std::size_t i = 0; references && references[i] != nullptr; ++i) {
            found.references.push_back(read_reference(references[i]));
        }
        return {};
    }
    case LDAP_RES_SEARCH_RESULT:
        return take_result(message, search, found, page);
    default:
        return {}; // intermediate responses: nobody asked for one
    }
}

Found LdapSession::run(const Search& search, Deadline deadline) {
    Found found;
    Page page;
    page.paged = is_paged(search);
    do {
        page.done = false;
        auto id = send_search(search, page.paged, page.cookie, deadline);
        if (!id) {
            found.incomplete = id.error();
            return found;
        }
        while (!page.done) {
            auto message = link_->answer(*id, deadline, describe(search));
            if (!message) {
                found.incomplete = message.error();
                return found;
            }
            if (auto taken = take(message->get(), search, found, page);
                !taken && !found.incomplete) {
                found.incomplete =
                    taken.error(); // and on to the result: the connection stays usable
            }
        }
    } while (!page.cookie.empty() && !found.incomplete);
    return found;
}

Found LdapSession::search(const Search& search) {
    const Deadline deadline(timeout_);
    Found found = run(search, deadline);
    fetch_ranges(found, search, deadline);
    return found;
}

std::vector<Found> LdapSession::search_all(std::span<const Search> searches) {
    struct Pending {
        std::size_t index;
        Page page;
        Deadline deadline;
    };
    std::vector<Found> found(searches.size());
    std::vector<std::size_t> longer; // did not fit into one page
    std::map<int, Pending> pending;
    std::size_t next = 0;
    while (next < searches.size() || !pending.empty()) {
        while (next < searches.size() && pending.size() < search_window) {
            const Deadline deadline(timeout_);
            const bool paged = is_paged(searches[next]);
            auto id = send_search(searches[next], paged, {}, deadline);
            if (id) {
                pending.emplace(*id, Pending{next, Page{paged, false, {}}, deadline});
            } else {
                found[next].incomplete = id.error();
            }
            ++next;
        }
        if (pending.empty()) {
            continue;
        }
        const Pending& oldest = pending.begin()->second;
        auto message = link_->next(oldest.deadline);
        if (!message || *message == nullptr) {
            const Error error = message ? late(describe(searches[oldest.index])) : message.error();
            for (auto& [id, one] : pending) {
                found[one.index].incomplete = error;
            }
            pending.clear();
            continue;
        }
        auto at = pending.find(ldap_msgid(message->get()));
        if (at == pending.end()) {
            continue;
        }
        auto& [index, page, deadline] = at->second;
        if (auto taken = take(message->get(), searches[index], found[index], page);
            !taken && !found[index].incomplete) {
            found[index].incomplete = taken.error();
        }
        if (page.done) {
            if (!page.cookie.empty() && !found[index].incomplete) {
                longer.push_back(index);
            }
            pending.erase(at);
        }
    }
    for (std::size_t index : longer) {
        found[index] =
            search(searches[index]); // a cookie may be lost once other paged searches have run
    }
    for (std::size_t i = 0; i < searches.size(); ++i) {
        fetch_ranges(found[i], searches[i], Deadline(timeout_));
    }
    return found;
}

} // namespace scp
