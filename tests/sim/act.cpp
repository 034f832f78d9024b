#include "base/text.hpp"
#include "sim/world.hpp"
#include "support/dn.hpp"

#include <algorithm>
#include <array>

// What persons, applications and attackers do in a simulated world, and what goes wrong there.

namespace scp::sim {

using test::dn;

namespace {

constexpr std::array names{"alpha", "beta", "gamma"};

/// Well formed: nothing but who owns it and where it lies tells that it is false.
std::string forged_marker(const std::string& instance, const Guid& source) {
    const std::string hash(64, 'a');
    return "scpd1;i=" + instance + ";r=mage;s=" + source.to_string() + ";o=corp.test;sel=" + hash +
           ";attrs=" + hash + ";h=" + hash + ";v=-";
}

std::string keyword_of(unsigned kind) {
    return kind % 3 == 0 ? "q" : "mage";
}

} // namespace

Dc& World::pick_dc(std::size_t domain, unsigned c) {
    const auto& of = domains.at(domain).dcs;
    return dcs.at(of.at(c % of.size()));
}

Attributes World::content(unsigned kind, const std::string& value) const {
    Attributes attributes{{"objectClass", {"serviceConnectionPoint"}},
                          {"keywords", {keyword_of(kind)}},
                          {"serviceBindingInformation", {value}}};
    if (kind % 2 == 0)
        attributes["keywords"].emplace_back("extra");
    return attributes;
}

std::string World::new_value(const Guid* source) {
    std::size_t number = published_.size();
    if (source != nullptr)
        number = static_cast<std::size_t>(std::ranges::find(published_, *source, &Published::guid) -
                                          published_.begin());
    std::string value = "s" + std::to_string(number) + "." + std::to_string(++values_);
    if (values_ % 3 == 0)
        value += ".bad";
    return value;
}

Guid World::put(Dc& dc, const Dn& below, const std::string& name, Attributes attributes,
                const Sid& owner) {
    if (dc.server->flavour == Flavour::ad)
        attributes["nTSecurityDescriptor"] = {make_security_descriptor(owner)};
    return dc.objects().put(domains.at(dc.domain).nc.descendant(below).child("CN", name),
                            std::move(attributes));
}

std::vector<World::Place> World::live_sources(unsigned c) {
    std::vector<Place> found;
    for (const Published& one : published_) {
        Dc& dc = pick_dc(one.domain, c);
        if (const auto* object = dc.objects().find(one.guid); object && !object->deleted)
            found.emplace_back(&dc, object);
    }
    return found;
}

std::vector<World::Place> World::live_copies(unsigned c) {
    std::vector<Place> found;
    for (std::size_t domain = 0; domain < domains.size(); ++domain) {
        Dc& dc = pick_dc(domain, c);
        for (const auto* object : dc.objects().objects())
            if (is_ours(*object))
                found.emplace_back(&dc, object);
    }
    return found;
}

/// That which Event::same means: itself, a copy of it, or what it is a copy of.
const World::Place& World::pick(const std::vector<Place>& live, const Event& event) const {
    const auto is_it = [&](const Place& place) {
        return place.second->guid == *aim_ ||
               marker_field(our_marker(place.second->attributes), "s") == aim_->to_string();
    };
    if (event.same && aim_)
        if (const auto found = std::ranges::find_if(live, is_it); found != live.end())
            return *found;
    return live.at(event.a % live.size());
}

bool World::act(const Event& event) {
    const What what = event.what;
    bool changed = false;
    if (what <= What::source_taken)
        changed = act_on_source(event);
    else if (what <= What::plant_owned)
        changed = plant(event);
    else if (what <= What::foreign_add)
        changed = publish_by_hand(event);
    else if (what <= What::duplicate_copy)
        changed = act_on_copy(event);
    else if (what <= What::account_back)
        changed = act_on_account(event);
    else if (what == What::settings || what == What::new_service_account ||
             what == What::old_service_account)
        changed = act_on_settings(event);
    else
        changed = act_on_server(event);
    ++step;
    if (changed)
        note_change();
    return changed;
}

bool World::act_on_source(const Event& event) {
    if (event.what == What::source_add) {
        const std::size_t domain = event.a % domains.size();
        Dc& dc = pick_dc(domain, event.c);
        const Dn below = dn("CN=Product,CN=System");
        const std::string name = names.at(event.b % names.size());
        if (dc.objects().find(domains[domain].nc.descendant(below).child("CN", name)))
            return false;
        const std::string value = new_value(nullptr);
        const Guid guid = put(dc, below, name, content(event.b / 3, value), administrator);
        published_.push_back({.guid = guid, .domain = domain, .values = {value}});
        aim_at(guid);
        return true;
    }
    const auto live = live_sources(event.c);
    if (live.empty())
        return false;
    const auto& [dc, object] = pick(live, event);
    MemoryPartition& objects = dc->objects();
    const Dn at = object->dn;
    const Guid guid = object->guid;
    Published& known = *std::ranges::find(published_, guid, &Published::guid);
    const Dn& nc = domains.at(dc->domain).nc;
    switch (event.what) {
    case What::source_change: {
        Values values{new_value(&guid)};
        if (event.b % 3 == 0)
            values.push_back(new_value(&guid));
        known.values.insert(values.begin(), values.end());
        objects.set(at, "serviceBindingInformation", values);
        return true;
    }
    case What::source_describe:
        objects.set(at, "description", {"d" + std::to_string(event.b)});
        return true;
    case What::source_delete:
        objects.recycle_bin = event.b % 2 == 0;
        objects.remove(at);
        return true;
    case What::source_recreate: {
        Attributes attributes = object->attributes;
        for (const char* own :
             {"objectGUID", "entryUUID", "entryCSN", "replPropertyMetaData", "uSNCreated",
              "uSNChanged", "whenChanged", "distinguishedName", "msDS-Settings"})
            attributes.erase(own);
        Published anew = known;
        const auto& shown = values_of(attributes, "serviceBindingInformation");
        if (known.was_copy)
            anew.values.insert(shown.begin(), shown.end());
        objects.remove(at);
        anew.guid = objects.put(at, attributes);
        anew.stands = anew.conflict = anew.shown = 0;
        published_.push_back(std::move(anew));
        return true;
    }
    case What::source_rename:
        objects.rename(at, std::string("CN=") + names.at(event.b % names.size()));
        return true;
    case What::source_move:
        objects.relocate(at, nc.descendant(dn("CN=PC1,CN=Computers")).child("CN", at.rdn_value()));
        return true;
    case What::source_back:
        objects.relocate(at, nc.descendant(dn("CN=Product,CN=System")).child("CN", at.rdn_value()));
        return true;
    case What::source_empty:
        objects.set(at, "serviceBindingInformation", {});
        return true;
    case What::source_unmatch:
        objects.set(at, "keywords", {"other"});
        return true;
    case What::source_mark:
        // What bears our marker where copies lie, and has no other owner, is ours by definition.
        if (at.is_within(nc.descendant(dn("CN=scpd,CN=System"))))
            return false;
        objects.set(at, "msDS-Settings", {forged_marker("prod", guid)});
        return true;
    case What::source_taken:
        if (!config.trusts_owners)
            return false;
        objects.set(at, "nTSecurityDescriptor", {make_security_descriptor(attacker)});
        objects.set(at, "serviceBindingInformation", {"evil." + std::to_string(++values_)});
        return true;
    default:
        return false;
    }
}

/// The same name and keywords as something real has, and values that must never be copied.
bool World::plant(const Event& event) {
    const auto live = live_sources(event.c);
    const std::size_t domain = event.a % domains.size();
    Dc& dc = pick_dc(domain, event.c);
    const std::string name = names.at(event.b % names.size());
    Attributes attributes = content(event.b / 3, "evil." + std::to_string(++values_));
    if (event.what == What::plant_outside) {
        put(dc, dn(event.c % 2 == 0 ? "CN=Policies,CN=System" : "CN=PC1,CN=Computers"), name,
            std::move(attributes), attacker);
        return true;
    }
    if (event.what == What::plant_owned) {
        if (config.trusts_owners)
            put(dc, dn("CN=Other,CN=System"), name, std::move(attributes), attacker);
        return config.trusts_owners;
    }
    const auto copies = live_copies(event.c);
    if (live.empty() && copies.empty())
        return false;
    std::string marker =
        forged_marker("prod", live.empty() ? Guid() : live.at(event.a % live.size()).second->guid);
    if (!copies.empty())
        marker = our_marker(copies.at(event.b % copies.size()).second->attributes);
    attributes["msDS-Settings"] = {marker};
    // Servers without owners tell a copy by its place alone: there it lies elsewhere.
    const bool inside = domains[domain].flavour == Flavour::ad && event.c % 2 == 0;
    const Dn below = dn(inside ? "CN=scpd,CN=System" : "CN=Product,CN=System");
    const std::string forged = inside ? name : name + "-forged";
    if (dc.objects().find(domains[domain].nc.descendant(below).child("CN", forged)) != nullptr)
        return false; // the name is taken
    put(dc, below, forged, std::move(attributes), attacker);
    return true;
}

bool World::publish_by_hand(const Event& event) {
    const std::size_t domain = event.a % domains.size();
    Dc& dc = pick_dc(domain, event.c);
    const std::string name = names.at(event.b % names.size());
    const Dn below =
        dn(event.what == What::foreign_add && event.c % 4 < 2 ? "CN=scpd,CN=System"
                                                              : "CN=Product,CN=System");
    const Dn at = domains[domain].nc.descendant(below).child("CN", name);
    const MemoryObject* there = dc.objects().find(at);
    if (event.what == What::native_remove) {
        if (there == nullptr || is_ours(*there))
            return false;
        dc.objects().remove(at);
        return true;
    }
    if (there != nullptr)
        return false;
    const auto live = live_sources(event.c);
    Attributes attributes = content(event.b / 3, "native." + std::to_string(++values_));
    if (!live.empty() && event.c % 3 != 0)
        for (const char* copied : {"keywords", "serviceBindingInformation", "description"})
            attributes[copied] =
                values_of(live.at(event.c % live.size()).second->attributes, copied);
    std::erase_if(attributes, [](const auto& one) { return one.second.empty(); });
    if (event.what == What::foreign_add)
        attributes["msDS-Settings"] = {forged_marker(
            "staging", live.empty() ? Guid() : live.at(event.c % live.size()).second->guid)};
    const Values& values = attributes["serviceBindingInformation"];
    const std::set<std::string> known(values.begin(), values.end());
    // The other instance may well run under our service account.
    const bool ours = event.what == What::foreign_add && event.c % 2 == 0 && dc.server->account;
    const Guid guid =
        put(dc, below, name, std::move(attributes), ours ? *dc.server->account : administrator);
    if (event.what == What::foreign_add)
        foreign_[guid] = step;
    if (event.what == What::native_add) // elsewhere it is a source like any other
        published_.push_back({.guid = guid, .domain = domain, .values = known});
    return true;
}

bool World::act_on_copy(const Event& event) {
    const auto live = live_copies(event.c);
    if (live.empty())
        return false;
    const auto& [dc, object] = pick(live, event);
    MemoryPartition& objects = dc->objects();
    const Dn at = object->dn;
    const Dn& nc = domains.at(dc->domain).nc;
    const std::string hand = "hand." + std::to_string(++values_);
    // Elsewhere it may have lost its marker already.
    if (const auto known = std::ranges::find(published_, object->guid, &Published::guid);
        known != published_.end() &&
        (event.what == What::edit_copy || event.what == What::edit_bindings))
        known->values.insert(hand);
    switch (event.what) {
    case What::edit_copy: {
        Values values = values_of(object->attributes, "serviceBindingInformation");
        values.push_back(hand);
        objects.set(at, "serviceBindingInformation", values);
        return true;
    }
    case What::edit_bindings:
        objects.set(at, "serviceBindingInformation", {hand});
        return true;
    case What::release_copy: { // now it is an SCP like any other, and may become a source
        std::set<std::string> known;
        for (const std::size_t each : domains.at(dc->domain).dcs)
            if (const MemoryObject* there = dcs.at(each).objects().find(object->guid))
                for (const auto& value : values_of(there->attributes, "serviceBindingInformation"))
                    known.insert(value);
        published_.push_back({.guid = object->guid,
                              .domain = dc->domain,
                              .values = std::move(known),
                              .was_copy = true});
        objects.set(at, "msDS-Settings", {});
        return true;
    }
    case What::park_copy:
        if (!marker_field(our_marker(object->attributes), "parked").empty())
            return false;
        objects.set(at, "msDS-Settings",
                    {our_marker(object->attributes) + ";parked=" + to_rfc3339(forest.now)});
        return true;
    case What::delete_copy:
        objects.remove(at);
        return true;
    case What::rename_copy:
        objects.rename(at, "CN=" + hand);
        return true;
    case What::move_copy:
        objects.relocate(
            at, nc.descendant(dn("CN=Product,CN=System")).child("CN", at.rdn_value() + "-moved"));
        return true;
    case What::duplicate_copy: {
        Attributes attributes = object->attributes;
        for (const char* own :
             {"objectGUID", "entryUUID", "entryCSN", "replPropertyMetaData", "uSNCreated",
              "uSNChanged", "whenChanged", "distinguishedName", "cn"})
            attributes.erase(own);
        // Where servers have no owners a duplicate in the place of copies is a copy.
        put(*dc,
            dn(dc->server->flavour == Flavour::ad ? "CN=scpd,CN=System" : "CN=Product,CN=System"),
            hand, std::move(attributes), administrator);
        return true;
    }
    default:
        return false;
    }
}

bool World::act_on_account(const Event& event) {
    const std::string name = "agent" + std::to_string(event.a % 2);
    if (event.what != What::account_back)
        for (Dc& dc : dcs)
            dc.objects().remove(
                domains.at(dc.domain).nc.descendant(dn("CN=" + name + ",CN=Users")));
    if (event.what == What::account_vanish)
        return true;
    for (std::size_t i = 0; i < domains.size(); ++i)
        if (pick_dc(i, event.c)
                .objects()
                .find(domains[i].nc.descendant(dn("CN=" + name + ",CN=Users"))))
            return false;
    Dc& dc = pick_dc(event.b % domains.size(), event.c);
    dc.objects().put(domains.at(dc.domain).nc.descendant(dn("CN=" + name + ",CN=Users")),
                     {{"objectClass", {"user"}},
                      {"sAMAccountName", {name}},
                      {"userPrincipalName", {name + "@corp.test"}},
                      {"userAccountControl", {"512"}}});
    return true;
}

bool World::act_on_settings(const Event& event) {
    if (event.what != What::settings) {
        second_service_account = event.what == What::new_service_account;
        set_accounts();
        return true;
    }
    switch (event.a % 6) {
    case 0:
        config.more_keywords = !config.more_keywords;
        break;
    case 1:
        config.has_rule_q = !config.has_rule_q;
        break;
    case 2:
        config.describes = !config.describes;
        break;
    case 3:
        config.q_everywhere = !config.q_everywhere;
        break;
    case 4:
        config.mode = std::array{Mode::sync,        Mode::upsert, Mode::observe,
                                 Mode::create_only, Mode::sync,   Mode::sync}
                          .at(event.b % 6);
        break;
    default:
        config.denies = !config.denies;
        break;
    }
    return true;
}

} // namespace scp::sim
