#include "sim/world.hpp"
#include "support/dn.hpp"

// What a simulated world's settings say.

namespace scp::sim {

using test::dn;

namespace {

std::vector<AccountQuery> by_sid(const std::vector<Sid>& sids) {
    std::vector<AccountQuery> queries;
    for (const Sid& sid : sids)
        queries.push_back({AccountQuery::Kind::sid, "", sid.to_string()});
    return queries;
}

} // namespace

Settings World::make_settings() const {
    static const Pattern bad = Pattern::compile(".*bad").value();
    Settings settings;
    settings.instance = "prod";
    settings.daemon.workers = 1;
    settings.limits = {config.max_changes, config.max_deletes, 50};
    if (config.marker_owners)
        settings.marker_owners = by_sid({first_account, second_account});
    for (const auto& domain : domains) {
        if (settings.forests.empty() || settings.forests.back().name != domain.forest) {
            settings.forests.emplace_back();
            settings.forests.back().name = domain.forest;
            settings.forests.back().domain = DomainName(domain.name);
            settings.forests.back().tls.mode = TlsSettings::Mode::none;
            auto& catalog = settings.forests.back().global_catalog;
            catalog.mode = GlobalCatalogSettings::Mode::off;
            if (config.catalogs && domain.forest == "corp")
                catalog = {GlobalCatalogSettings::Mode::listed, {catalog_->uri}};
        }
        for (const std::size_t dc : domain.dcs)
            settings.forests.back().domains[DomainName(domain.name)].servers.push_back(
                dcs.at(dc).server->uri);
    }
    Rule mage;
    mage.name = "mage";
    mage.keywords = {"mage"};
    if (config.more_keywords)
        mage.keywords.emplace_back("extra");
    mage.trust_containers = {dn("CN=System")};
    mage.trust_exclude = {dn("CN=Policies,CN=System")};
    for (const auto& domain : domains)
        if (domain.trusted)
            mage.trust_domains.emplace_back(domain.name);
    if (config.trusts_owners)
        mage.trust_owners = by_sid({administrator, first_account, second_account});
    if (config.prefers)
        mage.prefer = {DomainName(domains.at(*config.prefers).name)};
    mage.container.relative = dn("CN=scpd,CN=System");
    mage.attributes = {"serviceBindingInformation"};
    if (config.describes)
        mage.attributes.emplace_back("description");
    mage.accounts = {{AccountQuery::Kind::upn, "", "agent0@corp.test"},
                     {AccountQuery::Kind::upn, "", "agent1@corp.test"}};
    mage.mode = config.mode;
    if (config.first_use)
        mage.first_use = FirstUse::approve;
    if (config.denies)
        mage.bindings.deny = {bad};
    mage.prune_grace = std::chrono::minutes{30};
    mage.prune_confirmations = config.confirmations;
    Rule q = mage;
    q.name = "q";
    q.keywords = {"q"};
    q.accounts.pop_back();
    if (config.q_everywhere)
        for (const auto& domain : domains)
            q.target_domains.emplace_back(domain.name);
    q.mode = config.mode == Mode::sync ? Mode::sync : Mode::upsert;
    if (config.overlaps) {
        Rule extra = mage;
        extra.name = "extra";
        extra.keywords = {"extra"};
        extra.accounts.erase(extra.accounts.begin());
        if (!config.overlaps_alike)
            extra.attributes.emplace_back("displayName");
        settings.rules.push_back(std::move(extra));
    }
    settings.rules.push_back(std::move(mage));
    if (config.has_rule_q)
        settings.rules.push_back(std::move(q));
    return settings;
}

} // namespace scp::sim
