#include "forest/partitions.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace scp {
namespace {

int number_of(const Attributes& attributes, std::string_view name) {
    const std::string& text = first_of(attributes, name);
    int number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

Dn dn_of(const Attributes& attributes, std::string_view name) {
    return Dn::parse(first_of(attributes, name)).value_or(Dn());
}

// [MS-ADTS] 6.1.1.2.1.1.1, systemFlags: FLAG_CR_NTDS_DOMAIN, FLAG_CR_NTDS_NOT_GC_REPLICATED
constexpr int crossref_is_domain = 0x2;
constexpr int crossref_is_application = 0x4;
constexpr int dsa_is_gc = 0x1; // [MS-ADTS] 6.1.1.2.2.1.2.1.1, options: NTDSDSA_OPT_IS_GC

/// A crossRef's naming context. nCName is a link, which Samba's DCs do not show for an application
/// partition of another domain: the DNS name tells the same.
Dn naming_context(const Attributes& crossref) {
    const Dn shown = dn_of(crossref, "nCName");
    if (!shown.empty() || (number_of(crossref, "systemFlags") & crossref_is_application) == 0)
        return shown;
    return Dn::of_domain(first_of(crossref, "dnsRoot"));
}

} // namespace

Result<Forest> read_partitions(const std::string& forest_name, Directory& server) {
    const RootDse& root = server.root_dse();
    Forest forest;
    forest.name = forest_name;
    forest.configuration_nc = root.configuration_naming_context;
    forest.root = DomainName(root.root_domain_naming_context.domain_name());
    if (forest.configuration_nc.empty())
        return fail(ErrorKind::incomplete,
                    fmt::format("{} names no configurationNamingContext", server.server()),
                    "this is no Active Directory server; name a domain controller");

    Search search;
    search.base.dn = forest.configuration_nc.child("CN", "Partitions");
    search.scope = Scope::one;
    search.filter = equals("objectClass", "crossRef");
    search.attributes = {"nCName", "dnsRoot", "nETBIOSName", "systemFlags", "trustParent"};
    const Found found = server.search(search);
    if (!found.complete())
        return fail(*found.incomplete);

    std::map<std::string, DomainName> by_crossref;
    for (const auto& entry : found.entries) {
        const Dn nc = naming_context(entry.attributes);
        if (nc.empty())
            continue;
        forest.naming_contexts.push_back(nc);
        if ((number_of(entry.attributes, "systemFlags") & crossref_is_domain) == 0)
            continue;
        Domain domain;
        domain.forest = forest_name;
        domain.nc = nc;
        domain.name = DomainName(first_of(entry.attributes, "dnsRoot"));
        if (domain.name.empty())
            domain.name = DomainName(nc.domain_name());
        domain.netbios = first_of(entry.attributes, "nETBIOSName");
        by_crossref[entry.dn.key()] = domain.name;
        forest.domains.push_back(std::move(domain));
    }
    if (forest.domains.empty())
        return fail(
            ErrorKind::incomplete,
            fmt::format("{} shows no domain below {}", server.server(),
                        printable(search.base.dn.text())),
            "the account needs to read CN=Partitions, as every authenticated user may by default");

    for (const auto& entry : found.entries) {
        const auto parent = by_crossref.find(dn_of(entry.attributes, "trustParent").key());
        for (auto& domain : forest.domains)
            if (parent != by_crossref.end() && domain.nc == dn_of(entry.attributes, "nCName"))
                domain.parent = parent->second;
    }
    std::sort(forest.domains.begin(), forest.domains.end(),
              [](const Domain& a, const Domain& b) { return a.name < b.name; });
    return forest;
}

KnownDcs read_dcs(const Dn& configuration_nc, Directory& server) {
    Search search;
    search.base.dn = configuration_nc.child("CN", "Sites");
    search.filter = any_of({equals("objectClass", "nTDSDSA"), equals("objectClass", "server")});
    search.attributes = {"objectClass", "options", "dNSHostName"};
    const Found found = server.search(search);
    std::map<std::string, std::string> host_of;
    for (const auto& entry : found.entries)
        if (const auto& host = first_of(entry.attributes, "dNSHostName"); !host.empty())
            host_of[entry.dn.key()] = lower_ascii(host);
    KnownDcs dcs;
    for (const auto& entry : found.entries) {
        // CN=NTDS Settings,CN=DC1,CN=Servers,CN=<site>,CN=Sites,CN=Configuration,…
        const auto host = host_of.find(entry.dn.parent().key());
        if (!equal_ascii_nocase(entry.dn.rdn_value(), "NTDS Settings") || host == host_of.end())
            continue;
        KnownDc& dc = dcs[entry.dn.key()];
        dc.dns_name = host->second;
        dc.site = entry.dn.parent().parent().parent().rdn_value();
        dc.gc = (number_of(entry.attributes, "options") & dsa_is_gc) != 0;
        dc.writable = std::ranges::none_of(
            values_of(entry.attributes, "objectClass"),
            [](const std::string& name) { return equal_ascii_nocase(name, "nTDSDSARO"); });
    }
    return dcs;
}

Result<Dn> read_pdc_role(const Dn& nc, Directory& server) {
    Search search;
    search.base.dn = nc;
    search.scope = Scope::base;
    search.attributes = {"fSMORoleOwner"};
    const Found found = server.search(search);
    if (!found.complete())
        return fail(*found.incomplete);
    Dn owner =
        found.entries.empty() ? Dn() : dn_of(found.entries.front().attributes, "fSMORoleOwner");
    // Real AD always has the role; where it is hidden, writing to any DC could make conflicting
    // twins.
    if (owner.empty() && server.takes_guid_names())
        return fail(ErrorKind::incomplete,
                    fmt::format("{} does not show fSMORoleOwner of {}", server.server(),
                                printable(nc.text())),
                    "give the account read access to the domain object, so that the PDC emulator "
                    "can be found");
    return owner;
}

std::vector<Trust> read_trusts(const Dn& nc, Directory& server) {
    Search search;
    search.base.dn = nc.child("CN", "System");
    search.scope = Scope::one;
    search.filter = equals("objectClass", "trustedDomain");
    search.attributes = {"trustPartner", "trustDirection", "trustType", "trustAttributes"};
    std::vector<Trust> trusts;
    for (const auto& entry : server.search(search).entries) {
        // [MS-ADTS] 6.1.6.7.9 trustAttributes, .12 trustDirection, .15 trustType
        const int direction = number_of(entry.attributes, "trustDirection");
        const int attributes = number_of(entry.attributes, "trustAttributes");
        Trust trust;
        trust.domain = DomainName(first_of(entry.attributes, "trustPartner"));
        trust.direction = direction == 3   ? "bidirectional"
                          : direction == 2 ? "outbound"
                          : direction == 1 ? "inbound"
                                           : "disabled";
        trust.type = (attributes & 0x20) != 0                        ? "parent-child"
                     : (attributes & 0x08) != 0                      ? "forest"
                     : number_of(entry.attributes, "trustType") == 3 ? "realm"
                                                                     : "external";
        trusts.push_back(std::move(trust));
    }
    return trusts;
}

} // namespace scp
