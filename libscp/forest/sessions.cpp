#include "forest/sessions_impl.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace scp {

std::size_t Sessions::Impl::workers() const {
    return static_cast<std::size_t>(std::max(1, settings.daemon.workers));
}

const ForestSettings& Sessions::Impl::forest_settings(const std::string& name) const {
    return *std::ranges::find(settings.forests, name, &ForestSettings::name);
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

/// A session of its own, as another thread may read the domain meanwhile; with the root's server,
/// whose replica of the Configuration NC is as new as its domain. Opened only where it is asked
/// for.
void Sessions::Impl::open_configuration(const DomainKey& key) {
    const auto& [forest, name] = key;
    std::unique_lock guard(lock);
    const auto root = domains.find({forest, name.dns()});
    if (domains.contains(key) || root == domains.end())
        return;
    DomainState state;
    state.uri = root->second.uri;
    state.pdc_role = root->second.pdc_role;
    state.error = root->second.error;
    const bool readable = root->second.reader != nullptr;
    const auto taken_down = down.find(key);
    guard.unlock();
    if (taken_down != down.end()) {
        state.error = taken_down->second;
    } else if (readable) {
        auto session =
            connector.connect(endpoint_of(forest_settings(forest), name, state.uri), stop);
        if (session)
            state.reader = std::move(*session);
        else
            state.error = session.error();
    }
    guard.lock();
    domains.emplace(key, std::move(state));
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
    auto session = connector.connect(endpoint_of(forest, domain_name, uri), stop);
    if (!session)
        return fail(session.error());
    state.pdc = std::move(*session);
    return state.pdc.get();
}

Sessions::Sessions(const Settings& settings, Connector& connector, std::stop_token stop,
                   ServerMemory* memory)
    : impl_(std::make_unique<Impl>(settings, connector, std::move(stop), memory)) {}

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
        const Domain* domain;
        Server* server;
    };
    std::vector<Open> open;
    for (auto& forest : topology.forests)
        for (auto& domain : forest.domains)
            for (auto& server : domain.servers)
                if (!server.reachable && !server.error)
                    open.push_back({&impl_->forest_settings(forest.name), &domain, &server});
    run_parallel(open.size(), impl_->workers(), [&](std::size_t i) {
        const auto& [forest, domain, server] = open[i];
        Candidate one;
        one.domain = domain->name;
        one.at = {server->uri, 0, server->writable, server->site, false};
        try_candidate(one, *forest, impl_->connector, impl_->memory, impl_->stop);
        *server = describe(one.at, one.session.get(), impl_->dcs.at(forest->name), domain->nc);
        server->error = one.error;
    });
    for (auto& forest : topology.forests)
        impl_->read_trusts_of(forest);
}

Result<Directory*> Sessions::reader(const std::string& forest, const DomainName& domain) {
    if (domain.is_configuration())
        impl_->open_configuration({forest, domain});
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
    if (const auto found = impl_->no_catalogs.find(forest); found != impl_->no_catalogs.end())
        return fail(found->second);
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
    const auto began = std::chrono::steady_clock::now();
    for (const auto& uri : servers) {
        if (auto why = impl_->memory.resting(uri)) {
            last = std::move(*why);
            continue;
        }
        auto session =
            impl_->connector.connect(endpoint_of(settings, settings.domain, uri), impl_->stop);
        if (session) {
            guard.lock();
            return (impl_->catalogs[forest] = std::move(*session)).get();
        }
        last = session.error();
        impl_->memory.failed(uri, last);
        // Catalogs are a help, not a need: a firewall that swallows their port costs one time-out.
        if (std::chrono::steady_clock::now() - began >= settings.timeouts.connect)
            break;
    }
    guard.lock();
    impl_->no_catalogs.insert_or_assign(forest, last);
    return fail(std::move(last));
}

Result<Endpoint> Sessions::endpoint(const std::string& forest, const DomainName& domain) {
    auto readable = reader(forest, domain);
    if (!readable)
        return fail(readable.error());
    const std::scoped_lock guard(impl_->lock);
    return endpoint_of(impl_->forest_settings(forest), domain,
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
