#pragma once

#include "directory/memory.hpp"
#include "forest/sessions.hpp"
#include "observe/observe.hpp"
#include "support/build_scp.hpp"
#include "support/dn.hpp"

#include <string>
#include <vector>

namespace scp::test {

/// A forest in memory, with the settings that lead to it: corp.test is the root; every server is
/// named in the settings under its domain.
class ForestBench {
  public:
    explicit ForestBench(const std::vector<std::string>& domains = {"corp.test", "emea.corp.test",
                                                                    "tree.test"},
                         Flavour flavour = Flavour::ad)
        : configuration(forest.add_partition(dn("CN=Configuration,DC=corp,DC=test"), flavour)) {
        settings.instance = "prod";
        settings.daemon.workers = 2;
        ForestSettings corp;
        corp.name = "corp";
        corp.domain = DomainName("corp.test");
        corp.tls.mode = TlsSettings::Mode::none;
        corp.global_catalog.mode = GlobalCatalogSettings::Mode::off;
        settings.forests.push_back(corp);
        for (const auto& domain : domains) {
            MemoryServer& server = forest.add_server(domain, flavour, {configuration});
            if (domain == "corp.test")
                settings.forests[0].servers.push_back(server.uri);
            else
                settings.forests[0].domains[DomainName(domain)].servers = {server.uri};
            if (flavour == Flavour::ad)
                make_dc(server);
        }
        forest.add_cross_refs(*configuration, dn("DC=corp,DC=test"));
    }

    [[nodiscard]] MemoryServer& server(const std::string& domain) {
        MemoryServer* const found = forest.server("dc1." + domain);
        REQUIRE(found != nullptr);
        return *found;
    }
    [[nodiscard]] MemoryPartition& domain(const std::string& name) {
        return server(name).default_partition();
    }
    [[nodiscard]] static Dn nc(const std::string& domain) { return Dn::of_domain(domain); }
    [[nodiscard]] Dn partitions() const { return configuration->nc().child("CN", "Partitions"); }

    /// CN=NTDS Settings,CN=<host's first label>,CN=Servers,CN=hq,CN=Sites,…
    [[nodiscard]] Dn dsa(const std::string& host) const {
        return configuration->nc().descendant(
            dn("CN=NTDS Settings,CN=" + host + ",CN=Servers,CN=hq,CN=Sites"));
    }

    /// What makes a server a DC of AD: its objects below CN=Sites, and the PDC emulator's role,
    /// which the domain's first DC has.
    void make_dc(MemoryServer& dc, bool catalog = false) {
        const Dn settings_object = dsa(dc.uri.host);
        configuration->put(settings_object.parent(),
                           {{"objectClass", {"server"}}, {"dNSHostName", {dc.uri.host}}});
        configuration->put(settings_object,
                           {{"objectClass", {"nTDSDSA"}}, {"options", {catalog ? "1" : "0"}}});
        dc.root_dse["dsServiceName"] = {settings_object.text()};
        MemoryPartition& nc_of = dc.default_partition();
        if (first_of(nc_of.find(nc_of.nc())->attributes, "fSMORoleOwner").empty())
            nc_of.set(nc_of.nc(), "fSMORoleOwner", {settings_object.text()});
    }

    /// One more DC of a domain: the same objects unless it holds a replica of its own.
    MemoryServer& second_dc(const std::string& of, const std::string& host) {
        MemoryServer& first = server(of);
        MemoryServer& dc = forest.add_server(of, first.flavour, {}, host);
        dc.partitions = first.partitions;
        if (first.flavour == Flavour::ad)
            make_dc(dc);
        return dc;
    }

    /// An SCP with the product's keyword, below CN=Product,CN=System unless said otherwise.
    Guid put_scp(const std::string& in, const std::string& name, Attributes different = {},
                 const std::string& below = "CN=Product,CN=System") {
        Attributes attributes{{"objectClass", {"serviceConnectionPoint"}},
                              {"keywords", {"mage"}},
                              {"serviceBindingInformation", {"b1"}}};
        for (auto& [key, values] : different)
            attributes[key] = std::move(values);
        std::erase_if(attributes, [](const auto& one) { return one.second.empty(); });
        return domain(in).put(nc(in).descendant(dn(below)).child("CN", name), attributes);
    }

    void put_account(const std::string& in, const std::string& name, Attributes more = {}) {
        Attributes attributes{
            {"objectClass", {"user"}}, {"sAMAccountName", {name}}, {"userAccountControl", {"512"}}};
        for (auto& [key, values] : more)
            attributes[key] = std::move(values);
        domain(in).put(nc(in).descendant(dn("CN=Users")).child("CN", name), attributes);
    }

    /// Discovers and observes as a cycle does, from nothing.
    const Observation& look() {
        sessions.emplace(settings, forest, std::stop_token{});
        topology = sessions->discover();
        seen = observe(topology, *sessions, rules);
        return seen;
    }
    [[nodiscard]] const DomainView& view(const std::string& name) const {
        const DomainView* const found = seen.find("corp", DomainName(name));
        REQUIRE(found != nullptr);
        return *found;
    }

    MemoryForest forest;
    std::shared_ptr<MemoryPartition> configuration;
    Settings settings;
    std::vector<Rule> rules{a_rule()};
    std::optional<Sessions> sessions;
    Topology topology;
    Observation seen;
};

/// kind: message; "ok" where there is none.
inline std::string said(const std::optional<Error>& error) {
    return error ? to_string(error->kind) + ": " + error->message : "ok";
}

inline bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

} // namespace scp::test
