#include "sim/world.hpp"

#include "base/text.hpp"
#include "support/dn.hpp"

#include <algorithm>
#include <charconv>

namespace scp::sim {

using test::dn;

namespace {

Sid sid(unsigned n) {
    return *Sid::parse("S-1-5-21-7-7-7-" + std::to_string(n));
}

bool has_keyword(const Attributes& attributes, const std::string& keyword) {
    return std::ranges::any_of(values_of(attributes, "keywords"), [&](const std::string& one) {
        return equal_ascii_nocase(one, keyword);
    });
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
        domains.push_back({name, domain, Dn::of_domain(domain), flavour, true, {}, {}});
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

void World::set_accounts() {
    for (Dc& dc : dcs)
        if (dc.server->flavour == Flavour::ad)
            dc.server->account = second_service_account ? second_account : first_account;
}

Settings World::make_settings() const {
    static const Pattern bad = Pattern::compile(".*bad").value();
    Settings settings;
    settings.instance = "prod";
    settings.daemon.workers = 1;
    settings.limits = {config.max_changes, config.max_deletes, 50};
    for (const auto& domain : domains) {
        if (settings.forests.empty() || settings.forests.back().name != domain.forest) {
            settings.forests.emplace_back();
            settings.forests.back().name = domain.forest;
            settings.forests.back().domain = DomainName(domain.name);
            settings.forests.back().tls.mode = TlsSettings::Mode::none;
            settings.forests.back().global_catalog.mode = GlobalCatalogSettings::Mode::off;
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
    settings.rules.push_back(std::move(mage));
    if (config.has_rule_q)
        settings.rules.push_back(std::move(q));
    return settings;
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
    for (auto& domain : domains) {
        if (domain.dcs.size() < 2 ||
            (!all && (domain.stopped > forest.now || domain.replicates > forest.now)))
            continue;
        domain.replicates = forest.now + replication_delay_;
        MemoryPartition& one = dcs.at(domain.dcs[0]).objects();
        MemoryPartition& other = dcs.at(domain.dcs[1]).objects();
        for (int round = 0; round < (all ? 3 : 1); ++round)
            for (const auto& [to, from] : {std::pair(&one, &other), std::pair(&other, &one)})
                for (const Dn& name : to->merge_from(*from)) {
                    // Who got the name, and who had it.
                    const auto is_loser = [&](const MemoryObject& object) {
                        return made_by_us.contains(object.guid) &&
                               object.dn.rdn_value().starts_with(name.rdn_value() + "\nCNF:");
                    };
                    const auto* winner = to->find(name);
                    conflicts_of_ours += winner != nullptr && made_by_us.contains(winner->guid) &&
                                                 to->any_of(is_loser)
                                             ? 1U
                                             : 0U;
                }
    }
    note_change();
}

void World::refresh_faults() {
    for (Dc& dc : dcs) {
        MemoryServer& server = *dc.server;
        const Timestamp now = forest.now;
        server.unreachable = dc.unreachable > now;
        server.may_write = nullptr;
        if (dc.refuses > now)
            server.may_write = [](const Write&, const MemoryObject*) { return false; };
        server.hidden = nullptr;
        if (dc.hidden > now)
            server.hidden = [](const Entry& entry, const Search&) {
                return !entry.dn.domain_name().empty() || entry.dn.depth() > 2;
            };
        else if (dc.objects_hidden > now)
            server.hidden = [](const Entry& entry, const Search&) {
                return values_of(entry.attributes, "keywords").size() > 0;
            };
    }
}

void World::advance(Timestamp to) {
    if (to > forest.now)
        forest.now = to;
    replicate(false);
    refresh_faults();
}

void World::cure() {
    for (Dc& dc : dcs)
        dc.unreachable = dc.partial = dc.hidden = dc.objects_hidden = dc.refuses = Timestamp{};
    for (auto& domain : domains)
        domain.stopped = Timestamp{};
    second_service_account = false;
    set_accounts();
    refresh_faults();
    replicate(true);
}

bool World::is_ours(const MemoryObject& object) const {
    return !object.deleted && made_by_us.contains(object.guid) &&
           !our_marker(object.attributes).empty();
}

std::vector<const MemoryObject*> World::copies(std::size_t domain) const {
    std::vector<const MemoryObject*> found;
    for (const MemoryObject* object : dcs.at(domains.at(domain).dcs.front()).objects().objects())
        if (is_ours(*object))
            found.push_back(object);
    return found;
}

const Published* World::published(const Guid& guid) const {
    const auto found = std::ranges::find(published_, guid, &Published::guid);
    return found == published_.end() ? nullptr : &*found;
}

void World::remember_filter(const Guid& copy, const std::string& rule) {
    Values filter{rule};
    if (rule == "mage" && config.more_keywords)
        filter.emplace_back("extra");
    filters_[copy] = std::move(filter);
}

std::size_t World::wanted_since(const Guid& copy) const {
    const auto found = wanted_.find(copy);
    return found == wanted_.end() ? 0 : found->second;
}

/// Works out anew which copies are wanted, and what stands; what is so for longer keeps its step.
void World::note_change() {
    std::map<Guid, std::size_t> wanted_now;
    for (std::size_t domain = 0; domain < domains.size(); ++domain)
        for (const MemoryObject* copy : copies(domain))
            if (wanted(*copy, domain)) {
                const auto before = wanted_.find(copy->guid);
                wanted_now[copy->guid] = before == wanted_.end() ? step : before->second;
            }
    for (const auto& [copy, since] : wanted_)
        if (!wanted_now.contains(copy))
            unwanted_[copy] = step;
    for (const auto& [copy, since] : wanted_now)
        unwanted_.erase(copy);
    wanted_ = std::move(wanted_now);
    note_published();
}

std::size_t World::unwanted_since(const Guid& copy) const {
    const auto found = unwanted_.find(copy);
    return found == unwanted_.end() ? 0 : found->second;
}

bool World::stands(const MemoryObject& object, const SimDomain& home) const {
    const Dn system = home.nc.child("CN", "System");
    return !object.deleted && values_of(object.attributes, "msDS-Settings").empty() &&
           object.dn.rdn_value().find("CNF:") == std::string::npos && object.dn.is_within(system) &&
           !object.dn.is_within(system.child("CN", "Policies"));
}

void World::note_published() {
    struct Now {
        const Published* published;
        std::vector<const MemoryObject*> objects; ///< on each DC
    };
    std::vector<Now> standing;
    for (Published& one : published_) {
        const SimDomain& home = domains.at(one.domain);
        Now now{&one, {}};
        bool all_stand = home.trusted, all_conflict = true;
        for (const std::size_t dc : home.dcs) {
            const MemoryObject* object = dcs.at(dc).objects().find(one.guid);
            now.objects.push_back(object);
            all_stand = all_stand && object != nullptr && stands(*object, home);
            all_conflict = all_conflict && object != nullptr &&
                           object->dn.rdn_value().find("CNF:") != std::string::npos;
        }
        one.stands = !all_stand ? 0 : one.stands == 0 ? step : one.stands;
        one.conflict = !all_conflict ? 0 : one.conflict == 0 ? step : one.conflict;
        if (all_stand)
            standing.push_back(std::move(now));
    }
    std::map<std::pair<Guid, Guid>, std::size_t> differ_now;
    for (const Now& one : standing)
        for (const Now& other : standing) {
            const auto differ = [](const MemoryObject* a, const MemoryObject* b) {
                return a->dn.rdn_value() == b->dn.rdn_value() &&
                       same_values(values_of(a->attributes, "keywords"),
                                   values_of(b->attributes, "keywords")) &&
                       !same_values(values_of(a->attributes, "serviceBindingInformation"),
                                    values_of(b->attributes, "serviceBindingInformation"));
            };
            bool everywhere = one.published != other.published;
            for (const auto* a : one.objects)
                for (const auto* b : other.objects)
                    everywhere = everywhere && differ(a, b);
            if (!everywhere)
                continue;
            const std::pair pair{one.published->guid, other.published->guid};
            const auto before = differ_.find(pair);
            differ_now[pair] = before == differ_.end() ? step : before->second;
        }
    differ_ = std::move(differ_now);
}

std::string World::against(const Published& source, std::size_t domain, std::size_t before) const {
    if (source.conflict != 0 && source.conflict <= before)
        return "a conflict object is no source";
    const MemoryObject* object =
        dcs.at(domains.at(source.domain).dcs.front()).objects().find(source.guid);
    if (object == nullptr || object->deleted)
        return {};
    const auto same_identity = [&](const MemoryObject& other) {
        return other.dn.rdn_value() == object->dn.rdn_value() &&
               same_values(values_of(other.attributes, "keywords"),
                           values_of(object->attributes, "keywords"));
    };
    for (const std::size_t dc : domains.at(domain).dcs)
        for (const auto* other : dcs.at(dc).objects().objects()) {
            // A DC that has not heard of a change yet shows what is not so.
            const bool everywhere =
                std::ranges::all_of(domains.at(domain).dcs, [&](std::size_t each) {
                    const auto* same = dcs.at(each).objects().find(other->guid);
                    return same != nullptr && !same->deleted && same_identity(*same);
                });
            if (!everywhere)
                continue;
            const Published* native = published(other->guid);
            const auto foreign = foreign_.find(other->guid);
            if ((native != nullptr && native->stands != 0 && native->stands <= before) ||
                (foreign != foreign_.end() && foreign->second <= before))
                return "where somebody else's SCP serves no copy is made";
        }
    for (const auto& [pair, since] : differ_) {
        const Published* other = published(pair.second);
        if (pair.first == source.guid && since <= before && other->domain != domain)
            return "sources that differ are not copied";
    }
    return {};
}

bool World::wanted(const MemoryObject& copy, std::size_t domain) const {
    const std::string marker = our_marker(copy.attributes);
    const auto source = Guid::parse(marker_field(marker, "s"));
    return source && source_stands(*source, copy.guid) &&
           is_target(marker_field(marker, "r"), domain) && !served_otherwise(copy, domain);
}

/// On every DC of its domain.
bool World::source_stands(const Guid& source, const Guid& copy) const {
    const Published* known = published(source);
    if (known == nullptr || !domains[known->domain].trusted)
        return false;
    const SimDomain& home = domains[known->domain];
    const auto filter = filters_.find(copy);
    return std::ranges::all_of(home.dcs, [&](std::size_t dc) {
        const MemoryObject* object = dcs.at(dc).objects().find(source);
        if (object == nullptr || object->deleted ||
            !values_of(object->attributes, "msDS-Settings").empty() ||
            object->dn.rdn_value().find("CNF:") != std::string::npos)
            return false;
        const Dn system = home.nc.child("CN", "System");
        return object->dn.is_within(system) &&
               !object->dn.is_within(system.child("CN", "Policies")) && filter != filters_.end() &&
               std::ranges::all_of(filter->second, [&](const std::string& keyword) {
                   return has_keyword(object->attributes, keyword);
               });
    });
}

/// Also where it might be: while the settings do not have the rule, or an account is nowhere.
bool World::is_target(const std::string& rule, std::size_t domain) const {
    if (rule == "q" && (!config.has_rule_q || config.q_everywhere))
        return true;
    for (unsigned account = 0; account < (rule == "q" ? 1U : 2U); ++account) {
        const std::string name = "agent" + std::to_string(account);
        std::size_t known = 0;
        bool here = true;
        for (std::size_t i = 0; i < domains.size(); ++i)
            for (const std::size_t dc : domains[i].dcs) {
                const bool there = dcs.at(dc).objects().find(domains[i].nc.descendant(
                                       dn("CN=" + name + ",CN=Users"))) != nullptr;
                known += there ? 1U : 0U;
                here = here && (there || i != domain);
            }
        if (known == 0 || here)
            return true;
    }
    return false;
}

/// By a second copy, a native, or another instance: on any DC.
bool World::served_otherwise(const MemoryObject& copy, std::size_t domain) const {
    const std::string source = marker_field(our_marker(copy.attributes), "s");
    std::set<std::string> names{copy.dn.rdn_value()};
    const auto guid = Guid::parse(source);
    for (const Dc& dc : dcs)
        if (const auto* object = guid ? dc.objects().find(*guid) : nullptr)
            names.insert(object->dn.rdn_value());
    for (const std::size_t dc : domains[domain].dcs)
        for (const MemoryObject* other : dcs.at(dc).objects().objects())
            if (other->guid != copy.guid && is_scp(*other) &&
                (marker_field(our_marker(other->attributes), "s") == source ||
                 names.contains(other->dn.rdn_value())))
                return true;
    return false;
}

} // namespace scp::sim
