#include "forest/sessions.hpp"

#include "forest/candidates.hpp"
#include "forest/partitions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <set>

namespace scp {
namespace {

using SessionPtr = std::unique_ptr<Directory>;

/// One server that was tried.
struct Attempt {
    DomainName domain; ///< whose log-in it took; empty: any
    ServerUri uri;
    SessionPtr session;
    std::optional<Error> error;
};

Server describe(const ServerUri& uri, const Directory* session, const KnownDcs& dcs) {
    Server server;
    server.uri = uri;
    if (session == nullptr)
        return server;
    const RootDse& root = session->root_dse();
    server.reachable = true;
    server.dns_name = root.dns_host_name;
    const Dn dsa = Dn::parse(root.ds_service_name).value_or(Dn());
    if (const auto known = dcs.find(dsa.key()); known != dcs.end()) {
        server.site = known->second.site;
        server.gc = known->second.gc;
    }
    return server;
}

} // namespace

struct Sessions::Impl {
    Impl(const Settings& with, Connector& by, std::stop_token token)
        : settings(with), connector(by), stop(std::move(token)) {}

    /// What is known of one domain's servers.
    struct DomainState {
        ServerUri uri; ///< of reader
        SessionPtr reader;
        Result<Dn> pdc_role = Dn(); ///< DN of the holder's NTDS Settings
        SessionPtr pdc;             ///< empty where the reader is the PDC emulator
        std::optional<Error> error;
    };

    const Settings& settings;
    Connector& connector;
    std::stop_token stop;
    std::mutex lock; ///< guards the maps, not the sessions in them
    std::map<DomainKey, DomainState> domains;
    std::map<DomainKey, Error> down;
    std::map<std::string, SessionPtr> catalogs;
    std::map<std::string, KnownDcs> dcs; ///< by forest
    Topology topology;

    [[nodiscard]] std::size_t workers() const {
        return static_cast<std::size_t>(std::max(1, settings.daemon.workers));
    }

    [[nodiscard]] const ForestSettings& forest_settings(const std::string& name) const {
        return *std::find_if(settings.forests.begin(), settings.forests.end(),
                             [&](const ForestSettings& forest) { return forest.name == name; });
    }

    [[nodiscard]] static Endpoint endpoint(const ForestSettings& forest, const DomainName& domain,
                                           ServerUri uri) {
        Endpoint out{std::move(uri), forest.tls, forest.auth, forest.timeouts};
        if (const auto found = forest.domains.find(domain); found != forest.domains.end()) {
            out.tls = found->second.tls.value_or(out.tls);
            out.auth = found->second.auth.value_or(out.auth);
        }
        return out;
    }

    /// Tries them all at once. The answers are in the order given.
    std::vector<Attempt> try_all(const ForestSettings& forest,
                                 const std::vector<Candidate>& servers) {
        std::vector<Attempt> attempts(servers.size());
        run_parallel(servers.size(), workers(), [&](std::size_t i) {
            attempts[i].domain = servers[i].first;
            attempts[i].uri = servers[i].second;
            auto session =
                connector.connect(endpoint(forest, servers[i].first, servers[i].second), stop);
            if (session)
                attempts[i].session = std::move(*session);
            else
                attempts[i].error = session.error();
        });
        return attempts;
    }

    Forest discover_forest(const ForestSettings& settings_of);
    void open_domain(const ForestSettings& forest, const DomainName& root, Domain& domain,
                     std::vector<Attempt>& attempts);
    void find_pdc(const Forest& forest, Domain& domain);
    void read_trusts_of(Forest& forest);
    Result<Directory*> open_pdc(const DomainKey& key, DomainState& state);
};

Forest Sessions::Impl::discover_forest(const ForestSettings& forest_settings) {
    Forest forest;
    forest.name = forest_settings.name;
    forest.root = forest_settings.domain;
    const auto servers = candidate_servers(forest_settings, down, connector);
    if (!servers) {
        forest.error = servers.error();
        return forest;
    }
    auto attempts = try_all(forest_settings, *servers);
    for (auto& attempt : attempts) {
        if (!attempt.session)
            continue;
        auto read = read_partitions(forest_settings.name, *attempt.session);
        if (!read) {
            forest.error = read.error();
            continue;
        }
        forest = std::move(*read);
        forest.active_directory = attempt.session->takes_guid_names();
        auto known = read_dcs(forest.configuration_nc, *attempt.session);
        const std::scoped_lock guard(lock);
        dcs[forest.name] = std::move(known);
        break;
    }
    if (forest.domains.empty() && !forest.error)
        forest.error = attempts.empty() ? Error{ErrorKind::unreachable,
                                                "no server is known of the forest", "", 0}
                                        : *attempts.front().error;
    if (forest.domains.empty())
        return forest;

    run_parallel(forest.domains.size(), workers(), [&](std::size_t i) {
        open_domain(forest_settings, forest.root, forest.domains[i], attempts);
        find_pdc(forest, forest.domains[i]);
    });
    return forest;
}

/// Takes the first session that serves the domain: of those open already, else of DNS.
void Sessions::Impl::open_domain(const ForestSettings& forest, const DomainName& root,
                                 Domain& domain, std::vector<Attempt>& attempts) {
    const DomainKey key{forest.name, domain.name};
    DomainState state;
    const auto* own = [&]() -> const DomainOverride* {
        const auto found = forest.domains.find(domain.name);
        return found == forest.domains.end() || found->second.servers.empty() ? nullptr
                                                                              : &found->second;
    }();
    const auto serves = [&](const Attempt& attempt) {
        if (own != nullptr && (attempt.domain != domain.name ||
                               std::ranges::find(own->servers, attempt.uri) == own->servers.end()))
            return false;
        if (attempt.session)
            return attempt.session->root_dse().default_naming_context == domain.nc;
        // What does not answer cannot say whom it serves. The first server of the settings takes
        // creates and deletes where there is no PDC emulator: it must not be forgotten when it is
        // down.
        const DomainName& home = attempt.domain.empty() ? root : attempt.domain;
        return own != nullptr || home == domain.name;
    };
    const auto consider = [&](Attempt& attempt, const KnownDcs& known) {
        domain.servers.push_back(describe(attempt.uri, attempt.session.get(), known));
        if (attempt.error) {
            domain.servers.back().error = attempt.error;
            if (!state.reader)
                state.error = attempt.error;
        } else if (!state.reader) {
            state.reader = std::move(attempt.session);
            state.uri = attempt.uri;
        }
    };

    std::unique_lock guard(lock); // `attempts` belongs to all domains of the forest
    const KnownDcs known = dcs[forest.name];
    const auto taken_down = down.find(key);
    if (taken_down != down.end())
        state.error = taken_down->second;
    else
        for (auto& attempt : attempts)
            if (serves(attempt))
                consider(attempt, known);
    guard.unlock();

    if (!state.reader && own == nullptr && taken_down == down.end()) {
        auto located =
            connector.locate(domain.name.text(), scheme_for(forest.tls), forest.timeouts.connect);
        const auto tried = [&](const ServerUri& uri) {
            return std::ranges::any_of(domain.servers,
                                       [&](const Server& server) { return server.uri == uri; });
        };
        if (!located)
            state.error = state.error.value_or(located.error());
        else
            for (const auto& uri : *located) {
                if (tried(uri))
                    continue;
                if (state.reader) {
                    domain.servers.push_back(describe(uri, nullptr, known));
                    continue;
                }
                auto one = try_all(forest, {{domain.name, uri}});
                if (one.front().session &&
                    one.front().session->root_dse().default_naming_context != domain.nc) {
                    one.front().error = Error{
                        ErrorKind::unreachable,
                        fmt::format("{} does not serve {}", uri.to_string(), domain.name.text()),
                        "correct the SRV records of the domain", 0};
                    one.front().session.reset();
                }
                consider(one.front(), known);
            }
    }
    if (!state.reader && own != nullptr && !state.error)
        state.error =
            Error{ErrorKind::unreachable,
                  fmt::format("none of the servers named for {} serves it", domain.name.text()),
                  "correct forests[].domains in the settings", 0};
    if (state.reader) {
        state.error.reset();
        domain.server = state.uri.to_string();
    }
    domain.error = state.error;
    guard.lock();
    domains[key] = std::move(state);
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

void Sessions::Impl::read_trusts_of(Forest& forest) {
    std::vector<std::vector<Trust>> trusts(forest.domains.size());
    run_parallel(trusts.size(), workers(), [&](std::size_t i) {
        const auto state = domains.find({forest.name, forest.domains[i].name});
        if (state != domains.end() && state->second.reader)
            trusts[i] = read_trusts(forest.domains[i].nc, *state->second.reader);
    });
    for (auto& of_domain : trusts)
        std::ranges::move(of_domain, std::back_inserter(forest.trusts));
}

Result<Directory*> Sessions::Impl::open_pdc(const DomainKey& key, DomainState& state) {
    const auto& [forest_name, domain_name] = key;
    const ForestSettings& forest = forest_settings(forest_name);
    ServerUri uri = state.uri;
    if (state.pdc_role
            ->empty()) { // not AD: the first server of the settings takes creates and deletes
        const Domain* const domain = topology.find(forest_name, domain_name);
        if (domain == nullptr || domain->servers.empty() ||
            domain->servers.front().uri == state.uri)
            return state.reader.get();
        uri = domain->servers.front().uri;
    } else {
        const Dn own = Dn::parse(state.reader->root_dse().ds_service_name).value_or(Dn());
        if (own == *state.pdc_role)
            return state.reader.get();
        const auto holder = dcs[forest_name].find(state.pdc_role->key());
        if (holder == dcs[forest_name].end())
            return fail(
                ErrorKind::unreachable,
                fmt::format("the PDC emulator of {} has no dNSHostName", domain_name.text()),
                "check fSMORoleOwner of the domain and the server object that it names");
        uri.host = holder->second.dns_name;
    }
    auto session = connector.connect(endpoint(forest, domain_name, uri), stop);
    if (!session)
        return fail(session.error());
    state.pdc = std::move(*session);
    return state.pdc.get();
}

Sessions::Sessions(const Settings& settings, Connector& connector, std::stop_token stop)
    : impl_(std::make_unique<Impl>(settings, connector, std::move(stop))) {}

Sessions::~Sessions() = default;

const Settings& Sessions::settings() const {
    return impl_->settings;
}

std::stop_token Sessions::stop() const {
    return impl_->stop;
}

Topology Sessions::discover() {
    std::vector<Forest> forests(impl_->settings.forests.size());
    run_parallel(forests.size(), impl_->workers(), [&](std::size_t i) {
        forests[i] = impl_->discover_forest(impl_->settings.forests[i]);
    });
    impl_->topology.forests = std::move(forests);
    return impl_->topology;
}

void Sessions::probe(Topology& topology) {
    struct Open {
        const ForestSettings* forest;
        DomainName domain;
        Server* server;
    };
    std::vector<Open> open;
    for (auto& forest : topology.forests)
        for (auto& domain : forest.domains)
            for (auto& server : domain.servers)
                if (!server.reachable && !server.error)
                    open.push_back({&impl_->forest_settings(forest.name), domain.name, &server});
    run_parallel(open.size(), impl_->workers(), [&](std::size_t i) {
        auto attempt = impl_->try_all(*open[i].forest, {{open[i].domain, open[i].server->uri}});
        *open[i].server = describe(open[i].server->uri, attempt.front().session.get(),
                                   impl_->dcs.at(open[i].forest->name));
        open[i].server->error = attempt.front().error;
    });
    for (auto& forest : topology.forests)
        impl_->read_trusts_of(forest);
}

Result<Directory*> Sessions::reader(const std::string& forest, const DomainName& domain) {
    const std::scoped_lock guard(impl_->lock);
    const auto found = impl_->domains.find({forest, domain});
    if (found == impl_->domains.end())
        return fail(ErrorKind::not_found,
                    fmt::format("the domain {} is in none of the forests", domain.text()));
    if (!found->second.reader)
        return fail(found->second.error.value_or(
            Error{ErrorKind::unreachable, "no server answers", "", 0}));
    return found->second.reader.get();
}

Result<Directory*> Sessions::writer(const std::string& forest, const DomainName& domain) {
    auto readable = reader(forest, domain);
    if (!readable)
        return readable;
    std::unique_lock guard(impl_->lock);
    auto& state = impl_->domains.at({forest, domain});
    guard.unlock(); // one domain is used by one thread at a time
    if (!state.pdc_role)
        return fail(state.pdc_role.error());
    return state.pdc ? Result<Directory*>(state.pdc.get())
                     : impl_->open_pdc({forest, domain}, state);
}

Result<Directory*> Sessions::global_catalog(const std::string& forest) {
    const ForestSettings& settings = impl_->forest_settings(forest);
    std::unique_lock guard(impl_->lock);
    if (const auto found = impl_->catalogs.find(forest); found != impl_->catalogs.end())
        return found->second.get();
    guard.unlock(); // connecting takes time; one forest is asked by one thread at a time
    std::vector<ServerUri> servers = settings.global_catalog.servers;
    if (settings.global_catalog.mode == GlobalCatalogSettings::Mode::automatic)
        for (const auto& known : impl_->topology.forests)
            for (const auto& domain : known.domains)
                for (const auto& server : domain.servers)
                    if (known.name == forest && server.gc &&
                        server.uri.scheme != ServerUri::Scheme::ldapi) {
                        servers.push_back(server.uri);
                        servers.back().port =
                            server.uri.scheme == ServerUri::Scheme::ldaps ? 3269 : 3268;
                    }
    Error last{ErrorKind::not_found, fmt::format("no global catalog of {} is known", forest),
               "name one: forests[].global_catalog", 0};
    for (const auto& uri : servers) {
        auto session =
            impl_->connector.connect(Impl::endpoint(settings, settings.domain, uri), impl_->stop);
        if (session) {
            guard.lock();
            return (impl_->catalogs[forest] = std::move(*session)).get();
        }
        last = session.error();
    }
    return fail(std::move(last));
}

Result<Endpoint> Sessions::endpoint(const std::string& forest, const DomainName& domain) {
    auto readable = reader(forest, domain);
    if (!readable)
        return fail(readable.error());
    const std::scoped_lock guard(impl_->lock);
    return Impl::endpoint(impl_->forest_settings(forest), domain,
                          impl_->domains.at({forest, domain}).uri);
}

Result<std::unique_ptr<Directory>> Sessions::separate_as(const std::string& forest,
                                                         const DomainName& domain,
                                                         const AuthSettings& auth) {
    auto where = endpoint(forest, domain);
    if (!where)
        return fail(where.error());
    where->auth = auth;
    return impl_->connector.connect(*where, impl_->stop);
}

void Sessions::take_as_down(const std::string& forest, const DomainName& domain, Error why) {
    impl_->down.insert_or_assign({forest, domain}, std::move(why));
}

} // namespace scp
