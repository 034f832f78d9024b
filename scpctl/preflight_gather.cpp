#include "scpctl/preflight_gather.hpp"

#include "base/text.hpp"
#include "observe/security_descriptor.hpp"
#include "plan/rule_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace scp {

namespace {

std::string login_text(const AuthSettings& auth) {
    using Mechanism = AuthSettings::Mechanism;
    switch (auth.mechanism) {
    case Mechanism::gssapi:
    case Mechanism::gss_spnego:
        return "by Kerberos" + (auth.principal.empty() ? "" : " as " + printable(auth.principal));
    case Mechanism::external:
        return "by a client certificate or the socket's user";
    case Mechanism::simple:
        return "by password as " + printable(auth.bind_dn);
    case Mechanism::anonymous:
        break;
    }
    return "without a name";
}

/// The containers that the rules write to in a domain, each with its rules.
std::map<Dn, ContainerRights> containers_in(const DomainRef& domain, const Dn& nc,
                                            const std::vector<RuleView>& views,
                                            const Observation& observation) {
    std::map<Dn, ContainerRights> found;
    const auto add = [&](const Dn& container, const Rule& rule) {
        ContainerRights& rights = found[container];
        rights.container = container;
        rights.rules.push_back(rule.name);
        rights.deletes = rights.deletes || rule.mode == Mode::sync;
    };
    for (const RuleView& view : views) {
        if (!view.selected || !view.targets.contains(domain) || view.rule->mode == Mode::observe)
            continue;
        if (view.rule->container.kind != TargetContainer::Kind::same) {
            add(nc.descendant(view.rule->container.relative), *view.rule);
            continue;
        }
        for (const PlaceView& place : observation.places)
            if (place.place.forest == domain.forest && place.place.domain == domain.domain)
                add(place.place.dn.parent(), *view.rule);
    }
    return found;
}

Found look_at(Directory& server, const Dn& dn, std::vector<std::string> attributes,
              bool security = false) {
    Search search;
    search.base.dn = dn;
    search.scope = Scope::base;
    search.attributes = std::move(attributes);
    search.security = security;
    return server.search(search);
}

/// The DC tells: it constructs these for the account that asks.
void read_rights(ContainerRights& rights, const Dn& nc, Directory& server,
                 const std::vector<Sid>& account) {
    constexpr const char* creatable = "allowedChildClassesEffective";
    const Found found = look_at(
        server, rights.container,
        {"objectClass", creatable, "allowedAttributesEffective", "nTSecurityDescriptor"}, true);
    if (!found.complete()) {
        rights.error = found.incomplete;
        return;
    }
    if (found.entries.empty()) {
        for (Dn dn = rights.container; dn.depth() > nc.depth(); dn = dn.parent()) {
            const Found at = look_at(server, dn, {"objectClass"});
            if (!at.complete())
                rights.error = at.incomplete;
            if (!at.complete() || !at.entries.empty())
                break;
            rights.missing.insert(rights.missing.begin(), dn);
        }
        return;
    }
    const Attributes& shown = found.entries.front().attributes;
    rights.told = server.root_dse().supports_control(sd_flags_control) && !account.empty();
    rights.may_create =
        std::ranges::any_of(values_of(shown, creatable), [](const std::string& name) {
            return equal_ascii_nocase(name, "serviceConnectionPoint");
        });
    const std::uint32_t below = inherited_rights(first_of(shown, "nTSecurityDescriptor"), account,
                                                 *Guid::parse(scp_class_guid));
    rights.may_change = (below & right_to_write_properties) != 0;
    rights.may_delete = (below & right_to_delete) != 0;
}

std::optional<std::chrono::seconds> clock_of(Directory& server, Timestamp now) {
    const Found found = look_at(server, Dn{}, {"currentTime"});
    if (found.entries.empty())
        return std::nullopt;
    const auto time =
        parse_generalized_time(first_of(found.entries.front().attributes, "currentTime"));
    return time ? std::optional(*time - now) : std::nullopt;
}

/// [MS-ADTS] 3.1.1.3.2.9, tokenGroups of the RootDSE: the account itself comes first.
std::optional<Sid> account_of(const RootDse& root) {
    return root.token_groups.empty() ? std::nullopt : Sid::from_bytes(root.token_groups.front());
}

void ask_server(DomainFacts& facts, const DomainRef& domain, Sessions& sessions, Timestamp now) {
    const auto session = sessions.reader(domain.forest, domain.domain);
    if (!session) {
        facts.error = session.error();
        return;
    }
    if (const auto endpoint = sessions.endpoint(domain.forest, domain.domain))
        facts.login = login_text(endpoint->auth);
    facts.account = account_of((*session)->root_dse());
    facts.ahead = clock_of(**session, now);
}

void ask_rights(DomainFacts& facts, const DomainRef& domain, Sessions& sessions,
                const std::vector<Sid>& account) {
    const auto writer = sessions.writer(domain.forest, domain.domain);
    if (!writer) {
        facts.write_error = writer.error();
        facts.containers.clear();
        return;
    }
    facts.writes_to = (*writer)->server();
    for (ContainerRights& rights : facts.containers)
        read_rights(rights, facts.nc, **writer, account);
}

} // namespace

PreflightFacts gather_preflight(const CycleReport& report, const std::vector<Rule>& rules,
                                Sessions& sessions, Timestamp now) {
    const std::vector<RuleView> views =
        view_rules({sessions.settings(), rules, report.topology, report.observation, now});
    PreflightFacts facts;
    facts.has_rules = !rules.empty();
    for (const Forest& forest : report.topology.forests)
        if (forest.error)
            facts.forests.emplace_back(forest.name, *forest.error);
    for (const RuleView& view : views)
        for (const std::string& account : view.unresolved)
            facts.unresolved.emplace_back(view.rule->name, account);
    const bool configuration =
        any_uses_configuration(rules) || any_uses_configuration(sessions.settings().rules);
    for (const Domain* domain : report.topology.partitions(configuration)) {
        const DomainRef key{domain->forest, domain->name};
        const DomainView* const seen = report.observation.find(key.forest, key.domain);
        DomainFacts one;
        one.forest = domain->forest;
        one.name = domain->name;
        one.netbios = domain->netbios;
        one.nc = domain->nc;
        one.server = domain->server;
        one.servers = domain->servers;
        one.error = domain->error;
        one.incomplete = seen != nullptr ? seen->incomplete : std::nullopt;
        if (!one.error)
            ask_server(one, key, sessions, now);
        for (auto& [dn, rights] : containers_in(key, domain->nc, views, report.observation))
            one.containers.push_back(std::move(rights));
        one.is_target = !one.containers.empty();
        if (!one.error && one.is_target)
            ask_rights(one, key, sessions, seen != nullptr ? seen->our_sids : std::vector<Sid>{});
        facts.domains.push_back(std::move(one));
    }
    return facts;
}

} // namespace scp
