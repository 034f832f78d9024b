#include "directory/libldap/ticket_store.hpp"

#include "base/text.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <future>
#include <thread>

namespace scp {
namespace {

using Cache = std::shared_ptr<const TicketCache>;
using Clock = std::chrono::system_clock; // tickets end by the wall clock

constexpr std::chrono::minutes longest_pause{1}; // after a renewal that failed

} // namespace

/// One principal of one keytab. Its threads share it: they may outlive the store.
struct TicketStore::Account : std::enable_shared_from_this<Account> {
    Account(AuthSettings with, std::string path) : auth(std::move(with)), keytab(std::move(path)) {}

    const AuthSettings auth;
    const std::string keytab;

    /// Changes with every keytab that is put in place of another.
    struct Stamp {
        ino_t inode = 0;
        std::int64_t seconds = 0, nanoseconds = 0; ///< of its last change
        friend bool operator==(const Stamp&, const Stamp&) = default;
    };

    [[nodiscard]] Stamp stamp_now() const {
        struct stat now {};
        if (::stat(keytab.c_str(), &now) != 0)
            return {};
        return {now.st_ino, now.st_mtim.tv_sec, now.st_mtim.tv_nsec};
    }

    std::mutex at_kdc; ///< one log-in at a time
    std::mutex lock;   ///< guards what follows
    std::optional<LogIn> log_in;
    Stamp stamp; ///< of the keytab that `log_in` came of
    bool renewing = false;
    Clock::time_point not_before; ///< the next renewal
    unsigned tries = 0;
    std::optional<Error> failure;                                    ///< of the last try
    std::map<std::string, std::shared_future<Result<Cache>>> coming; ///< by host

    /// What there is, if it lasts; where it ends soon or is of another keytab, it is renewed
    /// meanwhile.
    std::optional<LogIn> valid() {
        const std::scoped_lock guard(lock);
        const auto now = Clock::now();
        if (!log_in || now >= log_in->until || log_in->cache->clock_was_set())
            return std::nullopt;
        if (!renewing && now >= not_before && (now >= log_in->renew_at || stamp != stamp_now())) {
            std::thread([self = shared_from_this()] {
                const auto asked = self->ask(self->tries_so_far());
                const std::scoped_lock over(self->lock);
                self->renewing = false;
                // A keytab with a wrong key, asked with again and again, locks the account out.
                if (!asked && self->log_in)
                    self->not_before =
                        Clock::now() +
                        std::min<Clock::duration>(
                            longest_pause, (self->log_in->until - self->log_in->renew_at) / 2);
            }).detach();
            renewing = true;
        }
        return log_in;
    }

    unsigned tries_so_far() {
        const std::scoped_lock guard(lock);
        return tries;
    }

    /// Logs in, unless somebody has tried since `seen` was read: then that counts. So a refused
    /// log-in is not repeated by each of several waiting threads.
    Result<LogIn> ask(unsigned seen) {
        const std::scoped_lock one(at_kdc);
        {
            const std::scoped_lock guard(lock);
            if (tries != seen && failure)
                return fail(*failure);
            if (tries != seen && log_in)
                return *log_in;
        }
        const Stamp now = stamp_now();
        auto fresh = log_in_by_keytab(auth, keytab);
        const std::scoped_lock guard(lock);
        ++tries;
        failure.reset();
        if (fresh) {
            log_in = *fresh;
            stamp = now;
        } else {
            failure = fresh.error();
        }
        return fresh;
    }

    Result<Cache> fetch(const std::string& host) {
        const unsigned seen = tries_so_far();
        auto current = valid();
        if (!current) {
            auto asked = ask(seen);
            if (!asked)
                return fail(asked.error());
            current = std::move(*asked);
        }
        if (auto added = add_service_ticket(*current->cache, host); !added)
            return fail(added.error());
        return current->cache;
    }

    /// The one fetch for this host that is under way.
    std::shared_future<Result<Cache>> fetching(const std::string& host) {
        const std::scoped_lock guard(lock);
        if (const auto found = coming.find(host); found != coming.end())
            return found->second;
        std::promise<Result<Cache>> promise;
        auto future = promise.get_future().share();
        std::thread([self = shared_from_this(), host, promise = std::move(promise)]() mutable {
            Result<Cache> result = self->fetch(host);
            {
                const std::scoped_lock over(self->lock);
                self->coming.erase(host);
            }
            promise.set_value(std::move(result));
        }).detach();
        coming.emplace(host, future);
        return future;
    }
};

std::shared_ptr<TicketStore::Account> TicketStore::account(const AuthSettings& auth,
                                                           const std::string& keytab) {
    const std::scoped_lock guard(lock_);
    auto& found = accounts_[{keytab, auth.principal}];
    if (!found)
        found = std::make_shared<Account>(auth, keytab);
    return found;
}

/// The later one of both ends.
Deadline TicketStore::patient(Deadline deadline) {
    const std::scoped_lock guard(lock_);
    if (!patient_until_)
        patient_until_ = Deadline(deadline.at() + patience_);
    return patient_until_->at() > deadline.at() ? *patient_until_ : deadline;
}

Result<Cache> TicketStore::get(const AuthSettings& auth, const std::string& keytab,
                               const std::string& host, Deadline& deadline,
                               const std::stop_token& stop) {
    const auto began = Deadline::Clock::now();
    auto tickets = wait(auth, keytab, host, patient(deadline), stop);
    if (patience_.count() > 0)
        deadline.put_off(Deadline::Clock::now() - began);
    return tickets;
}

Result<Cache> TicketStore::wait(const AuthSettings& auth, const std::string& keytab,
                                const std::string& host, Deadline deadline,
                                const std::stop_token& stop) {
    if (keytab.empty()) {
        auto tickets =
            run_abandonable([auth, host] { return callers_tickets(auth, host); }, deadline, stop);
        if (tickets)
            return std::move(*tickets);
    } else {
        const auto coming = account(auth, keytab)->fetching(host);
        while (!deadline.passed() && !stop.stop_requested())
            if (coming.wait_for(std::chrono::milliseconds(deadline.left_ms(stop_check_ms))) ==
                std::future_status::ready)
                return coming.get();
    }
    if (stop.stop_requested())
        return fail(ErrorKind::interrupted, "Kerberos: interrupted");
    return fail(ErrorKind::unreachable,
                fmt::format("Kerberos: no KDC answered in time (ldap/{})", printable(host)),
                "Check /etc/krb5.conf, DNS SRV _kerberos._tcp of the realm, and port 88.");
}

void TicketStore::forget(const AuthSettings& auth, const std::string& keytab) {
    if (keytab.empty())
        return;
    const auto known = account(auth, keytab);
    const std::scoped_lock guard(known->lock);
    known->log_in.reset();
}

} // namespace scp
