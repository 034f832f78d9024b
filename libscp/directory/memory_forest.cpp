#include "base/text.hpp"
#include "directory/memory_session.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace scp {

std::shared_ptr<MemoryPartition> MemoryForest::add_partition(const Dn& nc, Flavour flavour) {
    auto partition = std::make_shared<MemoryPartition>(*this, nc, flavour);
    partition->put(nc, {{"objectClass", {nc.domain_name().empty() ? "container" : "domainDNS"}}});
    return partition;
}

MemoryServer& MemoryForest::add_server(const std::string& domain, Flavour flavour,
                                       std::vector<std::shared_ptr<MemoryPartition>> shared,
                                       const std::string& host) {
    const std::lock_guard lock(mutex_);
    auto server = std::make_unique<MemoryServer>();
    server->uri = {ServerUri::Scheme::ldap, host.empty() ? "dc1." + domain : host, 389};
    server->domain = lower_ascii(domain);
    server->flavour = flavour;
    const Dn nc = Dn::of_domain(domain);
    auto own = add_partition(nc, flavour);
    own->put(nc.child("CN", "System"), {{"objectClass", {"container"}}});
    own->put(nc.child("CN", "Users"), {{"objectClass", {"container"}}});
    server->partitions.push_back(std::move(own));
    for (auto& partition : shared) {
        server->partitions.push_back(std::move(partition));
    }
    servers_.push_back(std::move(server));
    return *servers_.back();
}

MemoryServer* MemoryForest::server(const std::string& host) {
    const std::lock_guard lock(mutex_);
    const auto at = std::ranges::find_if(
        servers_, [&](const auto& one) { return equal_ascii_nocase(one->uri.host, host); });
    return at == servers_.end() ? nullptr : at->get();
}

void MemoryForest::add_cross_refs(MemoryPartition& configuration, const Dn& root_domain) {
    const std::lock_guard lock(mutex_);
    const Dn partitions = configuration.nc().child("CN", "Partitions");
    configuration.put(partitions, {{"objectClass", {"crossRefContainer"}}});
    for (const auto& server : servers_) {
        const Dn& nc = server->default_partition().nc();
        const std::string netbios = nc.rdn_value();
        Attributes a{{"objectClass", {"crossRef"}},
                     {"nCName", {nc.text()}},
                     {"dnsRoot", {nc.domain_name()}},
                     {"nETBIOSName", {netbios}},
                     {"systemFlags", {"3"}}};
        if (!(nc == root_domain) && nc.is_within(root_domain)) {
            a["trustParent"] = {partitions.child("CN", nc.parent().rdn_value()).text()};
        }
        configuration.put(partitions.child("CN", netbios), std::move(a));
    }
}

void MemoryForest::kill_at(std::size_t n, WriteFate how) {
    const std::size_t last = write_count_ + n;
    before_write = [last, how](MemoryServer&, const Write&, std::size_t ordinal) {
        return ordinal == last ? how : WriteFate::proceed;
    };
}

Guid MemoryForest::next_guid() {
    return *Guid::parse(fmt::format("{:08x}-0000-4000-8000-{:012x}", seed_, ++guids_));
}

const Dn& MemoryForest::parsed(const std::string& text) {
    const auto [at, is_new] = parsed_.try_emplace(text);
    if (is_new) {
        at->second = Dn::parse(text).value_or(Dn{});
    }
    return at->second;
}

Result<std::unique_ptr<Directory>> MemoryForest::connect(const Endpoint& endpoint,
                                                         std::stop_token stop) {
    const std::lock_guard lock(mutex_);
    const std::string name = endpoint.uri.to_string();
    if (stop.stop_requested()) {
        return fail(ErrorKind::interrupted, "connecting to " + name + " was interrupted");
    }
    MemoryServer* found = server(endpoint.uri.host);
    if (found == nullptr) {
        return fail(ErrorKind::unreachable, "cannot connect to " + name + ": DNS: no such host");
    }
    ++found->connects;
    if (found->unreachable) {
        return fail(ErrorKind::unreachable, "cannot connect to " + name + ": no answer in time");
    }
    if (found->refuse) {
        return fail(*found->refuse);
    }
    return std::make_unique<MemorySession>(*this, *found, std::move(stop));
}

Result<std::vector<LocatedServer>> MemoryForest::locate(const LocateRequest& wanted) {
    const std::lock_guard lock(mutex_);
    const bool tls = wanted.scheme == ServerUri::Scheme::ldaps;
    std::vector<LocatedServer> found;
    for (const auto& server : servers_) {
        if (!server->domain.empty() && equal_ascii_nocase(server->domain, wanted.domain)) {
            found.push_back(
                {{wanted.scheme, server->uri.host, static_cast<std::uint16_t>(tls ? 636 : 389)},
                 server->tier,
                 !server->read_only,
                 server->site});
        }
    }
    std::ranges::stable_sort(found, {}, &LocatedServer::tier);
    if (found.empty()) {
        return fail(ErrorKind::unreachable, "DNS has no servers for " + printable(wanted.domain));
    }
    return found;
}

} // namespace scp
