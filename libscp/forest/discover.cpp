#include "base/text.hpp"
#include "forest/replication_lag.hpp"
#include "forest/sessions_impl.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

// RootDSE → crossRefs → domains → one server each that all reads go to.

namespace scp {
namespace {

/// A replica that has heard of no other DC for so long is left for one that has. Sites may
/// replicate every three hours only, which is Windows' default.
constexpr std::chrono::hours lags_after{6};

std::optional<std::chrono::seconds> read_lag(Directory& server, const Dn& nc) {
    if (!server.root_dse().current_time)
        return std::nullopt;
    Search search;
    search.base.dn = nc;
    search.scope = Scope::base;
    search.attributes = {"repsFrom"};
    const Found found = server.search(search);
    if (found.entries.empty())
        return std::nullopt;
    return replication_lag(values_of(found.entries.front().attributes, "repsFrom"),
                           *server.root_dse().current_time);
}

/// Empty where nothing is against reading from it; else why another one would be better.
std::string weakness(const Server& server) {
    if (!server.writable)
        return "it is a read-only domain controller";
    if (server.lag && *server.lag > lags_after)
        return fmt::format("no other domain controller has sent it changes for {} s",
                           server.lag->count());
    return {};
}

const DomainOverride* own_servers(const ForestSettings& forest, const DomainName& domain) {
    const auto found = forest.domains.find(domain);
    return found == forest.domains.end() || found->second.servers.empty() ? nullptr
                                                                          : &found->second;
}

} // namespace

Server describe(const LocatedServer& at, Directory* session, const KnownDcs& dcs, const Dn& nc) {
    Server server;
    server.uri = at.uri;
    server.site = at.site;
    server.writable = at.writable;
    server.reachable = session != nullptr;
    auto known = dcs.end();
    if (session != nullptr) {
        server.dns_name = session->root_dse().dns_host_name;
        known = dcs.find(Dn::parse(session->root_dse().ds_service_name).value_or(Dn()).key());
    } else {
        known = std::ranges::find_if(dcs, [&](const auto& dc) {
            return equal_ascii_nocase(dc.second.dns_name, at.uri.host);
        });
    }
    if (known == dcs.end())
        return server;
    server.site = known->second.site;
    server.gc = known->second.gc;
    server.writable = known->second.writable;
    if (session != nullptr)
        server.lag = read_lag(*session, nc);
    return server;
}

Forest Sessions::Impl::discover_forest(const ForestSettings& settings_of) {
    Forest forest;
    forest.name = settings_of.name;
    forest.root = settings_of.domain;
    auto candidates = candidate_servers(settings_of, down, connector);
    if (!candidates) {
        forest.error = candidates.error();
        return forest;
    }
    learn(forest, *candidates, settings_of);
    run_parallel(forest.domains.size(), workers(), [&](std::size_t i) {
        open_domain(settings_of, forest.root, forest.domains[i], *candidates);
        find_pdc(forest, forest.domains[i]);
    });
    for (const auto& domain : forest.domains)
        if (domain.name == forest.root) {
            forest.configuration = domain;
            forest.configuration->name = DomainName::configuration_of(domain.name);
            forest.configuration->nc = forest.configuration_nc;
        }
    return forest;
}

/// At once, as only they can say which domain they serve; those that rest are left for later.
void Sessions::Impl::try_named(Candidates& candidates, const ForestSettings& forest) {
    run_parallel(candidates.size(), workers(), [&](std::size_t i) {
        if (candidates[i].named && !memory.resting(candidates[i].at.uri))
            try_candidate(candidates[i], forest, connector, memory, stop);
    });
}

/// Asks one after the other what the forest consists of, until one tells.
void Sessions::Impl::learn(Forest& forest, Candidates& candidates,
                           const ForestSettings& settings_of) {
    try_named(candidates, settings_of);
    auto order = order_of_trying({forest.name, forest.root}, candidates, memory);
    std::stable_partition(order.begin(), order.end(),
                          [&](std::size_t i) { return candidates[i].tried(); });
    for (const auto i : order) {
        try_candidate(candidates[i], settings_of, connector, memory, stop);
        if (!candidates[i].session)
            continue;
        auto read = read_partitions(settings_of.name, *candidates[i].session);
        if (!read) {
            forest.error = read.error();
            continue;
        }
        forest = std::move(*read);
        forest.active_directory = candidates[i].session->takes_guid_names();
        auto known = read_dcs(forest.configuration_nc, *candidates[i].session);
        const std::scoped_lock guard(lock);
        dcs[forest.name] = std::move(known);
        return;
    }
    if (!forest.error)
        forest.error = candidates.empty() ? Error{ErrorKind::unreachable,
                                                  "no server is known of the forest", "", 0}
                                          : *candidates.front().error;
}

/// Those of the settings, else those that DNS has; taken out of `known` where they are there.
Candidates Sessions::Impl::candidates_of(const Domain& domain, const DomainName& root,
                                         const ForestSettings& settings_of, Candidates& known,
                                         std::optional<Error>& error) {
    const auto* const own = own_servers(settings_of, domain.name);
    const auto belongs = [&](const Candidate& one) {
        if (own != nullptr && (one.domain != domain.name ||
                               std::ranges::find(own->servers, one.at.uri) == own->servers.end()))
            return false;
        if (one.session)
            return one.session->root_dse().default_naming_context == domain.nc;
        // What does not answer cannot say whom it serves. The first server of the settings takes
        // creates and deletes where there is no PDC emulator: it must not be forgotten when it is
        // down.
        return own != nullptr || (one.domain.empty() ? root : one.domain) == domain.name;
    };
    Candidates out;
    std::unique_lock guard(lock); // `known` belongs to all domains of the forest
    const auto others = std::stable_partition(known.begin(), known.end(), std::not_fn(belongs));
    std::move(others, known.end(), std::back_inserter(out));
    known.erase(others, known.end());
    guard.unlock();
    const bool all_failed =
        std::ranges::all_of(out, [](const Candidate& one) { return one.error.has_value(); });
    if (own != nullptr || !all_failed)
        return out;
    auto located = located_servers(settings_of, domain.name, connector);
    if (!located)
        error = out.empty() ? located.error() : *out.front().error;
    else
        for (auto& one : *located)
            if (std::ranges::none_of(
                    out, [&](const Candidate& other) { return other.at.uri == one.at.uri; }))
                out.push_back(std::move(one));
    return out;
}

void Sessions::Impl::open_domain(const ForestSettings& forest, const DomainName& root,
                                 Domain& domain, Candidates& known) {
    const DomainKey key{forest.name, domain.name};
    DomainState state;
    if (const auto taken_down = down.find(key); taken_down != down.end()) {
        state.error = taken_down->second;
    } else {
        auto candidates = candidates_of(domain, root, forest, known, state.error);
        choose_reader(domain, std::move(candidates), forest, state);
    }
    if (!state.reader && !state.error && own_servers(forest, domain.name) != nullptr)
        state.error =
            Error{ErrorKind::unreachable,
                  fmt::format("none of the servers named for {} serves it", domain.name.text()),
                  "correct forests[].domains in the settings", 0};
    if (state.reader) {
        state.error.reset();
        domain.server = state.uri.to_string();
        memory.serves(key, state.uri);
    }
    domain.error = state.error;
    const std::scoped_lock guard(lock);
    domains[key] = std::move(state);
}

/// The first that answers, unless a later one is better to read from. All are listed, in the order
/// given; what was not needed is not tried.
void Sessions::Impl::choose_reader(Domain& domain, Candidates candidates,
                                   const ForestSettings& forest, DomainState& state) {
    std::unique_lock guard(lock);
    const KnownDcs known = dcs[forest.name];
    guard.unlock();
    std::vector<Server> listed(candidates.size());
    std::optional<std::size_t> chosen;
    bool is_weak = false;
    for (const auto i : order_of_trying({forest.name, domain.name}, candidates, memory)) {
        auto& one = candidates[i];
        if (!chosen || is_weak)
            try_candidate(one, forest, connector, memory, stop);
        if (one.session && one.session->root_dse().default_naming_context != domain.nc) {
            one.error = Error{
                ErrorKind::unreachable,
                fmt::format("{} does not serve {}", one.at.uri.to_string(), domain.name.text()),
                "correct the SRV records of the domain", 0};
            one.session.reset();
        }
        listed[i] = describe(one.at, one.session.get(), known, domain.nc);
        listed[i].error = one.error;
        if (one.error && !state.error)
            state.error = one.error;
        if (!one.session || (chosen && !is_weak))
            continue;
        const std::string why = weakness(listed[i]);
        if (!why.empty())
            memory.failed(one.at.uri, Error{ErrorKind::unreachable, why, "", 0});
        if (!chosen || why.empty()) {
            chosen = i;
            is_weak = !why.empty();
        }
    }
    if (chosen) {
        state.reader = std::move(candidates[*chosen].session);
        state.uri = candidates[*chosen].at.uri;
    }
    std::ranges::move(listed, std::back_inserter(domain.servers));
}

void Sessions::Impl::find_pdc(const Forest& forest, Domain& domain) {
    std::unique_lock guard(lock);
    auto& state = domains.at({forest.name, domain.name});
    const KnownDcs known = dcs[forest.name];
    guard.unlock();
    if (!state.reader)
        return;
    state.pdc_role = read_pdc_role(domain.nc, *state.reader);
    if (!state.pdc_role)
        return;
    for (auto& server : domain.servers)
        if (const auto holder = known.find(state.pdc_role->key()); holder != known.end())
            server.pdc = server.reachable && !server.dns_name.empty() &&
                         DomainName(server.dns_name) == DomainName(holder->second.dns_name);
        else
            server.pdc = state.pdc_role->empty() && &server == &domain.servers.front();
}

} // namespace scp
