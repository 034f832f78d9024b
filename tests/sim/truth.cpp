#include "base/text.hpp"
#include "sim/world.hpp"
#include "support/dn.hpp"

#include <algorithm>
#include <array>

// What is true of a simulated world, whatever the product may believe.

namespace scp::sim {

using test::dn;

namespace {

bool has_keyword(const Attributes& attributes, const std::string& keyword) {
    return std::ranges::any_of(values_of(attributes, "keywords"), [&](const std::string& one) {
        return equal_ascii_nocase(one, keyword);
    });
}

} // namespace

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
            unwanted_[copy].push_back({step, 0});
    for (const auto& [copy, since] : wanted_now)
        if (auto& times = unwanted_[copy]; times.empty())
            times.push_back({made_by_us.at(copy), step});
        else if (times.back().until == 0)
            times.back().until = step;
    wanted_ = std::move(wanted_now);
    note_published();
}

std::size_t World::unwanted_since(const Guid& copy, const std::vector<Span>& reads) const {
    const auto found = unwanted_.find(copy);
    if (found == unwanted_.end() || found->second.back().until != 0)
        return 0;
    const auto& times = found->second;
    std::size_t at = times.size() - 1;
    const auto wanted_meanwhile = [&](const Span& read) {
        return read.since >= times[at - 1].until && read.until <= times[at].since;
    };
    while (at > 0 && std::ranges::none_of(reads, wanted_meanwhile))
        --at;
    return blind_since == 0 ? times[at].since : std::min(times[at].since, blind_since);
}

bool World::trusts_owner(const MemoryObject& object) const {
    const std::string& descriptor = first_of(object.attributes, "nTSecurityDescriptor");
    return !config.trusts_owners ||
           std::ranges::any_of(
               std::array{administrator, first_account, second_account},
               [&](const Sid& owner) { return descriptor == make_security_descriptor(owner); });
}

bool World::stands(const MemoryObject& object, const SimDomain& home) const {
    const Dn system = home.nc.child("CN", "System");
    return !object.deleted && values_of(object.attributes, "msDS-Settings").empty() &&
           trusts_owner(object) && object.dn.rdn_value().find("CNF:") == std::string::npos &&
           object.dn.is_within(system) && !object.dn.is_within(system.child("CN", "Policies"));
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
    note_catalog();
}

bool World::is_value_of(const Published& source, const std::string& value) const {
    const auto shows = [&](std::size_t dc) {
        const MemoryObject* object = dcs.at(dc).objects().find(source.guid);
        return object != nullptr &&
               std::ranges::count(values_of(object->attributes, "serviceBindingInformation"),
                                  value) != 0;
    };
    return source.values.contains(value) ||
           (source.was_copy && std::ranges::any_of(domains.at(source.domain).dcs, shows));
}

std::string World::against(const Published& source, const AddEntry& copy, std::size_t domain,
                           std::size_t before) const {
    if (source.conflict != 0 && source.conflict <= before)
        return "a conflict object is no source";
    const MemoryObject* object =
        dcs.at(domains.at(source.domain).dcs.front()).objects().find(source.guid);
    if (object == nullptr || object->deleted)
        return {};
    const auto same_identity = [&](const MemoryObject& other) {
        return other.dn.rdn_value() == copy.dn.rdn_value() &&
               same_values(values_of(other.attributes, "keywords"),
                           values_of(copy.attributes, "keywords"));
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
        if (pair.first != source.guid || since > before || other->domain == domain)
            continue;
        if (config.prefers == source.domain && other->domain != source.domain)
            continue;
        if (!is_unseen(*other, before))
            return "sources that differ are not copied";
    }
    return {};
}

/// Its domain may be one that nobody can read: then the global catalog is believed, and it lags.
bool World::is_unseen(const Published& source, std::size_t before) const {
    return catalog_ != nullptr && domains.at(source.domain).forest == "corp" &&
           (source.shown == 0 || source.shown > before);
}

void World::note_catalog() {
    if (catalog_ == nullptr)
        return;
    for (Published& one : published_) {
        const auto name_in = [&](const MemoryPartition& partition) {
            const auto* object = partition.find(one.guid);
            return object == nullptr || object->deleted ? "" : object->dn.rdn_value();
        };
        const auto& home = dcs.at(domains.at(one.domain).dcs.front()).objects();
        const bool shown = std::ranges::any_of(catalog_->partitions, [&](const auto& partition) {
            return name_in(*partition) == name_in(home);
        });
        one.shown = !shown ? 0 : one.shown == 0 ? step : one.shown;
    }
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
            !values_of(object->attributes, "msDS-Settings").empty() || !trusts_owner(*object) ||
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
        if (rule == "extra" && account == 0)
            continue;
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
