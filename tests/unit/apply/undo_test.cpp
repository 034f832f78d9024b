#include "apply/undo.hpp"

#include "apply/operations.hpp"
#include "base/hash.hpp"
#include "base/marker.hpp"
#include "unit/history/records.hpp"

#include <doctest/doctest.h>

#include <functional>

using namespace scp;
using namespace scp::test;

namespace {

const Timestamp later = *parse_rfc3339("2026-06-02T00:00:00Z");

Marker a_marker(const std::string& version) {
    Marker marker;
    marker.instance = "prod";
    marker.rule = "mage";
    marker.source = guid_b;
    marker.origin = DomainName("emea.corp.test");
    const std::string hash = content_hash({{"keywords", {"k"}}});
    marker.sel = hash;
    marker.attrs = hash;
    marker.hash = hash;
    marker.version = {SourceVersion::Kind::originating, version};
    return marker;
}
const std::string m0 = to_string(a_marker("2026-01-01T00:00:00Z"));
const std::string m1 = to_string(a_marker("2026-02-01T00:00:00Z"));

std::string with_parked(const std::string& value, Timestamp time = later) {
    Marker marker = *parse_marker(value);
    marker.parked = time;
    return to_string(marker);
}

std::string with_gone(const std::string& value, Timestamp time = later) {
    Marker marker = *parse_marker(value);
    marker.gone = time;
    return to_string(marker);
}

const std::string ad_guid = guid_a.ad_bytes();

HistoryRecord a_record(Op op) {
    HistoryRecord record = an_update();
    record.id = "id";
    record.result = "done";
    Change& change = record.change;
    change.op = op;
    change.marker_before = m0;
    change.marker_after = m1;
    (*record.pre_image)["msDS-Settings"] = {m0, "somebody's"};
    switch (op) {
    case Op::create:
        change.before.clear();
        change.marker_before.clear();
        record.pre_image.reset();
        break;
    case Op::remove:
        change.after.clear();
        change.marker_after = with_gone(m0);
        break;
    case Op::rename:
        change.new_dn = dn("CN=y,CN=scpd,CN=System,DC=corp,DC=test");
        break;
    case Op::mark:
        change.after = change.before;
        change.marker_after = with_gone(m0);
        break;
    case Op::update:
    case Op::create_container:
        break;
    }
    return record;
}

/// As the write left it.
ObjectNow left_by(const HistoryRecord& record) {
    ObjectNow now{object_of(record).dn, record.change.after};
    now.attributes["objectGUID"] = {ad_guid};
    now.attributes["msDS-Settings"] = {"somebody's"};
    if (!record.change.marker_after.empty())
        now.attributes["msDS-Settings"].push_back(record.change.marker_after);
    return now;
}

void set_marker(ObjectNow& now, const std::string& value) {
    now.attributes["msDS-Settings"] = {"somebody's", value};
}

std::string short_of(const HandVerdict& verdict) {
    if (verdict.change)
        return to_string(verdict.change->op);
    return verdict.held ? to_string(verdict.held->reason) : "already";
}

struct Row {
    const char* name;
    Op op;
    std::function<void(HistoryRecord&)> record;
    std::function<void(std::optional<ObjectNow>&)> now;
    std::string outcome;
    bool rests = true;
};

void nothing(HistoryRecord&) {}
void same(std::optional<ObjectNow>&) {}
void gone(std::optional<ObjectNow>& now) {
    now.reset();
}
void edited(std::optional<ObjectNow>& now) {
    now->attributes["serviceBindingInformation"] = {"by hand"};
}
void marked_anew(std::optional<ObjectNow>& now) {
    set_marker(*now, to_string(a_marker("2026-03-01T00:00:00Z")));
}
void parked(std::optional<ObjectNow>& now) {
    set_marker(*now, with_parked(m1));
}
void released(std::optional<ObjectNow>& now) {
    now->attributes.erase("msDS-Settings");
}
void another(std::optional<ObjectNow>& now) {
    now->attributes["objectGUID"] = {guid_b.ad_bytes()};
}
void renamed(std::optional<ObjectNow>& now) {
    now->dn = dn("CN=z,CN=scpd,CN=System,DC=corp,DC=test");
}
void moved(std::optional<ObjectNow>& now) {
    now->dn = now->dn.parent().parent().child("CN", now->dn.rdn_value());
}
void more(std::optional<ObjectNow>& now) {
    now->attributes["vendor"] = {"not of ours"};
}
std::function<void(HistoryRecord&)> result(const std::string& text) {
    return [text](HistoryRecord& record) { record.result = text; };
}
void as_before(std::optional<ObjectNow>& now) {
    now->attributes["serviceBindingInformation"] = {"old"};
    set_marker(*now, m0);
}

const std::vector<Row> rows{
    {"an update", Op::update, nothing, same, "update"},
    {"an update, whatever the rule's mode", Op::update, nothing, same, "update", false},
    {"an update, and edited since", Op::update, nothing, edited, "edited-by-hand"},
    {"an update, and written since", Op::update, nothing, marked_anew, "edited-by-hand"},
    {"an update, and parked since", Op::update, nothing, parked, "update"},
    {"an update, and released since", Op::update, nothing, released, "edited-by-hand"},
    {"an update, and deleted since", Op::update, nothing, gone, "edited-by-hand"},
    {"an update, and another has its name", Op::update, nothing, another, "edited-by-hand"},
    {"an update, and renamed since", Op::update, nothing, renamed, "edited-by-hand"},
    {"an update, and moved since", Op::update, nothing, moved, "update"},
    {"an update, and another attribute written", Op::update, nothing, more, "update"},
    {"an update that failed but happened", Op::update, result("failed"), same, "update"},
    {"an update that failed", Op::update, result("failed"), as_before, "already"},
    {"an update of unknown result, not happened", Op::update, result(""), as_before, "already"},
    {"an update of unknown result, and edited since", Op::update, result(""), edited,
     "edited-by-hand"},
    {"an update that was done, and put back by hand", Op::update, nothing, as_before,
     "edited-by-hand"},
    {"an update that was skipped", Op::update, result("skipped"), same, "already"},
    {"undone already", Op::update, [](HistoryRecord& r) { r.undone_by = "x"; }, same, "already"},
    {"a rename", Op::rename, nothing, same, "rename"},
    {"a rename, and renamed again", Op::rename, nothing, renamed, "edited-by-hand"},
    {"a rename, and deleted since", Op::rename, nothing, gone, "edited-by-hand"},
    {"a mark", Op::mark, nothing, same, "mark"},
    {"a mark, and edited since", Op::mark, nothing, edited, "mark"},
    {"a mark, and written since", Op::mark, nothing, marked_anew, "edited-by-hand"},
    {"a create", Op::create, nothing, same, "delete"},
    {"a create, and the rule would make it again", Op::create, nothing, same, "mode-forbids",
     false},
    {"a create, and edited since", Op::create, nothing, edited, "edited-by-hand"},
    {"a create, and parked since", Op::create, nothing, parked, "delete"},
    {"a create, and released since", Op::create, nothing, released, "edited-by-hand"},
    {"a create, and another has its name", Op::create, nothing, another, "edited-by-hand"},
    {"a create, and deleted since", Op::create, nothing, gone, "already"},
    {"a create, deleted since, and the rule is at work", Op::create, nothing, gone, "already",
     false},
    {"a container", Op::create_container, nothing, same, "by-hand"},
    {"a delete", Op::remove, nothing, gone, "create"},
    {"a delete, and another has its name", Op::remove, nothing, another, "create"},
    {"a delete that did not happen", Op::remove, result("failed"), same, "already"},
    {"a delete of another class", Op::remove,
     [](HistoryRecord& r) {
         (*r.pre_image)["objectClass"] = {"top", "serviceAdministrationPoint"};
     },
     gone, "cannot-copy"},
};

} // namespace

TEST_CASE("undo: what is done with each write, by what became of its object") {
    for (const Row& row : rows) {
        CAPTURE(row.name);
        HistoryRecord record = a_record(row.op);
        row.record(record);
        std::optional<ObjectNow> now = left_by(record);
        row.now(now);
        const HandVerdict verdict = undo_of(record, now, {later, row.rests});
        CHECK(short_of(verdict) == row.outcome);
        if (verdict.held)
            CHECK_FALSE(verdict.held->hint.empty());
        if (!verdict.change)
            continue;
        const Change& change = *verdict.change;
        CHECK(change.reason == Reason::by_hand);
        CHECK(change.undoes == "id");
        if (change.op == Op::create)
            continue;
        // The writer finds the object as the undo expects it: content, and the marker as it is now.
        CHECK(difference_before(change, now->attributes, "msDS-Settings") == "");
        CHECK((change.guid == guid_a));
        CHECK((change.dn == now->dn));
    }
}

TEST_CASE("undo: an update puts the values back and parks the copy; an undone undo does not") {
    HistoryRecord record = a_record(Op::update);
    const Change change = *undo_of(record, left_by(record), {later}).change;
    CHECK((change.before == record.change.after));
    CHECK((change.after == record.change.before));
    CHECK(change.marker_before == m1);
    CHECK(change.marker_after == with_parked(m0));

    HistoryRecord undoing = record;
    undoing.id = "undo";
    undoing.change = change;
    const Change again = *undo_of(undoing, left_by(undoing), {later}).change;
    CHECK((again.after == record.change.after));
    CHECK(again.marker_before == with_parked(m0));
    CHECK(again.marker_after == m1);
}

TEST_CASE("undo: a rename goes back to the old name, where the object is now") {
    const HistoryRecord record = a_record(Op::rename);
    ObjectNow now = left_by(record);
    now.dn = dn("CN=Y,CN=Moved,CN=System,DC=corp,DC=test");
    const Change change = *undo_of(record, now, {later}).change;
    CHECK((change.new_dn == dn("CN=x,CN=Moved,CN=System,DC=corp,DC=test")));
    CHECK(change.marker_after == with_parked(m0));
}

TEST_CASE("undo: a mark goes back to just what it was, adopt and release too") {
    struct MarkRow {
        const char* name;
        std::string before, after;
    };
    const std::vector<MarkRow> marks{{"a retire mark", m0, with_gone(m0)},
                                     {"a retire mark taken off", with_gone(m0), m0},
                                     {"an adoption", "", m0},
                                     {"a release", m0, ""},
                                     {"a malformed marker released", "scpd1;x", ""}};
    for (const MarkRow& row : marks) {
        CAPTURE(row.name);
        HistoryRecord record = a_record(Op::mark);
        record.change.marker_before = row.before;
        record.change.marker_after = row.after;
        const HandVerdict verdict = undo_of(record, left_by(record), {later});
        REQUIRE(verdict.change);
        CHECK(verdict.change->marker_before == row.after);
        CHECK(verdict.change->marker_after == row.before);
    }
}

TEST_CASE("undo: a create is deleted with a marker that nobody has read") {
    const HistoryRecord record = a_record(Op::create);
    const Change change = *undo_of(record, left_by(record), {later, true}).change;
    CHECK(change.marker_before == m1);
    CHECK(change.marker_after == with_gone(m1));
    CHECK(change.after.empty());
    CHECK((change.before == record.change.after));
}

TEST_CASE(
    "undo: a delete is created again from all that was there, but for what the server keeps") {
    HistoryRecord record = a_record(Op::remove);
    record.change.marker_before = with_gone(m0);
    record.pre_image = Attributes{
        {"keywords", {"k"}},
        {"serviceBindingInformation", {"old"}},
        {"description", {"by hand"}},
        {"managedBy", {"CN=somebody,DC=corp,DC=test"}},
        {"msDS-Settings", {with_gone(m0), "somebody's"}},
        {"objectClass", {"top", "leaf", "connectionPoint", "serviceConnectionPoint"}},
        {"objectGUID", {ad_guid}},
        {"entryUUID", {guid_a.to_string()}},
        {"cn", {"x"}},
        {"name", {"x"}},
        {"distinguishedName", {"CN=x"}},
        {"instanceType", {"4"}},
        {"whenCreated", {"20260101000000.0Z"}},
        {"uSNChanged", {"1"}},
        {"nTSecurityDescriptor", {"x"}},
        {"objectCategory", {"CN=y"}},
        {"dSCorePropagationData", {"16010101000000.0Z"}},
        {"showInAdvancedViewOnly", {"TRUE"}},
    };
    const Change change = *undo_of(record, std::nullopt, {later}).change;
    CHECK((change.after == Attributes{{"keywords", {"k"}},
                                      {"serviceBindingInformation", {"old"}},
                                      {"description", {"by hand"}},
                                      {"managedBy", {"CN=somebody,DC=corp,DC=test"}},
                                      {"msDS-Settings", {"somebody's"}}}));
    CHECK(change.before.empty());
    CHECK(change.marker_before.empty());
    CHECK(change.marker_after == m0); // its grace begins anew
    CHECK_FALSE(change.guid);
    CHECK((change.dn == record.change.dn));

    const auto add = std::get<AddEntry>(writes_of(change, "msDS-Settings").front());
    CHECK((values_of(add.attributes, "msDS-Settings") == Values{"somebody's", m0}));
    CHECK(difference_after(change, add.attributes, "msDS-Settings") == "");
    Attributes lost = add.attributes;
    lost["msDS-Settings"] = {m0};
    CHECK(difference_after(change, lost, "msDS-Settings") != "");
}
