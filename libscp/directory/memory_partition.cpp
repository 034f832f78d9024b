#include "base/text.hpp"
#include "directory/memory.hpp"
#include "directory/memory_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace scp {
namespace {

Error ldap_failure(ErrorKind kind, int code, std::string_view what, const Dn& dn,
                   std::string_view why) {
    return Error{kind,
                 fmt::format("cannot {} {}: LDAP {}: {}", what, printable(dn.text()), code, why),
                 {},
                 code};
}

std::string generalized_time(Timestamp time) {
    // 2026-01-01T00:00:00Z → 20260101000000
    std::string digits;
    std::ranges::copy_if(to_rfc3339(time), std::back_inserter(digits),
                         [](char c) { return c >= '0' && c <= '9'; });
    return digits;
}

} // namespace

MemoryPartition::MemoryPartition(MemoryForest& forest, const Dn& nc, Flavour flavour)
    : forest_(forest), nc_(nc), flavour_(flavour) {}

void MemoryPartition::touch(MemoryObject& object, const std::string& attribute) {
    MemoryObject::Change& change = object.changes[attribute];
    ++change.version;
    change.time = forest_.now;
}

std::uint64_t MemoryPartition::next_usn() {
    return usn_ = ++forest_.usn_;
}

void MemoryPartition::refresh_operational(MemoryObject& object) {
    object.usn_changed = next_usn();
    object.changed = forest_.now;
    forest_.now += std::chrono::seconds{1};
    show_operational(object);
}

void MemoryPartition::show_operational(MemoryObject& object) {
    Attributes& a = object.attributes;
    a["distinguishedName"] = {object.dn.text()};
    a["name"] = {object.dn.rdn_value()};
    if (flavour_ == Flavour::ad) {
        a["objectGUID"] = {object.guid.ad_bytes()};
        a["uSNCreated"] = {std::to_string(object.usn_created)};
        a["uSNChanged"] = {std::to_string(object.usn_changed)};
        a["whenChanged"] = {generalized_time(object.changed) + ".0Z"};
        a["replPropertyMetaData"] = {make_property_metadata(object.changes)};
    } else {
        a["entryUUID"] = {object.guid.to_string()};
        a["entryCSN"] = {fmt::format("{}.{:06}Z#000000#000#000000",
                                     generalized_time(object.changed),
                                     object.usn_changed % 1000000)};
    }
    forest_.changed();
}

MemoryObject& MemoryPartition::insert(const Dn& dn, Attributes attributes) {
    auto object = std::make_unique<MemoryObject>();
    object->dn = dn;
    object->guid = forest_.next_guid();
    object->attributes = std::move(attributes);
    complete_classes(object->attributes["objectClass"]);
    object->attributes[dn.rdn_type()] = {dn.rdn_value()};
    object->usn_created = forest_.usn_ + 1;
    for (const auto& [name, values] : Attributes(object->attributes)) {
        touch(*object, name);
    }
    touch(*object, "name");
    refresh_operational(*object);
    MemoryObject& stored = *object;
    objects_[dn.key()] = std::move(object);
    return stored;
}

Guid MemoryPartition::put(const Dn& dn, Attributes attributes) {
    const std::lock_guard lock(forest_.mutex_);
    if (const Dn parent = dn.parent();
        !(dn == nc_) && parent.is_within(nc_) && find(parent) == nullptr) {
        put(parent, {{"objectClass", {"container"}}});
    }
    if (auto at = objects_.find(dn.key()); at != objects_.end()) {
        MemoryObject& object = *at->second;
        const Attributes before = std::exchange(object.attributes, std::move(attributes));
        complete_classes(object.attributes["objectClass"]);
        object.attributes[dn.rdn_type()] = {dn.rdn_value()};
        for (const auto& [name, values] : Attributes(object.attributes)) {
            if (values_of(before, name) != values) {
                touch(object, name);
            }
        }
        refresh_operational(object);
        return object.guid;
    }
    return insert(dn, std::move(attributes)).guid;
}

void MemoryPartition::remove(const Dn& dn) {
    const std::lock_guard lock(forest_.mutex_);
    std::vector<MemoryObject*> doomed;
    for (auto& [key, object] : objects_) {
        if (!object->deleted && object->dn.is_within(dn)) {
            doomed.push_back(object.get());
        }
    }
    std::ranges::sort(doomed, std::greater<>{},
                      [](const MemoryObject* one) { return one->dn.depth(); });
    for (MemoryObject* object : doomed) {
        bury(*object);
    }
}

void MemoryPartition::set(const Dn& dn, const std::string& attribute, Values values) {
    const std::lock_guard lock(forest_.mutex_);
    auto at = objects_.find(dn.key());
    if (at == objects_.end()) {
        return;
    }
    if (values.empty()) {
        at->second->attributes.erase(attribute);
    } else {
        at->second->attributes[attribute] = std::move(values);
    }
    touch(*at->second, attribute);
    refresh_operational(*at->second);
}

void MemoryPartition::rename(const Dn& dn, const std::string& new_rdn) {
    const std::lock_guard lock(forest_.mutex_);
    if (auto at = objects_.find(dn.key()); at != objects_.end()) {
        (void)rename(*at->second, new_rdn);
    }
}

void MemoryPartition::relocate(const Dn& dn, const Dn& to) {
    const std::lock_guard lock(forest_.mutex_);
    const auto at = objects_.find(dn.key());
    if (at == objects_.end() || objects_.contains(to.key()))
        return;
    MemoryObject& object = *at->second;
    object.attributes.erase(dn.rdn_type());
    move(object, to);
    object.attributes[to.rdn_type()] = {to.rdn_value()};
    touch(object, "name");
    refresh_operational(object);
}

const MemoryObject* MemoryPartition::find(const Dn& dn) const {
    const std::lock_guard lock(forest_.mutex_);
    const auto at = objects_.find(dn.key());
    return at == objects_.end() || at->second->deleted ? nullptr : at->second.get();
}

const MemoryObject* MemoryPartition::find(const Guid& guid) const {
    const std::lock_guard lock(forest_.mutex_);
    const auto at =
        std::ranges::find_if(objects_, [&](const auto& one) { return one.second->guid == guid; });
    return at == objects_.end() ? nullptr : at->second.get();
}

bool MemoryPartition::any_of(const std::function<bool(const MemoryObject&)>& is_one) const {
    const std::lock_guard lock(forest_.mutex_);
    return std::ranges::any_of(objects_, [&](const auto& one) { return is_one(*one.second); });
}

std::vector<const MemoryObject*> MemoryPartition::objects() const {
    const std::lock_guard lock(forest_.mutex_);
    std::vector<const MemoryObject*> live;
    for (const auto& [key, object] : objects_) {
        if (!object->deleted) {
            live.push_back(object.get());
        }
    }
    std::ranges::sort(live, {}, &MemoryObject::usn_created);
    return live;
}

void MemoryPartition::replicate_from(const MemoryPartition& other) {
    const std::lock_guard lock(forest_.mutex_);
    objects_.clear();
    for (const auto& [key, object] : other.objects_) {
        auto copy = std::make_unique<MemoryObject>(*object);
        copy->usn_changed = next_usn();
        if (flavour_ == Flavour::ad) {
            copy->attributes["uSNChanged"] = {std::to_string(copy->usn_changed)};
        }
        objects_[key] = std::move(copy);
    }
    forest_.changed();
}

bool MemoryPartition::has_children(const Dn& dn) const {
    return std::ranges::any_of(objects_, [&](const auto& one) {
        return !one.second->deleted && one.second->dn.is_within(dn) && !(one.second->dn == dn);
    });
}

MemoryObject* MemoryPartition::resolve(const ObjectRef& object, bool guid_names) {
    for (auto& [key, one] : objects_) {
        const bool hit =
            object.guid && guid_names ? one->guid == *object.guid : one->dn == object.dn;
        if (hit && !one->deleted) {
            return one.get();
        }
    }
    return nullptr;
}

void MemoryPartition::move(MemoryObject& object, const Dn& to) {
    auto node = objects_.extract(object.dn.key());
    node.key() = to.key();
    object.dn = to;
    objects_.insert(std::move(node));
}

void MemoryPartition::bury(MemoryObject& object) {
    if (flavour_ == Flavour::openldap) {
        next_usn();
        objects_.erase(object.dn.key());
        forest_.changed();
        return;
    }
    const std::string parent = object.dn.parent().text();
    const std::string name = object.dn.rdn_value() + "\nDEL:" + object.guid.to_string();
    const Dn grave = nc_.child("CN", "Deleted Objects").child(object.dn.rdn_type(), name);
    if (!recycle_bin) {
        // [MS-ADTS] 3.1.1.5.5.1.1: what a tombstone keeps of what matters here.
        std::erase_if(object.attributes, [](const auto& one) {
            constexpr std::array<std::string_view, 6> kept{"objectClass", "objectGUID",
                                                           "objectSid",   "cn",
                                                           "uSNCreated",  "nTSecurityDescriptor"};
            return std::ranges::none_of(
                kept, [&](auto keep) { return equal_ascii_nocase(keep, one.first); });
        });
    }
    move(object, grave);
    object.deleted = true;
    object.attributes["isDeleted"] = {"TRUE"};
    object.attributes["lastKnownParent"] = {parent};
    touch(object, "isDeleted");
    touch(object, "name");
    refresh_operational(object);
}

Result<void> MemoryPartition::apply(const Write& write, const std::optional<Sid>& owner,
                                    bool guid_names) {
    if (const auto* add = std::get_if<AddEntry>(&write)) {
        return this->add(*add, owner);
    }
    const ObjectRef& ref = std::visit(
        [](const auto& one) -> const ObjectRef& {
            if constexpr (requires { one.object; }) {
                return one.object;
            } else {
                static const ObjectRef none;
                return none;
            }
        },
        write);
    MemoryObject* object = resolve(ref, guid_names);
    if (object == nullptr) {
        return fail(ldap_failure(ErrorKind::not_found, 32, "change", ref.dn, "noSuchObject"));
    }
    if (const auto* modify = std::get_if<ModifyEntry>(&write)) {
        return this->modify(*object, *modify);
    }
    if (const auto* rename = std::get_if<RenameEntry>(&write)) {
        return this->rename(*object, rename->new_rdn);
    }
    return erase(*object);
}

Result<void> MemoryPartition::add(const AddEntry& add, const std::optional<Sid>& owner) {
    if (find(add.dn.parent()) == nullptr && !(add.dn == nc_)) {
        return fail(ldap_failure(ErrorKind::not_found, 32, "add", add.dn,
                                 "noSuchObject: the parent is not there"));
    }
    if (find(add.dn) != nullptr) {
        return fail(
            ldap_failure(ErrorKind::already_exists, 68, "add", add.dn, "entryAlreadyExists"));
    }
    if (values_of(add.attributes, "objectClass").empty()) {
        return fail(ldap_failure(ErrorKind::rejected, 65, "add", add.dn,
                                 "objectClassViolation: no objectClass"));
    }
    Attributes attributes = add.attributes;
    std::erase_if(attributes, [](const auto& one) { return one.second.empty(); });
    for (const auto& [name, values] : attributes) {
        if (has_duplicates(values)) {
            return fail(ldap_failure(ErrorKind::conflict, 20, "add", add.dn,
                                     "attributeOrValueExists: " + name));
        }
        if (is_single_valued(name) && values.size() > 1) {
            return fail(ldap_failure(ErrorKind::rejected, 19, "add", add.dn,
                                     "constraintViolation: " + name));
        }
    }
    if (flavour_ == Flavour::ad && owner && !attributes.contains("nTSecurityDescriptor")) {
        attributes["nTSecurityDescriptor"] = {make_security_descriptor(*owner)};
    }
    insert(add.dn, std::move(attributes));
    return {};
}

Result<void> MemoryPartition::modify(MemoryObject& object, const ModifyEntry& modify) {
    Attributes after = object.attributes;
    for (const Modification& one : modify.modifications) {
        if (equal_ascii_nocase(one.attribute, object.dn.rdn_type())) {
            return fail(
                ldap_failure(ErrorKind::rejected, 67, "modify", object.dn, "notAllowedOnRDN"));
        }
        if (const int code = apply_modification(after, one); code != 0) {
            return fail(ldap_failure(
                ErrorKind::conflict, code, "modify", object.dn,
                fmt::format("{}: {}", code == 16 ? "noSuchAttribute" : "attributeOrValueExists",
                            printable(one.attribute))));
        }
    }
    for (const Modification& one : modify.modifications) {
        if (is_single_valued(one.attribute) && values_of(after, one.attribute).size() > 1) {
            return fail(ldap_failure(ErrorKind::rejected, 19, "modify", object.dn,
                                     "constraintViolation: " + printable(one.attribute)));
        }
    }
    object.attributes = std::move(after);
    for (const Modification& one : modify.modifications) {
        touch(object, one.attribute);
    }
    refresh_operational(object);
    return {};
}

Result<void> MemoryPartition::rename(MemoryObject& object, const std::string& new_rdn) {
    const Dn from = object.dn;
    auto rdn = Dn::parse(new_rdn);
    if (!rdn || rdn->depth() != 1) {
        return fail(ldap_failure(ErrorKind::rejected, 34, "rename", from, "invalidDNSyntax"));
    }
    const Dn to = from.parent().child(rdn->rdn_type(), rdn->rdn_value());
    if (const MemoryObject* there = find(to); there != nullptr && there != &object) {
        return fail(
            ldap_failure(ErrorKind::already_exists, 68, "rename", from, "entryAlreadyExists"));
    }
    std::vector<MemoryObject*> below;
    for (auto& [key, one] : objects_) {
        if (one->dn.is_within(from) && !(one->dn == from)) {
            below.push_back(one.get());
        }
    }
    for (MemoryObject* one : below) {
        if (auto relative = one->dn.relative_to(from)) {
            move(*one, to.descendant(*relative));
            one->attributes["distinguishedName"] = {one->dn.text()};
        }
    }
    object.attributes.erase(from.rdn_type());
    move(object, to);
    object.attributes[to.rdn_type()] = {to.rdn_value()};
    touch(object, to.rdn_type());
    touch(object, "name");
    refresh_operational(object);
    return {};
}

Result<void> MemoryPartition::erase(MemoryObject& object) {
    if (has_children(object.dn)) {
        return fail(
            ldap_failure(ErrorKind::rejected, 66, "delete", object.dn, "notAllowedOnNonLeaf"));
    }
    bury(object);
    return {};
}

} // namespace scp
