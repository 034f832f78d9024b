#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace scp {

/// Why a change is made or held. The complete list of CONTRACT.md; names there are these with
/// dashes.
enum class Reason {
    missing,
    source_changed,
    edited_by_hand,
    settings_changed,
    source_replaced,
    renamed,
    duplicate,
    not_a_target,
    source_deleted,
    source_unmatched,
    source_untrusted,
    domain_incomplete,
    rule_gone,
    filter_changed,
    parked,
    account_unresolved,
    untrusted_native,
    native_differs,
    foreign_owner,
    source_not_seen,
    sources_disagree,
    source_empty,
    source_older,
    source_marked,
    name_collision,
    copy_moved,
    rules_overlap,
    suspect_marker,
    untrusted_place,
    untrusted_owner,
    untrusted_domain,
    awaiting_approval,
    binding_not_allowed,
    parent_missing,
    no_rights,
    write_dc_unavailable,
    limit_exceeded,
    mode_forbids,
    paused,
    grace,
    cannot_copy,
    by_hand,
};

[[nodiscard]] std::string to_string(Reason reason);
[[nodiscard]] std::optional<Reason> parse_reason(std::string_view text);
/// One sentence of cause and one of remedy, for output and the manual.
[[nodiscard]] std::string_view explain(Reason reason);
/// The sentence of remedy alone; empty where nothing needs to be done.
[[nodiscard]] std::string_view remedy(Reason reason);
/// In the order of the list above.
[[nodiscard]] std::span<const Reason> all_reasons();

} // namespace scp
