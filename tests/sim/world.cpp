#include "sim/world.hpp"

#include "support/dn.hpp"

#include <algorithm>
#include <charconv>

namespace scp::sim {

using test::dn;

namespace {

Sid sid(unsigned n) {
    return *Sid::parse("S-1-5-21-7-7-7-" + std::to_string(n));
}

} // namespace

bool is_scp(const MemoryObject& object) {
    return std::ranges::find(values_of(object.attributes, "objectClass"),
                             "serviceConnectionPoint") !=
           values_of(object.attributes, "objectClass").end();
}

std::string marker_field(const std::string& marker, const std::string& name) {
    for (std::size_t at = 0; at < marker.size();) {
        const std::size_t end = std::min(marker.find(';', at), marker.size());
        if (marker.compare(at, name.size() + 1, name + "=") == 0)
            return marker.substr(at + name.size() + 1, end - at - name.size() - 1);
        at = end + 1;
    }
    return {};
}

std::string our_marker(const Attributes& attributes) {
    for (const auto& value : values_of(attributes, "msDS-Settings"))
        if (value.starts_with("scpd1;") && marker_field(value, "i") == "prod")
            return value;
    return {};
}

unsigned version_in(const std::string& value) {
    unsigned version = 0;
    if (const auto dot = value.find('.'); value.starts_with('s') && dot != std::string::npos)
        std::from_chars(value.data() + dot + 1, value.data() + value.size(), version);
    return version;
}

World::World(const Story& story)
    : administrator(sid(500)), attacker(sid(666)), first_account(sid(1001)),
      second_account(sid(1002)) {
    const unsigned shape = story.shape;
    const unsigned forests = shape % 8;
    if (forests != 0)
        add_forest("corp", {"corp.test", "emea.corp.test"}, Flavour::ad, true);
    if (forests <= 2)
        add_forest("lab", {"lab.test", "sub.lab.test"}, Flavour::openldap, false);
    if (forests == 1 || forests == 7) // one domain that the rules do not trust
        domains.back().trusted = false;
    const unsigned modes = shape / 8 % 8;
    config.mode = modes == 0   ? Mode::upsert
                  : modes == 1 ? Mode::create_only
                  : modes == 2 ? Mode::observe
                               : Mode::sync;
    config.first_use = shape / 64 % 8 == 0;
    config.denies = shape / 512 % 2 == 0;
    config.q_everywhere = shape / 1024 % 2 == 0;
    config.max_changes = 1 + shape / 3 % 6;
    config.max_deletes = 1 + shape / 5 % 3;
    config.confirmations = 2 + static_cast<int>(shape / 2048 % 2);
    replication_delay_ = std::chrono::seconds(shape / 4096 % 4 * 90);
    config.trusts_owners = forests >= 3 && shape >> 14U & 1U; // OpenLDAP shows no owners
    config.marker_owners = (shape >> 15U) % 4 == 0;
    config.overlaps = (shape >> 17U) % 4 == 0;
    config.overlaps_alike = (shape >> 19U) % 4 != 0;
    if ((shape >> 21U) % 4 == 0)
        config.prefers = (shape >> 23U) % domains.size();
    config.catalogs = forests != 0 && (shape >> 25U) % 4 == 0;
    catalog_lag_ = std::chrono::seconds((shape >> 27U) % 4 * 200);
    if (config.catalogs)
        add_catalog();
    set_accounts();
    // Where agents' accounts live to begin with.
    for (unsigned account = 0; account < 2; ++account) {
        Event event;
        event.what = What::account_back;
        event.a = account;
        event.b = shape / (account + 3);
        static_cast<void>(act(event));
    }
    replicate(true);
}

void World::add_forest(const std::string& name, const std::vector<std::string>& names,
                       Flavour flavour, bool two_dcs) {
    const Dn root = Dn::of_domain(names.front());
    const auto configuration = forest.add_partition(root.child("CN", "Configuration"), flavour);
    const auto add_dc = [&](const std::string& domain, const std::string& host) {
        MemoryServer& server = forest.add_server(domain, flavour, {configuration}, host);
        server.domain.clear(); // the settings name all servers
        dcs.push_back({&server, domains.size() - 1, {}, {}, {}, {}, {}, {}});
        domains.back().dcs.push_back(dcs.size() - 1);
        if (flavour == Flavour::openldap)
            return;
        const Dn machine =
            configuration->nc().descendant(dn("CN=" + host + ",CN=Servers,CN=hq,CN=Sites"));
        configuration->put(machine, {{"objectClass", {"server"}}, {"dNSHostName", {host}}});
        configuration->put(machine.child("CN", "NTDS Settings"), {{"objectClass", {"nTDSDSA"}}});
        server.root_dse["dsServiceName"] = {machine.child("CN", "NTDS Settings").text()};
    };
    for (const auto& domain : names) {
        domains.push_back({name, domain, Dn::of_domain(domain), flavour, true, {}, {}, {}, false});
        add_dc(domain, "dc1." + domain);
        const Dc& first = dcs.back();
        const Dn& nc = domains.back().nc;
        for (const char* container : {"CN=scpd,CN=System", "CN=Product,CN=System",
                                      "CN=Policies,CN=System", "CN=PC1,CN=Computers"})
            first.objects().put(nc.descendant(dn(container)), {{"objectClass", {"container"}}});
        if (flavour == Flavour::ad)
            first.objects().set(nc, "fSMORoleOwner",
                                {first_of(first.server->root_dse, "dsServiceName")});
        if (two_dcs && domain == names.front()) {
            add_dc(domain, "dc2." + domain);
            dcs.back().objects().replicate_from(first.objects());
        }
    }
    // A crossRef for each domain: MemoryForest::add_cross_refs knows only one forest.
    const Dn partitions = configuration->nc().child("CN", "Partitions");
    configuration->put(partitions, {{"objectClass", {"crossRefContainer"}}});
    for (const auto& domain : domains)
        if (domain.forest == name)
            configuration->put(partitions.child("CN", domain.nc.rdn_value()),
                               {{"objectClass", {"crossRef"}},
                                {"nCName", {domain.nc.text()}},
                                {"dnsRoot", {domain.name}},
                                {"nETBIOSName", {domain.nc.rdn_value()}},
                                {"systemFlags", {"3"}}});
}

void World::add_catalog() {
    catalog_ = &forest.add_server("corp.test", Flavour::ad, {}, "gc.corp.test");
    catalog_->domain.clear();
    catalog_->catalog = true;
    catalog_->hidden_attributes = {"msDS-Settings"};
    catalog_->partitions.clear();
    for (const auto& domain : domains)
        if (domain.forest == "corp")
            catalog_->partitions.push_back(
                std::make_shared<MemoryPartition>(forest, domain.nc, Flavour::ad));
}

void World::refresh_catalog() {
    if (catalog_is_of_ != Timestamp{} && forest.now - catalog_is_of_ < catalog_lag_)
        return;
    catalog_is_of_ = forest.now;
    for (const auto& partition : catalog_->partitions)
        partition->replicate_from(
            dcs.at(domains.at(domain_of(partition->nc())).dcs.back()).objects());
    note_catalog();
}

void World::set_accounts() {
    for (Dc& dc : dcs)
        if (dc.server->flavour == Flavour::ad)
            dc.server->account = second_service_account ? second_account : first_account;
}

Dc* World::dc_of(const std::string& host) {
    const auto found =
        std::ranges::find_if(dcs, [&](const Dc& dc) { return dc.server->uri.host == host; });
    return found == dcs.end() ? nullptr : &*found;
}

std::size_t World::domain_of(const Dn& name) const {
    std::size_t best = domains.size();
    for (std::size_t i = 0; i < domains.size(); ++i)
        if (name.is_within(domains[i].nc) &&
            (best == domains.size() || domains[i].nc.depth() > domains[best].nc.depth()))
            best = i;
    return best;
}

void World::replicate(bool all) {
    bool changed = all;
    for (auto& domain : domains) {
        if (domain.dcs.size() < 2 ||
            (!all && (domain.stopped > forest.now || domain.replicates > forest.now)))
            continue;
        domain.replicates = forest.now + replication_delay_;
        MemoryPartition& one = dcs.at(domain.dcs[0]).objects();
        MemoryPartition& other = dcs.at(domain.dcs[1]).objects();
        const auto before = std::pair(one.usn(), other.usn());
        for (int round = 0; round < (all ? 3 : 1); ++round)
            for (const auto& [to, from] : {std::pair(&one, &other), std::pair(&other, &one)})
                for (const Dn& name : to->merge_from(*from)) {
                    // Who got the name, and who had it.
                    const auto is_loser = [&](const MemoryObject& object) {
                        return made_by_us.contains(object.guid) &&
                               object.dn.rdn_value().starts_with(name.rdn_value() + "\nCNF:");
                    };
                    const auto* winner = to->find(name);
                    // Who reads a restored DC makes anew what it does not know of yet.
                    conflicts_of_ours += !domain.restored && winner != nullptr &&
                                                 made_by_us.contains(winner->guid) &&
                                                 to->any_of(is_loser)
                                             ? 1U
                                             : 0U;
                }
        changed = changed || before != std::pair(one.usn(), other.usn());
        domain.restored = false;
    }
    if (changed)
        note_change();
}

void World::advance(Timestamp to) {
    if (to > forest.now)
        forest.now = to;
    replicate(false);
    refresh_faults();
}

} // namespace scp::sim
