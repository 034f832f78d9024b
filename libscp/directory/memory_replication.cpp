#include "directory/memory.hpp"

namespace scp {
namespace {

using Change = MemoryObject::Change;

bool is_later(const Change& one, const Change& other) {
    return std::tie(one.version, one.time) > std::tie(other.version, other.time);
}

Change stamp(const MemoryObject& object, const std::string& attribute) {
    const auto found = object.changes.find(attribute);
    return found == object.changes.end() ? Change{} : found->second;
}

} // namespace

/// True where anything was taken over. The object keeps its place in `objects_`, but for its name.
bool MemoryPartition::merge(MemoryObject& object, const MemoryObject& other) {
    if (object.deleted)
        return false;
    if (other.deleted) {
        move(object, other.dn);
        object.deleted = true;
        object.attributes = other.attributes;
        object.changes = other.changes;
        return true;
    }
    bool changed = false;
    const bool renamed = is_later(stamp(other, "name"), stamp(object, "name"));
    for (const auto& [name, change] : other.changes) {
        const bool is_name =
            equal_ascii_nocase(name, "name") || equal_ascii_nocase(name, object.dn.rdn_type());
        if (is_name || !is_later(change, stamp(object, name)))
            continue;
        object.changes[name] = change;
        if (const auto& values = values_of(other.attributes, name); !values.empty())
            object.attributes[name] = values;
        else
            object.attributes.erase(name);
        changed = true;
    }
    if (!renamed)
        return changed;
    object.attributes.erase(object.dn.rdn_type());
    if (!(object.dn == other.dn))
        move(object, other.dn);
    object.dn = other.dn;
    object.attributes[other.dn.rdn_type()] = {other.dn.rdn_value()};
    object.changes["name"] = stamp(other, "name");
    return true;
}

/// The name that `comer` takes is another object's: the one that has it for longer gives way, and
/// here that is told of. nullopt: nobody has to give way here.
std::optional<Dn> MemoryPartition::make_room(const MemoryObject& comer) {
    const auto there = objects_.find(comer.dn.key());
    if (comer.deleted || there == objects_.end() || there->second->guid == comer.guid)
        return std::nullopt;
    MemoryObject& holder = *there->second;
    const Dn lost = holder.dn;
    rename(
        holder,
        Dn().child(lost.rdn_type(), lost.rdn_value() + "\nCNF:" + holder.guid.to_string()).text());
    return lost;
}

std::vector<Dn> MemoryPartition::merge_from(const MemoryPartition& other) {
    const std::lock_guard lock(forest_.mutex_);
    std::map<Guid, MemoryObject*> here;
    for (const auto& [key, object] : objects_)
        here.emplace(object->guid, object.get());
    std::vector<Dn> conflicts;
    // What was here before first: a name that somebody gave up, by a delete too, is free then.
    for (const auto& [key, theirs] : other.objects_) {
        const auto found = here.find(theirs->guid);
        if (found == here.end())
            continue;
        MemoryObject& ours = *found->second;
        if (!(ours.dn == theirs->dn) && !ours.deleted &&
            (theirs->deleted || is_later(stamp(*theirs, "name"), stamp(ours, "name"))))
            if (auto lost = make_room(*theirs))
                conflicts.push_back(std::move(*lost));
        if (merge(ours, *theirs)) {
            ours.usn_changed = next_usn();
            show_operational(ours);
        }
    }
    for (const auto& [key, theirs] : other.objects_) {
        if (here.contains(theirs->guid))
            continue;
        const auto there = objects_.find(theirs->dn.key());
        const bool taken = !theirs->deleted && there != objects_.end();
        // The younger one keeps the name; the other side, when it is told, decides alike.
        if (taken && is_later(stamp(*there->second, "name"), stamp(*theirs, "name"))) {
            conflicts.push_back(theirs->dn);
            continue;
        }
        if (auto lost = make_room(*theirs))
            conflicts.push_back(std::move(*lost));
        auto copy = std::make_unique<MemoryObject>(*theirs);
        copy->usn_created = copy->usn_changed = next_usn();
        show_operational(*copy);
        objects_[copy->dn.key()] = std::move(copy);
    }
    if (!here.empty())
        forest_.changed();
    return conflicts;
}

} // namespace scp
