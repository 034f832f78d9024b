#include "directory/libldap/locate.hpp"

#include "base/text.hpp"
#include "directory/libldap/ping.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

namespace scp {
namespace {

/// A site with more DCs has enough of them.
constexpr std::size_t most_pings = 16;

bool same_host(const SrvRecord& a, const SrvRecord& b) {
    return equal_ascii_nocase(a.target, b.target) && a.port == b.port;
}

/// Those without an answer yet, all at once. Answers about another domain are dropped.
void ping_all(std::vector<PingedServer>& servers, const LocateRequest& wanted, Deadline deadline) {
    std::vector<SrvRecord> silent;
    for (const auto& server : servers)
        if (!server.answer && silent.size() < most_pings)
            silent.push_back(server.record);
    auto answers = ping(silent, wanted.domain, deadline);
    for (std::size_t i = 0; i < silent.size(); ++i)
        if (answers[i] && equal_ascii_nocase(answers[i]->dns_domain, wanted.domain))
            for (auto& server : servers)
                if (same_host(server.record, silent[i]))
                    server.answer = answers[i];
}

std::string site_of_client(const std::vector<PingedServer>& servers) {
    for (const auto& server : servers)
        if (server.answer && !server.answer->client_site.empty())
            return server.answer->client_site;
    return {};
}

/// Marks those that DNS has for the site, and adds those that it has for the site alone: read-only
/// DCs are not among the domain's.
Result<void> mark_site(std::vector<PingedServer>& servers, const std::string& site,
                       const std::string& domain, Deadline deadline) {
    auto records =
        srv_lookup(fmt::format("_ldap._tcp.{}._sites.dc._msdcs.{}", site, domain), deadline, {});
    if (!records)
        return fail(records.error());
    for (const auto& record : *records) {
        const auto known = std::ranges::find_if(
            servers, [&](const PingedServer& one) { return same_host(one.record, record); });
        if (known != servers.end())
            known->in_site = true;
        else
            servers.push_back({record, true, std::nullopt});
    }
    return {};
}

Result<std::vector<PingedServer>> domain_controllers(const LocateRequest& wanted,
                                                     Deadline deadline) {
    auto records = srv_lookup("_ldap._tcp.dc._msdcs." + wanted.domain, deadline, {});
    if (!records)
        return fail(records.error());
    std::vector<PingedServer> servers;
    for (auto& record : *records)
        servers.push_back({std::move(record), false, std::nullopt});
    const Deadline pings(wanted.timeout / 5);
    std::string site = wanted.site.name;
    if (wanted.site.mode == SiteSettings::Mode::automatic) {
        ping_all(servers, wanted, pings);
        site = site_of_client(servers);
    }
    if (!site.empty())
        if (auto marked = mark_site(servers, site, wanted.domain, deadline); !marked)
            return fail(marked.error());
    ping_all(servers, wanted, pings);
    return servers;
}

} // namespace

std::vector<LocatedServer> rank_servers(std::vector<PingedServer> pinged,
                                        const LocateRequest& wanted) {
    const bool any =
        std::ranges::any_of(pinged, [](const auto& one) { return one.answer.has_value(); });
    const auto silent = [&](const PingedServer& one) { return any && !one.answer; };
    const auto rank = [](const PingedServer& one) {
        return std::tuple(one.answer && !one.answer->writable, !one.in_site, one.record.priority);
    };
    std::set<std::tuple<bool, bool, std::uint16_t>> tiers;
    for (const auto& one : pinged)
        tiers.insert(rank(one));
    std::ranges::sort(pinged, [&](const PingedServer& a, const PingedServer& b) {
        const auto key = [&](const auto& one) { return std::pair(silent(one), rank(one)); };
        return key(a) != key(b) ? key(a) < key(b) : comes_first(a.record, b.record);
    });
    std::vector<LocatedServer> servers;
    for (const auto& one : pinged) {
        // SRV tells the port of plain LDAP; LDAPS has no record of its own.
        const bool tls = wanted.scheme == ServerUri::Scheme::ldaps;
        LocatedServer server;
        server.uri = {wanted.scheme, one.record.target, tls ? std::uint16_t{636} : one.record.port};
        server.tier = static_cast<int>(std::distance(tiers.begin(), tiers.find(rank(one))));
        server.silent = silent(one);
        if (one.answer) {
            server.writable = one.answer->writable;
            server.site = one.answer->dc_site;
        }
        if (ServerUri::parse(server.uri.to_string())) // DNS is trusted with no more than host names
            servers.push_back(std::move(server));
    }
    return servers;
}

Result<std::vector<LocatedServer>> locate_servers(const LocateRequest& wanted) {
    const Deadline deadline(wanted.timeout);
    auto found = domain_controllers(wanted, deadline);
    if (!found)
        return fail(found.error());
    if (found->empty()) { // a domain of other servers may have the plain name only (RFC 2782)
        auto records = srv_lookup("_ldap._tcp." + wanted.domain, deadline, {});
        if (!records)
            return fail(records.error());
        for (auto& record : *records)
            found->push_back({std::move(record), false, std::nullopt});
    }
    auto servers = rank_servers(std::move(*found), wanted);
    if (servers.empty())
        return fail(ErrorKind::unreachable,
                    fmt::format("DNS has no servers for {0}: neither SRV _ldap._tcp.dc._msdcs.{0} "
                                "nor _ldap._tcp.{0}",
                                printable(wanted.domain)),
                    "Name them in servers, or ask the forest's own DNS servers.");
    return servers;
}

} // namespace scp
