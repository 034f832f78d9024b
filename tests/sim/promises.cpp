#include "base/marker.hpp"
#include "base/text.hpp"
#include "sim/run.hpp"

#include <fmt/format.h>

#include <algorithm>

// What DESIGN.md promises, checked at each write of a daemon against what the simulation itself
// knows; nothing of the product is asked.

namespace scp::sim {
namespace {

const Rule* rule_named(const Settings& settings, const std::string& name) {
    const auto found = std::ranges::find(settings.rules, name, &Rule::name);
    return found == settings.rules.end() ? nullptr : &*found;
}

const HistoryRecord* record_of(const Daemon& daemon, const Guid* guid, const Dn& dn) {
    auto found = daemon.open_records.find(guid != nullptr ? guid->to_string() : dn.key());
    if (found == daemon.open_records.end())
        found = daemon.open_records.find(dn.key());
    return found == daemon.open_records.end() ? nullptr : &found->second;
}

class Check {
  public:
    Check(Run& run, const Dc& dc, const MemoryObject* object)
        : run_(run), world_(run.world), daemon_(*run.current), dc_(dc), object_(object) {}

    void add(const AddEntry& add) {
        name_ = add.dn.text();
        if (std::ranges::find(values_of(add.attributes, "objectClass"), "container") !=
            values_of(add.attributes, "objectClass").end())
            return;
        const std::string marker = our_marker(add.attributes);
        demand(!marker.empty(), "what is created is marked");
        pinned();
        demand(record_of(daemon_, nullptr, add.dn) != nullptr,
               "every write is in the history, with its pre-image, before it happens");
        rule_ = marker_field(marker, "r");
        allowed(Op::create);
        content(values_of(add.attributes, "serviceBindingInformation"), {}, marker, {});
        demand(add.dn.is_within(
                   world_.domains.at(dc_.domain).nc.descendant(*Dn::parse("CN=scpd,CN=System"))),
               "copies are made where the rule says");
        const std::string source = marker_field(marker, "s");
        for (const auto* other : dc_.objects().objects())
            demand(!known_copy(*other, source, add.dn.parent()),
                   "no second copy of one source in a domain");
        first_use(source);
        const Published* known = world_.published(*Guid::parse(source));
        const bool all_seen = world_.blind_until <= daemon_.began_at;
        if (const std::string why = world_.against(*known, add, dc_.domain, daemon_.began);
            all_seen && !why.empty())
            demand(false, why);
    }

    void modify(const ModifyEntry& modify) {
        if (object_ == nullptr)
            return;
        const std::string marker = ours();
        recorded();
        demand(marker_field(marker, "parked").empty() || !content_changes(modify),
               "a parked copy is let alone");
        std::string after;
        Values added;
        Values left = values_of(object_->attributes, "serviceBindingInformation");
        for (const auto& one : modify.modifications) {
            if (equal_ascii_nocase(one.attribute, "msDS-Settings") &&
                one.op != Modification::Op::remove && !one.values.empty())
                after = one.values.front();
            if (!equal_ascii_nocase(one.attribute, "serviceBindingInformation"))
                continue;
            if (one.op == Modification::Op::remove)
                std::erase_if(left, [&](const auto& value) {
                    return std::ranges::find(one.values, value) != one.values.end();
                });
            else
                added.insert(added.end(), one.values.begin(), one.values.end());
        }
        rule_ = marker_field(after, "r");
        const bool retires = !marker_field(after, "gone").empty();
        allowed(retires ? Op::mark : Op::update);
        demand(!left.empty() || !added.empty() ||
                   values_of(object_->attributes, "serviceBindingInformation").empty(),
               "a copy never loses all its bindings");
        content(added, left, after, values_of(object_->attributes, "serviceBindingInformation"));
        if (retires && marker_field(marker, "gone").empty())
            demand(daemon_.reads_since(world_.unwanted_since(object_->guid, daemon_.reads)) >=
                       world_.config.confirmations,
                   "a retire is confirmed by several reads");
        count();
    }

    void rename() {
        if (object_ == nullptr)
            return;
        announced();
        ours();
        recorded();
        rule_ = marker_field(our_marker(object_->attributes), "r");
        allowed(Op::rename);
        count();
    }

    void remove() {
        if (object_ == nullptr)
            return;
        announced();
        const std::string marker = ours();
        pinned();
        recorded();
        rule_ = marker_field(marker, "r");
        allowed(Op::remove);
        const auto gone = parse_rfc3339(marker_field(marker, "gone"));
        demand(gone.has_value() && *gone + std::chrono::minutes(30) <= world_.forest.now,
               "a delete waits for its grace");
        demand(daemon_.cycles >= world_.config.confirmations,
               "a retire is confirmed by several reads");
        const std::size_t since = world_.wanted_since(object_->guid);
        demand(since == 0 || since > daemon_.began,
               "a copy whose source is there, trusted and wanted is not deleted");
        // Nor can what was changed after the pre-image was read, but for the marker.
        const HistoryRecord& record = *record_of(daemon_, &object_->guid, object_->dn);
        const Attributes& looked_at = daemon_.looked_at[object_->guid];
        for (const auto& [attribute, values] : record.change.before)
            demand(same_values(values, values_of(looked_at, attribute)),
                   "what was changed after it was read is not deleted");
        daemon_.deleted.insert(object_->guid.to_string());
        daemon_.rules_of_deleted.insert(rule_);
        count();
    }

  private:
    void demand(bool kept, const std::string& promise) const {
        if (!kept)
            throw Violation{promise,
                            fmt::format("daemon {} on {}: {}", daemon_.number, dc_.server->uri.host,
                                        printable(object_ ? object_->dn.text() : name_))};
    }

    [[nodiscard]] bool has_owners() const {
        return world_.domains.at(dc_.domain).flavour == Flavour::ad;
    }
    [[nodiscard]] bool owned(const MemoryObject& object) const {
        if (!has_owners())
            return true;
        const auto& descriptor = first_of(object.attributes, "nTSecurityDescriptor");
        return descriptor == make_security_descriptor(*dc_.server->account) ||
               (world_.config.marker_owners &&
                (descriptor == make_security_descriptor(world_.first_account) ||
                 descriptor == make_security_descriptor(world_.second_account)));
    }

    /// Where servers have no owners, what somebody moved away is no copy of ours any more. Nobody
    /// can know of what a server does not show, nor of what the other daemon makes meanwhile: that
    /// has the same name, and the server refuses it, unless somebody renames it at that moment.
    [[nodiscard]] bool known_copy(const MemoryObject& object, const std::string& source,
                                  const Dn& place) const {
        return world_.is_ours(object) && owned(object) &&
               marker_field(our_marker(object.attributes), "s") == source &&
               (has_owners() || object.dn.is_within(place)) &&
               world_.made_by_us.at(object.guid) < daemon_.began &&
               world_.blind_until <= daemon_.began_at;
    }

    /// Renames and deletes carry no condition (AD has no assertion control): nothing can tell what
    /// happens between them and the modify of the marker that comes first and does. So the object
    /// is judged as that modify found it.
    void announced() {
        const auto before = daemon_.announced.find(object_->guid);
        demand(before != daemon_.announced.end(), "a rename or delete follows its marker");
        object_ = &before->second;
    }

    /// Promise 1. Its marker.
    std::string ours() const {
        const std::string marker = our_marker(object_->attributes);
        demand(world_.made_by_us.contains(object_->guid) && !marker.empty() && owned(*object_),
               "nothing that is not ours is changed or deleted");
        return marker;
    }

    void pinned() const {
        demand(dc_.server == world_.dcs.at(world_.domains.at(dc_.domain).dcs.front()).server,
               "creates and deletes go to one server of a domain");
    }

    /// Promise 6.
    void recorded() const {
        const HistoryRecord* record = record_of(daemon_, &object_->guid, object_->dn);
        demand(record != nullptr && record->pre_image.has_value(),
               "every write is in the history, with its pre-image, before it happens");
    }

    void allowed(Op op) const {
        const Rule* rule = rule_named(*daemon_.settings, rule_);
        demand(rule != nullptr, "what is written is of a rule of the settings");
        const Mode mode = rule->mode;
        const bool retires = op == Op::remove || op == Op::mark;
        demand(mode != Mode::observe && (mode != Mode::create_only || op == Op::create) &&
                   (!retires || mode == Mode::sync),
               "the mode allows what is written");
        demand(std::ranges::find(daemon_.paused, rule_) == daemon_.paused.end(),
               "what is paused is let alone");
    }

    static bool content_changes(const ModifyEntry& modify) {
        return std::ranges::any_of(modify.modifications, [](const Modification& one) {
            return !equal_ascii_nocase(one.attribute, "msDS-Settings");
        });
    }

    /// Values that come to a copy are the source's own, and none is older than what there was.
    void content(const Values& added, const Values& left, const std::string& marker,
                 const Values& before) const {
        if (added.empty())
            return;
        const auto source = Guid::parse(marker_field(marker, "s"));
        const Published* known = source ? world_.published(*source) : nullptr;
        demand(known != nullptr, "only what an application published is copied");
        demand(world_.domains.at(known->domain).trusted, "only trusted domains' SCPs are copied");
        unsigned newest = 0;
        for (const auto& value : added) {
            demand(world_.is_value_of(*known, value), "only values of the source come to a copy");
            demand(!daemon_.settings->rules.front().bindings.deny.size() || !value.ends_with("bad"),
                   "bindings that are denied are not copied");
            newest = std::max(newest, version_in(value));
        }
        for (const auto& value : left)
            newest = std::max(newest, version_in(value));
        unsigned had = 0;
        for (const auto& value : before)
            if (known->values.contains(value))
                had = std::max(had, version_in(value));
        if (newest < had)
            not_older(marker);
    }

    /// A version is the time of the newest change of any copied attribute: a DC that lags in one
    /// and is ahead in another cannot be told from one that has all, so nor is it demanded here.
    /// Markers note which version it was; what DCs show by now may be something else.
    void not_older(const std::string& marker) const {
        const std::string before = our_marker(object_->attributes);
        demand(marker_field(before, "s") != marker_field(marker, "s") ||
                   noted_version(marker) >= noted_version(before),
               "an older version of a source does not replace a newer one");
    }

    static Timestamp noted_version(const std::string& marker_value) {
        const auto marker = parse_marker(marker_value);
        if (!marker || marker->version.kind != SourceVersion::Kind::originating)
            return {};
        return parse_rfc3339(marker->version.text).value_or(Timestamp{});
    }

    void first_use(const std::string& source) const {
        if (!world_.config.first_use || daemon_.approved)
            return;
        // Where any copy of it is there, on any server, it was used before.
        const auto uses = [&](const MemoryObject* object) {
            return marker_field(our_marker(object->attributes), "s") == source;
        };
        for (const Dc& dc : world_.dcs)
            if (std::ranges::any_of(dc.objects().objects(), uses))
                return;
        demand(false, "a new source waits for a person");
    }

    void count() const { daemon_.written.insert(object_->guid.to_string()); }

    Run& run_;
    World& world_;
    Daemon& daemon_;
    const Dc& dc_;
    const MemoryObject* object_;
    std::string name_, rule_;
};

/// With what it is of: for another source or other settings the count begins anew.
Attributes content_of(const MemoryObject& object) {
    Attributes all{{"name", {object.dn.rdn_value()}}};
    for (const char* name : {"keywords", "serviceBindingInformation", "description"})
        all[name] = sorted(values_of(object.attributes, name));
    const std::string marker = our_marker(object.attributes);
    for (const char* field : {"s", "sel", "attrs"})
        all[field] = {marker_field(marker, field)};
    return all;
}

/// A copy that somebody changes back again and again is let alone: the same is not put there a
/// fourth time within an hour by one host, which knows only of answers that came. Where a copy was
/// as a daemon had left it, nobody had changed it.
void not_fought_over(Run& run, Daemon& daemon, const MemoryObject& before,
                     const MemoryObject& now) {
    const Attributes left = content_of(now);
    const Attributes found = content_of(before);
    if (left == found || run.world.left_by_us[now.guid].contains(found))
        return;
    // By the history's clock, which is read before the write.
    const HistoryRecord* record = record_of(daemon, &now.guid, before.dn);
    const Timestamp at = record != nullptr ? record->at : run.world.forest.now;
    auto& repairs = daemon.repairs[now.guid];
    std::erase_if(repairs,
                  [&](const auto& one) { return one.first <= at - std::chrono::hours(1); });
    if (std::ranges::count(repairs, left, [](const auto& one) { return one.second; }) >= 3)
        throw Violation{"what somebody changes back again and again is let alone",
                        printable(now.dn.text())};
    repairs.emplace_back(at, left);
}

} // namespace

void check_before_write(Run& run, const Dc& dc, const Write& write, const MemoryObject* object) {
    Check check(run, dc, object);
    // What the server would refuse is no harm.
    if (const auto* add = std::get_if<AddEntry>(&write)) {
        if (dc.objects().find(add->dn) == nullptr)
            check.add(*add);
    } else if (const auto* modify = std::get_if<ModifyEntry>(&write)) {
        for (const auto& one : modify->modifications)
            if (one.op == Modification::Op::remove && object != nullptr)
                for (const auto& value : one.values)
                    if (std::ranges::find(values_of(object->attributes, one.attribute), value) ==
                        values_of(object->attributes, one.attribute).end())
                        return;
        check.modify(*modify);
    } else if (std::holds_alternative<RenameEntry>(write)) {
        check.rename();
    } else {
        check.remove();
    }
}

void check_after_write(Run& run, const Dc& dc, const Write& write,
                       const std::optional<MemoryObject>& before, bool answered) {
    Daemon& daemon = *run.current;
    const auto* const adds = std::get_if<AddEntry>(&write);
    if (const auto* record =
            record_of(daemon, before ? &before->guid : nullptr, before ? before->dn : adds->dn))
        daemon.recorded.push_back(*record);
    if (const MemoryObject* now = before ? dc.objects().find(before->guid) : nullptr;
        now != nullptr && !now->deleted) {
        if (answered)
            not_fought_over(run, daemon, *before, *now);
        run.world.left_by_us[now->guid].insert(content_of(*now));
    }
    std::string marker;
    Guid guid;
    if (adds != nullptr) {
        const MemoryObject* made = dc.objects().find(adds->dn);
        run.world.made_by_us.emplace(made->guid, run.world.step);
        run.world.left_by_us[made->guid].insert(content_of(*made));
        daemon.written.insert(made->guid.to_string());
        guid = made->guid;
        marker = our_marker(made->attributes);
    } else if (const auto* modify = std::get_if<ModifyEntry>(&write); modify && before) {
        guid = before->guid;
        const MemoryObject* now = dc.objects().find(guid);
        marker = our_marker(now->attributes);
        const HistoryRecord* record = record_of(daemon, &guid, before->dn);
        if (record != nullptr &&
            (record->change.op == Op::remove || record->change.op == Op::rename))
            daemon.announced.insert_or_assign(guid, *before);
        if (record != nullptr && our_marker(before->attributes) != record->change.marker_before)
            throw Violation{"a marker that was changed meanwhile makes a write fail",
                            before->dn.text()};
    }
    if (!marker.empty() && marker_field(marker, "gone").empty())
        run.world.remember_filter(guid, marker_field(marker, "r"));
    if (daemon.approved)
        return;
    const auto& limits = daemon.settings->limits;
    if (daemon.written.size() > limits.changes || daemon.deleted.size() > limits.deletes)
        throw Violation{
            "no more than the limits in a cycle without a person's approval",
            fmt::format("{} changes, {} deletes", daemon.written.size(), daemon.deleted.size())};
}

void check_cycle(Run& run, const Daemon& daemon) {
    if (run.world.conflicts_of_ours > 0)
        throw Violation{"no two daemons make twins", ""};
    if (daemon.approved || daemon.deleted.size() < 2)
        return;
    for (const auto& rule : daemon.rules_of_deleted) {
        bool left = false;
        for (std::size_t domain = 0; domain < run.world.domains.size(); ++domain)
            for (const auto* copy : run.world.copies(domain))
                left = left || marker_field(our_marker(copy->attributes), "r") == rule;
        if (!left && daemon.rules_of_deleted.size() == 1)
            throw Violation{"not all copies of a rule are deleted without a person's approval",
                            rule};
    }
}

} // namespace scp::sim
