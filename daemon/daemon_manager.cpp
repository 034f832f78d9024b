#include "base/text.hpp"
#include "daemon/daemon.hpp"
#include "daemon/unpark.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

// What org.scpd1.Manager offers of the daemon.

namespace scp {
namespace {

constexpr std::size_t longest_reason = 1000; // bytes, as scpctl pause has it

Result<void> check_reason(const std::string& reason) {
    if (reason.size() > longest_reason)
        return fail(ErrorKind::usage,
                    fmt::format("the reason is longer than {} bytes", longest_reason),
                    "say it in a line");
    std::string plain = reason;
    std::erase(plain, '\\'); // which printable() doubles
    if (printable(plain, longest_reason) != plain)
        return fail(ErrorKind::usage, "the reason has control characters", "say it in a line");
    return {};
}

} // namespace

std::string Daemon::status_json() const {
    return to_json_line(status_document(service_.status(watching_)));
}

std::string Daemon::state() const {
    return to_string(service_.status(watching_).state);
}

std::string Daemon::instance() const {
    return settings_->instance;
}

std::string Daemon::last_cycle_text() const {
    const auto cycle = service_.status(watching_).last_cycle;
    return cycle ? to_json_line(last_cycle_json(cycle)) : "";
}

/// As it is written in the settings.
Result<std::string> Daemon::rule_called(const std::string& name) const {
    std::vector<std::string> names;
    for (const Rule& rule : settings_->rules) {
        if (equal_ascii_nocase(rule.name, name))
            return rule.name;
        names.push_back(rule.name);
    }
    const std::string near = nearest(name, names);
    return fail(ErrorKind::usage, fmt::format("scpd has no rule '{}'", printable(name)),
                near.empty() ? fmt::format("there are: {}", fmt::join(names, ", "))
                             : fmt::format("did you mean '{}'?", near));
}

void Daemon::resync(const std::string& rule, Reply reply) {
    if (!rule.empty())
        if (const auto known = rule_called(rule); !known)
            return reply(fail(known.error()));
    schedule_.asked(BootClock::now(), "asked");
    arm();
    reply({});
}

void Daemon::pause(const std::string& rule, const std::string& reason, uid_t who, Reply reply) {
    if (const auto good = check_reason(reason); !good)
        return reply(good);
    std::string name;
    if (!rule.empty()) {
        auto known = rule_called(rule);
        if (!known)
            return reply(fail(known.error()));
        name = std::move(*known);
    }
    change_state(
        [name, reason, who](HostState& state) {
            return scp::pause(state, {name, reason, user_called(who), now_to_the_second()});
        },
        {{}, "paused", name, {}, {}, {}, printable(reason)}, std::move(reply));
}

void Daemon::resume(const std::string& what, Reply reply) {
    if (what.find('=') != std::string::npos) // never in a rule's name, always in a DN
        return resume_copy(what, std::move(reply));
    std::string name;
    if (!what.empty()) {
        // A rule that is paused may be resumed whatever the settings say by now.
        const Pause* const paused = find_pause(service_.host(), what);
        auto known = paused != nullptr ? Result<std::string>(paused->rule) : rule_called(what);
        if (!known)
            return reply(fail(known.error()));
        name = std::move(*known);
    }
    change_state([name](HostState& state) { return scp::resume(state, name); },
                 {{}, "resumed", name, {}, {}, {}, {}}, std::move(reply));
}

void Daemon::approve(const std::string& text, uid_t who, Reply reply) {
    const auto hash = check_plan_hash(text);
    if (!hash)
        return reply(fail(hash.error()));
    change_state(
        [hash = *hash, who](HostState& state) {
            return scp::approve(state, {hash, user_called(who), now_to_the_second()});
        },
        {{}, "approved", {}, {}, {}, {}, *hash}, std::move(reply));
}

/// The file may be locked by somebody else. The watch of it then begins a cycle, as for any change.
void Daemon::change_state(std::function<bool(HostState&)> change, Event event, Reply reply) {
    struct Came {
        HostState after;
        bool changed = false;
    };
    const auto came = std::make_shared<Came>(); // of the errand, then of what follows it
    state_errands_.run(
        [came, change = std::move(change),
         file = StateFile(options_.state_file)](const std::stop_token&) -> Result<void> {
            const auto changed = file.update([&](HostState& state) {
                const bool yes = change(state);
                came->after = state;
                return yes;
            });
            if (!changed)
                return fail(changed.error());
            came->changed = *changed;
            return {};
        },
        [this, came, event = std::move(event),
         reply = std::move(reply)](const Result<void>& result) mutable {
            if (result) {
                service_.paused_and_approved(came->after);
                state_changed();
                event.at = now_to_the_second();
                if (came->changed)
                    tell(event);
            }
            reply(result);
        });
}

void Daemon::resume_copy(const std::string& dn, Reply reply) {
    directory_errands_.run(
        [this, dn, settings = settings_](const std::stop_token& stop) {
            return unpark(dn, *settings, connector_, options_.history_dir, stop);
        },
        [this, reply = std::move(reply)](const Result<void>& result) {
            if (result)
                schedule_.asked(BootClock::now(), "resumed");
            reply(result);
        });
}

void Daemon::load_settings_anew(Reply reply) {
    const auto loaded = reload();
    arm();
    reply(loaded);
}

} // namespace scp
