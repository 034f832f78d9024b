#include "directory/libldap/session.hpp"

#include "base/text.hpp"
#include "directory/libldap/codes.hpp"

#include <fmt/format.h>

#include <deque>

namespace scp {
namespace {

constexpr std::size_t write_window = 32;
/// How long answers to writes that are under way are still waited for once stop was asked for.
constexpr std::chrono::milliseconds settle{2000};

/// LDAPMods over values that are borrowed from a Write.
class Mods {
  public:
    void add(int op, const std::string& attribute, const Values& values) {
        Owned& one = owned_.emplace_back();
        for (const std::string& value : values) {
            one.values.push_back(as_berval(value));
        }
        for (berval& value : one.values) {
            one.pointers.push_back(&value);
        }
        one.pointers.push_back(nullptr);
        one.mod.mod_op = op | LDAP_MOD_BVALUES;
        one.mod.mod_type = const_cast<char*>(attribute.c_str());
        one.mod.mod_vals.modv_bvals = values.empty() ? nullptr : one.pointers.data();
    }
    LDAPMod** list() {
        list_.clear();
        for (Owned& one : owned_) {
            list_.push_back(&one.mod);
        }
        list_.push_back(nullptr);
        return list_.data();
    }

  private:
    struct Owned {
        std::vector<berval> values;
        std::vector<berval*> pointers;
        LDAPMod mod{};
    };
    std::deque<Owned> owned_; ///< a deque: what is in it stays where it is
    std::vector<LDAPMod*> list_;
};

int ldap_op(Modification::Op op) {
    switch (op) {
    case Modification::Op::add:
        return LDAP_MOD_ADD;
    case Modification::Op::remove:
        return LDAP_MOD_DELETE;
    case Modification::Op::replace:
        return LDAP_MOD_REPLACE;
    }
    return LDAP_MOD_REPLACE;
}

template <class... Cases> struct Overloaded : Cases... { using Cases::operator()...; };
template <class... Cases> Overloaded(Cases...) -> Overloaded<Cases...>;

Error write_error(const Outcome& outcome, const std::string& what, const std::string& server) {
    Error error = ldap_error(outcome.code, what, server, outcome.diagnostic);
    if (outcome.code == LDAP_REFERRAL) {
        error.message += fmt::format(
            ": this server takes no writes (a read-only DC, or not this domain's){}",
            outcome.referrals.empty() ? std::string{}
                                      : "; it refers to " + printable(outcome.referrals.front()));
        error.hint = "Name a writable DC in servers.";
    }
    return error;
}

} // namespace

std::string LdapSession::describe(const Write& write) const {
    const auto text = [this](const ObjectRef& object) {
        return printable(object.dn.empty() ? name_of(object) : object.dn.text());
    };
    return std::visit(
        Overloaded{
            [&](const AddEntry& add) { return "cannot add " + printable(add.dn.text()); },
            [&](const ModifyEntry& modify) { return "cannot modify " + text(modify.object); },
            [&](const RenameEntry& rename) {
                return fmt::format("cannot rename {} to {}", text(rename.object),
                                   printable(rename.new_rdn));
            },
            [&](const DeleteEntry& erase) { return "cannot delete " + text(erase.object); },
        },
        write);
}

Result<int> LdapSession::send_write(const Write& write, Deadline deadline) {
    if (auto ready = link_->ready(deadline); !ready) {
        Error error = ready.error();
        error.message = fmt::format("{}: not sent: {}", describe(write), error.message);
        return fail(std::move(error));
    }
    if (in_clear_) {
        return fail(
            ErrorKind::settings,
            fmt::format("{}: refusing to send values in clear to {}", describe(write), server()),
            "Use an ldaps:// URI, tls: {mode: starttls}, or mechanism: gssapi.");
    }
    if (const auto* rename = std::get_if<RenameEntry>(&write);
        rename != nullptr && rename->new_rdn.find('\0') != std::string::npos) {
        return fail(ErrorKind::rejected,
                    describe(write) + ": a raw NUL in the name"); // a C string there
    }
    LDAP* ld = link_->handle();
    int id = 0;
    const int code = std::visit(
        Overloaded{
            [&](const AddEntry& add) {
                Mods mods;
                for (const auto& [name, values] : add.attributes) {
                    if (!values.empty()) {
                        mods.add(LDAP_MOD_ADD, name, values);
                    }
                }
                return ldap_add_ext(ld, add.dn.text().c_str(), mods.list(), nullptr, nullptr, &id);
            },
            [&](const ModifyEntry& modify) {
                Mods mods;
                for (const Modification& one : modify.modifications) {
                    mods.add(ldap_op(one.op), one.attribute, one.values);
                }
                return ldap_modify_ext(ld, name_of(modify.object).c_str(), mods.list(), nullptr,
                                       nullptr, &id);
            },
            [&](const RenameEntry& rename) {
                // Samba finds nothing (32) by `<GUID=…>` unless the parent is named too, and by its
                // DN.
                const std::string name = name_of(rename.object);
                const bool by_dn = name == rename.object.dn.text();
                return ldap_rename(ld, name.c_str(), rename.new_rdn.c_str(),
                                   by_dn ? nullptr : rename.object.dn.parent().text().c_str(), 1,
                                   nullptr, nullptr, &id);
            },
            [&](const DeleteEntry& erase) {
                return ldap_delete_ext(ld, name_of(erase.object).c_str(), nullptr, nullptr, &id);
            },
        },
        write);
    if (code != LDAP_SUCCESS) {
        return fail(link_->send_error(code, describe(write)));
    }
    return id;
}

std::vector<Result<void>> LdapSession::write(std::span<const Write> writes) {
    struct Pending {
        std::size_t index;
        Deadline deadline;
    };
    std::vector<Result<void>> results(writes.size());
    std::map<int, Pending> pending;
    std::size_t next = 0;
    std::optional<Deadline> settled; // set once stop was asked for
    while (next < writes.size() || !pending.empty()) {
        while (next < writes.size() && pending.size() < write_window) {
            const Deadline deadline(timeout_);
            auto id = send_write(writes[next], deadline);
            if (id) {
                pending.emplace(*id, Pending{next, deadline});
            } else {
                results[next] = fail(id.error());
            }
            ++next;
        }
        if (pending.empty()) {
            continue;
        }
        if (link_->stopped() && !settled) {
            settled.emplace(settle);
        }
        const Deadline deadline = settled.value_or(pending.begin()->second.deadline);
        auto message = link_->next(deadline, {}, settled.has_value());
        if (message && *message == nullptr && link_->stopped() && !settled) {
            continue; // stop came while waiting: what is under way may settle
        }
        if (!message || *message == nullptr) {
            const Error cause = message ? late("no answer to a write") : message.error();
            for (const auto& [id, one] : pending) {
                Error error{ErrorKind::unreachable,
                            fmt::format("{}: it may have happened: {}", describe(writes[one.index]),
                                        cause.message),
                            {},
                            cause.ldap_code};
                results[one.index] = fail(std::move(error));
            }
            pending.clear();
            continue;
        }
        auto at = pending.find(ldap_msgid(message->get()));
        if (at == pending.end()) {
            continue;
        }
        auto outcome = read_outcome(link_->handle(), message->get());
        if (!outcome) {
            (void)link_->die(ErrorKind::unreachable,
                             fmt::format("{}: the answer was not LDAP", server()));
            continue;
        }
        if (outcome->code != LDAP_SUCCESS) {
            results[at->second.index] =
                fail(write_error(*outcome, describe(writes[at->second.index]), server()));
        }
        pending.erase(at);
    }
    return results;
}

} // namespace scp
