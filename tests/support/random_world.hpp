#pragma once

#include "support/shuffle.hpp"

namespace scp::test {

/// A small universe in which everything happens often: few names, keywords and values, so that
/// identities meet, collide and differ; sources, copies, foreign, suspect and untrusted ones;
/// incomplete domains; lost sources.
class RandomWorld {
  public:
    explicit RandomWorld(std::uint64_t seed) : random_(seed) {}

    World make() {
        for (const auto& name : {"corp.test", "emea.corp.test", "apac.corp.test"}) {
            auto& view = world_.domain(name);
            if (one_in(8)) {
                view.incomplete = Error{ErrorKind::unreachable, "no answer", "", 0};
                add_catalog(view);
            }
            view.has_owners = one_in(3);
            if (view.has_owners)
                view.our_sids = {sid_number(1000)};
        }
        const auto rules = 1 + below(3);
        for (std::size_t i = 0; i < rules; ++i)
            add_rule("rule-" + std::to_string(i));
        const auto count = 1 + below(9);
        for (std::size_t i = 0; i < count; ++i)
            add_scp(i + 1);
        return std::move(world_);
    }

  private:
    std::size_t below(std::size_t n) {
        return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_);
    }
    bool one_in(std::size_t n) { return below(n) == 0; }
    std::string pick(const std::vector<std::string>& list) { return list[below(list.size())]; }
    std::string domain() { return pick({"corp.test", "emea.corp.test", "apac.corp.test"}); }

    /// What a global catalog shows of a domain: as likely as not, too little.
    void add_catalog(const DomainView& of) {
        if (one_in(3))
            return;
        CatalogView catalog{of.forest, of.domain, "ldap://gc.corp.test", {}, {}};
        if (one_in(4))
            catalog.incomplete = Error{ErrorKind::incomplete, "not read whole", "", 0};
        for (const auto& name : {"a", "b"})
            if (one_in(3))
                catalog.scps.push_back(of.nc.child("CN", name));
        world_.observation.catalogs.push_back(std::move(catalog));
    }

    /// A name that leads to the owner that most SCPs have, to a group that others may be in, or to
    /// nobody.
    void add_owner(const AccountQuery& query) {
        ResolvedOwner owner{query, sid_number(query.text == "CORP\\us" ? 1000 : 2000), ""};
        if (one_in(4)) {
            owner.sid.reset();
            owner.unresolved = "not found";
        }
        world_.observation.owners.push_back(std::move(owner));
        OwnerGroups groups{sid_number(513), {}, {}};
        if (one_in(2))
            groups.groups = {sid_number(2000), sid_number(2001)};
        else if (one_in(2))
            groups.error = Error{ErrorKind::unreachable, "no answer", "", 0};
        if (world_.observation.owner_groups.empty())
            world_.observation.owner_groups.push_back(std::move(groups));
    }

    void add_rule(const std::string& name) {
        Rule rule = a_rule(name);
        rule.keywords = {pick({"k1", "k2"})};
        for (std::size_t i = below(3); i < 3; ++i)
            world_.account(rule, domain());
        if (one_in(8)) {
            rule.accounts.push_back({AccountQuery::Kind::sam, "", "CORP\\nobody"});
            world_.observation.accounts.push_back({name, rule.accounts.back(), {}, "not found"});
        }
        if (one_in(4))
            rule.trust_domains = {DomainName(domain()), DomainName(domain())};
        if (one_in(4)) {
            rule.trust_owners = {{AccountQuery::Kind::sam, "", pick({"CORP\\us", "CORP\\admins"})}};
            add_owner(rule.trust_owners.front());
        }
        if (one_in(5))
            rule.container.kind = TargetContainer::Kind::same;
        if (one_in(5))
            rule.prefer = {DomainName(domain()), DomainName(domain())};
        rule.mode = one_in(6) ? Mode::observe : one_in(6) ? Mode::create_only : Mode::upsert;
        world_.add_rule(rule, !one_in(6));
    }

    void add_scp(unsigned long long n) {
        auto builder = an_scp().in(domain()).number(n).named(pick({"a", "b"}));
        for (const auto& keyword : {"k1", "k2"})
            if (!one_in(3))
                builder.with_keyword(keyword);
        for (const auto& binding : {"x", "y"})
            if (!one_in(3))
                builder.with_binding(binding);
        builder.version(pick({"2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"}));
        if (one_in(6))
            builder.below(
                pick({"CN=PC1,CN=Computers", "CN=Policies,CN=System", "CN=Other,CN=System"}));
        if (one_in(12))
            builder.conflict();
        builder.owned_by(one_in(5) ? 513 : 1000);
        if (one_in(10))
            builder.marked("scpd1;junk");
        if (!known_.empty() && one_in(2))
            make_copy(builder);
        const Scp scp = builder;
        known_.push_back(scp);
        if (one_in(8)) // seen once, and gone since
            world_.observation.fates.push_back(
                {scp.guid,
                 scp.domain,
                 one_in(2) ? SourceFate::State::deleted : SourceFate::State::not_seen,
                 {},
                 ""});
        else
            world_.add(scp);
    }

    void make_copy(ScpBuilder& builder) {
        const Rule& rule = world_.settings.rules[below(world_.settings.rules.size())];
        builder.without("keywords").without("serviceBindingInformation");
        builder.copy_of(known_[below(known_.size())], rule, one_in(8) ? "staging" : "prod");
        if (rule.container.kind == TargetContainer::Kind::same || one_in(6))
            builder.below("CN=Product,CN=System");
        if (one_in(4))
            builder.with_binding("edited");
        Marker marker = *Scp(builder).marker;
        if (one_in(8))
            marker.gone = parse_rfc3339("2026-01-02T00:00:00Z");
        if (one_in(10))
            marker.parked = parse_rfc3339("2026-01-02T00:00:00Z");
        if (one_in(8))
            marker.sel = sha256_hex("before");
        if (one_in(8))
            marker.rule = "vanished";
        builder.marked(marker);
    }

    std::mt19937_64 random_;
    World world_;
    std::vector<Scp> known_;
};

} // namespace scp::test
