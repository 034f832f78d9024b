#include "apply/undo.hpp"

#include "apply/operations.hpp"
#include "apply/outcome.hpp"
#include "base/marker.hpp"
#include "base/text.hpp"
#include "settings/check.hpp"

#include <algorithm>
#include <array>

namespace scp {
namespace {

constexpr const char* see_history =
    "scpctl history shows the writes since: take the newer ones back first, or make the change by "
    "hand";

class Undo {
  public:
    Undo(const HistoryRecord& record, const std::optional<ObjectNow>& now, const UndoWhen& when)
        : record_(record), did_(record.change), now_(now), when_(when) {
        change_ = did_;
        change_.reason = Reason::by_hand;
        change_.undoes = record.id;
        change_.new_dn.reset();
        if (now)
            change_.dn = now->dn;
        change_.before = did_.after;
        change_.after = did_.before;
        change_.marker_before = current(did_.marker_after);
        change_.marker_after = did_.marker_before;
    }

    [[nodiscard]] HandVerdict verdict() {
        if (!record_.undone_by.empty())
            return already("was undone by " + printable(record_.undone_by) + " already");
        if (record_.result == "skipped")
            return already("was never written");
        switch (did_.op) {
        case Op::create:
            return creation();
        case Op::create_container:
            return refuse(Reason::by_hand, "scpd removes no containers",
                          "if it is empty, an administrator may delete it");
        case Op::remove:
            return removal();
        case Op::update:
        case Op::rename:
        case Op::mark:
            return modification();
        }
        return {};
    }

  private:
    [[nodiscard]] HandVerdict already(const std::string& why) const {
        return {std::nullopt, std::nullopt, printable(record_.id) + " " + why};
    }

    [[nodiscard]] HandVerdict refuse(Reason reason, std::string detail, std::string hint) const {
        return {std::nullopt, refusal(change_, reason, std::move(detail), std::move(hint)), {}};
    }

    [[nodiscard]] HandVerdict changed_since(const std::string& how) const {
        return refuse(Reason::edited_by_hand, "it has changed since: " + how, see_history);
    }

    /// The marker as it stands there now, where it is `written`, or that and parked since.
    [[nodiscard]] std::string current(const std::string& written) const {
        const auto wanted = parse_marker(written);
        if (!now_ || !wanted)
            return written;
        for (const std::string& value : values_of(now_->attributes, when_.marker_attribute)) {
            auto marker = parse_marker(value);
            if (!marker)
                continue;
            marker->parked = wanted->parked;
            if (*marker == *wanted)
                return value;
        }
        return written;
    }

    /// The object that was written to is there, and as that write left it. Empty: it is so.
    [[nodiscard]] std::string difference() const {
        const auto guid = guid_of(now_->attributes);
        if (did_.guid && guid && *guid != *did_.guid)
            return "another object has its name";
        const Dn& named = did_.op == Op::rename && did_.new_dn ? *did_.new_dn : did_.dn;
        if (fold_case(now_->dn.rdn_value()) != fold_case(named.rdn_value()))
            return "its name is " + printable(now_->dn.rdn());
        return difference_before(change_, now_->attributes, when_.marker_attribute);
    }

    [[nodiscard]] bool known_done() const { return record_.result == "done"; }

    HandVerdict modification() {
        if (!now_)
            return changed_since("it is not there any more");
        const bool content = did_.op != Op::mark;
        if (content && did_.undoes.empty()) {
            if (auto marker = parse_marker(change_.marker_after)) {
                marker->parked = when_.now;
                change_.marker_after = to_string(*marker);
            }
        }
        if (did_.op == Op::rename)
            change_.new_dn = now_->dn.parent().child(did_.dn.rdn_type(), did_.dn.rdn_value());
        const std::string differs = difference();
        if (differs.empty())
            return {change_, std::nullopt, {}};
        Change reversed = change_; // where it is not known to be done, it may not have been
        reversed.marker_before = did_.marker_before;
        reversed.before = did_.before;
        if (!known_done() &&
            difference_before(reversed, now_->attributes, when_.marker_attribute).empty())
            return already("did not happen: the object is as it was before");
        return changed_since(differs);
    }

    HandVerdict creation() {
        if (!now_)
            return already("left nothing: the object is not there any more");
        change_.op = Op::remove;
        if (!when_.rule_rests)
            return refuse(Reason::mode_forbids,
                          "rule " + printable(did_.rule) + " would create it again",
                          "pause the rule, or set its mode to observe, and undo it then");
        if (const std::string differs = difference(); !differs.empty())
            return changed_since(differs);
        if (auto marker = parse_marker(change_.marker_before)) {
            marker->gone = when_.now;
            change_.marker_after = to_string(*marker);
        }
        return {change_, std::nullopt, {}};
    }

    HandVerdict removal() {
        if (now_ && guid_of(now_->attributes) == did_.guid)
            return already("left the object there");
        change_.op = Op::create;
        change_.dn = did_.dn;
        change_.guid.reset();
        change_.before.clear();
        change_.marker_before.clear();
        const Attributes& was = record_.pre_image ? *record_.pre_image : did_.before;
        for (const std::string& name : values_of(was, "objectClass"))
            if (!is_plain_class(name))
                return refuse(Reason::cannot_copy,
                              "it was of class " + printable(name) +
                                  ", and scpd creates serviceConnectionPoints only",
                              "create it by hand: scpctl history shows its values");
        change_.after.clear();
        for (const auto& [name, values] : was)
            if (is_restored(name))
                change_.after[name] = values;
        for (const std::string& name : {record_.marker_attribute, when_.marker_attribute}) {
            Values& others = change_.after[name];
            std::erase_if(others, looks_like_marker);
            if (others.empty())
                change_.after.erase(name);
        }
        if (auto marker = parse_marker(change_.marker_after)) {
            marker->gone.reset();
            change_.marker_after = to_string(*marker);
        }
        return {change_, std::nullopt, {}};
    }

    static bool is_plain_class(const std::string& name) {
        constexpr std::array plain{"top", "leaf", "connectionPoint", "serviceConnectionPoint"};
        return std::ranges::any_of(plain,
                                   [&](const char* one) { return equal_ascii_nocase(name, one); });
    }

    /// Whatever is not the server's own.
    [[nodiscard]] static bool is_restored(const std::string& name) {
        return equal_ascii_nocase(name, "keywords") || equal_ascii_nocase(name, "managedBy") ||
               !check_copied_attribute(name);
    }

    const HistoryRecord& record_;
    const Change& did_;
    const std::optional<ObjectNow>& now_;
    const UndoWhen& when_;
    Change change_;
};

} // namespace

ObjectRef object_of(const HistoryRecord& record) {
    const Change& change = record.change;
    return {change.op == Op::rename && change.new_dn ? *change.new_dn : change.dn, change.guid};
}

HandVerdict undo_of(const HistoryRecord& record, const std::optional<ObjectNow>& now,
                    const UndoWhen& when) {
    return Undo(record, now, when).verdict();
}

} // namespace scp
