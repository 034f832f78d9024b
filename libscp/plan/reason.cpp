#include "plan/reason.hpp"

#include <algorithm>
#include <array>

namespace scp {
namespace {

struct Explanation {
    Reason reason;
    std::string_view name;
    std::string_view text;    ///< cause, then remedy
    std::size_t cause_length; ///< of the cause and the space after it
};

/// Cause and remedy as one literal, so that a view of either needs no memory of its own.
#define SCP_REASON(id, name, cause, remedy)                                                        \
    Explanation {                                                                                  \
        Reason::id, name, cause " " remedy, sizeof(cause)                                          \
    }

constexpr std::array explanations{
    SCP_REASON(missing, "missing",
               "An agent account lives in this domain, and no copy of the source is here.",
               "Nothing to do: the copy is created."),
    SCP_REASON(source_changed, "source-changed",
               "The source was changed since the copy was written.",
               "Nothing to do: the copy follows."),
    SCP_REASON(edited_by_hand, "edited-by-hand",
               "The copy is not what was last written to it: somebody edited it in place.",
               "Edit the source instead; to keep an edit of the copy, pause the rule or undo the "
               "update, which parks the copy."),
    SCP_REASON(settings_changed, "settings-changed",
               "The rule's match or its list of attributes was changed since the copy was written.",
               "Nothing to do: the copy follows."),
    SCP_REASON(source_replaced, "source-replaced",
               "The SCP that was copied is gone or no longer preferred, and another of the same "
               "name and keywords takes its place.",
               "Nothing to do: the copy follows the new source; if that surprises you, look at who "
               "created it."),
    SCP_REASON(renamed, "renamed", "The source has another name (cn) than the copy.",
               "Nothing to do: the copy is renamed and brought up to date."),
    SCP_REASON(
        duplicate, "duplicate",
        "The domain is served already, by an SCP of its own or by another copy of ours.",
        "Delete this copy with scpctl delete if nothing depends on it; in mode sync scpd does "
        "so by itself, after a grace."),
    SCP_REASON(not_a_target, "not-a-target",
               "No account of the rule is in this domain any more, and no setting names it.",
               "Delete this copy with scpctl delete (in mode sync scpd does so by itself, after a "
               "grace), or name the domain in targets.domains to keep it."),
    SCP_REASON(source_deleted, "source-deleted", "The SCP that was copied was deleted.",
               "Delete this copy with scpctl delete if the product was removed (in mode sync scpd "
               "does so by itself, after a grace); if it was not, let its installer publish "
               "again."),
    SCP_REASON(source_unmatched, "source-unmatched",
               "The SCP that was copied is there, but its name or keywords no longer fit the rule.",
               "Adapt the rule's match, or delete this copy with scpctl delete; in mode "
               "sync scpd does so by itself, after a grace."),
    SCP_REASON(source_untrusted, "source-untrusted",
               "The SCP that was copied is there, but lies where the rule does not trust SCPs.",
               "If it was moved on purpose, add its container to trust.containers or its domain to "
               "trust.domains; else delete this copy with scpctl delete."),
    SCP_REASON(domain_incomplete, "domain-incomplete",
               "The domain was not read to a proved end, so nothing is concluded from what was not "
               "seen in it.",
               "Make a domain controller of it reachable and readable for scpd's account (scpctl "
               "topology shows what was tried); the rest follows by itself."),
    SCP_REASON(rule_gone, "rule-gone", "The copy's rule is not in the settings any more.",
               "Put the rule back, or delete the copy with scpctl delete."),
    SCP_REASON(filter_changed, "filter-changed",
               "The rule's match (keywords, name, in) was changed, and no longer fits the source "
               "of this copy.",
               "Widen the rule's match again, or delete the copy with scpctl delete."),
    SCP_REASON(parked, "parked",
               "The copy is parked: a person took back an update of it, or somebody has changed it "
               "back three times within an hour.",
               "Find out who writes to it (another scpd with other settings, a script, a person; "
               "scpctl history and show tell when and what), then scpctl resume with the copy's DN "
               "lets scpd write it again."),
    SCP_REASON(account_unresolved, "account-unresolved",
               "An account of the rule was not found, or not found in one place only; copies that "
               "it may need are kept.",
               "Correct the account's name in the rule or say its forest, and see that its domain "
               "can be read."),
    SCP_REASON(untrusted_native, "untrusted-native",
               "An SCP of this name and keywords that is not ours is in the target domain, in a "
               "place that the rule does not trust.",
               "Find out who created it; delete it, or add its container to trust.containers."),
    SCP_REASON(native_differs, "native-differs",
               "The target domain has an SCP of its own of this name and keywords, and it differs "
               "from the source.",
               "If it is a stale copy made by hand, scpctl adopt hands it to scpd; else decide "
               "which of the two agents should use, and delete the other."),
    SCP_REASON(foreign_owner, "foreign-owner",
               "Another scpd instance has a copy in the target domain; this one neither changes it "
               "nor adds a second.",
               "Let one instance serve each rule: remove the rule or the domain from one of them, "
               "or take the copy over with scpctl adopt."),
    SCP_REASON(
        source_not_seen, "source-not-seen",
        "The SCP that was copied was not seen, and its deletion is not proved either; the copy is "
        "kept.",
        "Make the source's domain, and the container that it lay in, readable for scpd's account."),
    SCP_REASON(
        sources_disagree, "sources-disagree",
        "Several SCPs of this name and keywords in different domains have different content.",
        "Correct or delete the stale one, or say on_conflict: {prefer: [domain]} in the rule; the "
        "copy is left as it is until then."),
    SCP_REASON(
        source_empty, "source-empty",
        "The source has lost all its bindings, which looks like a fault or a half-finished "
        "installation; the copy keeps its own.",
        "Let the product publish its bindings again, or delete the source if it was removed."),
    SCP_REASON(source_older, "source-older",
               "The source was read in an older version than was copied: the domain controller "
               "lags behind, or was restored.",
               "Wait for replication; after a restore, change the source once so that it is the "
               "newest again."),
    SCP_REASON(source_marked, "source-marked",
               "The source carries a marker itself, so it is no source any more; the copies made "
               "of it stay.",
               "If the object is the product's own, scpctl release --force takes the marker off."),
    SCP_REASON(name_collision, "name-collision",
               "The name is taken by another object, is wanted by several sources, or is that of a "
               "replication conflict object (CNF).",
               "Rename or delete what is not needed, or give the rules different containers."),
    SCP_REASON(copy_moved, "copy-moved",
               "An object with our marker and of our owner lies outside the place that its rule "
               "writes to; no second one is created.",
               "Move it back, delete it, or set targets.container to where it lies."),
    SCP_REASON(rules_overlap, "rules-overlap",
               "Several rules match the same SCP and differ in attributes, mode, container or "
               "on_conflict.",
               "Give them the same settings, or make their keywords or names tell the SCPs apart."),
    SCP_REASON(suspect_marker, "suspect-marker",
               "The object carries a marker that scpd did not write there: malformed, in the wrong "
               "place, or of another owner.",
               "Find out who wrote it; nothing is done with it until the marker is taken off or "
               "the object is deleted."),
    SCP_REASON(untrusted_place, "untrusted-place",
               "The rule matches this SCP, but it lies outside trust.containers or inside "
               "trust.exclude, where others may create SCPs.",
               "If it is the product's own, add its container to trust.containers; else find out "
               "who created it."),
    SCP_REASON(
        untrusted_owner, "untrusted-owner",
        "The rule matches this SCP, but its owner is not among trust.owners.",
        "If it is the product's own, add its owner to trust.owners; else find out who created it."),
    SCP_REASON(untrusted_domain, "untrusted-domain",
               "The rule matches this SCP, but its domain is not among those that the rule trusts.",
               "If agents should find it, add its domain to trust.domains."),
    SCP_REASON(awaiting_approval, "awaiting-approval",
               "A new source waits for a person, as trust.first_use asks.",
               "scpctl approve with the plan's hash lets it through."),
    SCP_REASON(binding_not_allowed, "binding-not-allowed",
               "A value of serviceBindingInformation is not one that the rule's bindings allow.",
               "Correct the source, or the rule's bindings.allow and bindings.deny."),
    SCP_REASON(parent_missing, "parent-missing", "The container for the copy is not there.",
               "Let an administrator create it and delegate it to scpd's account; "
               "targets.create_containers lets scpd create containers (CN=) itself."),
    SCP_REASON(no_rights, "no-rights",
               "The domain controller refused the write: scpd's account may not do it there.",
               "Delegate create, write and delete of serviceConnectionPoint objects on the "
               "container to scpd's account."),
    SCP_REASON(write_dc_unavailable, "write-dc-unavailable",
               "The one server that takes creates and deletes in this domain (the PDC emulator) "
               "does not answer.",
               "Bring it back or move the role; the change follows by itself."),
    SCP_REASON(
        limit_exceeded, "limit-exceeded",
        "The plan has more changes than the limits allow at once, so none of it is carried out.",
        "Read it; then approve its hash (scpctl sync --approve HASH), or raise the limit."),
    SCP_REASON(mode_forbids, "mode-forbids", "The rule's mode does not let scpd make this change.",
               "Set the rule's mode to upsert when you have seen enough."),
    SCP_REASON(paused, "paused", "The rule is paused by a person.",
               "scpctl resume with the rule's name."),
    SCP_REASON(grace, "grace",
               "The copy carries a retire mark, which is set before a delete and taken off when "
               "its reason ends.",
               "Nothing to do."),
    SCP_REASON(cannot_copy, "cannot-copy", "The target's server refuses a value of the source.",
               "Correct the value at the source, or take its attribute out of the rule's list."),
    SCP_REASON(by_hand, "by-hand", "A person's command asked for it.", "Nothing to do."),
};
#undef SCP_REASON

const Explanation& find(Reason reason) {
    return explanations.at(static_cast<std::size_t>(reason));
}

constexpr bool in_order() {
    for (std::size_t i = 0; i < explanations.size(); ++i)
        if (explanations[i].reason != static_cast<Reason>(i))
            return false;
    return explanations.back().reason == Reason::by_hand;
}
static_assert(in_order(), "one explanation for every reason, in the order of the enumeration");

constexpr auto every_reason = [] {
    std::array<Reason, explanations.size()> list{};
    std::ranges::transform(explanations, list.begin(), &Explanation::reason);
    return list;
}();

} // namespace

std::string to_string(Reason reason) {
    return std::string(find(reason).name);
}

std::optional<Reason> parse_reason(std::string_view text) {
    const auto found = std::ranges::find(explanations, text, &Explanation::name);
    return found == explanations.end() ? std::nullopt : std::optional(found->reason);
}

std::string_view explain(Reason reason) {
    return find(reason).text;
}

std::string_view remedy(Reason reason) {
    const auto text = find(reason).text.substr(find(reason).cause_length);
    return text == "Nothing to do." ? std::string_view{} : text;
}

std::span<const Reason> all_reasons() {
    return every_reason;
}

} // namespace scp
