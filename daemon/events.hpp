#pragma once

#include <spdlog/common.h>

#include <span>
#include <string>
#include <string_view>

namespace scp {

/// What scpd tells of, a kind of event each. Their names, IDs, causes and remedies are in one table
/// (all_events), from which packaging/scpd.catalog is made.
enum class EventKind {
    started,
    stopping,
    stopped,
    stop_forced,
    cannot_run,
    settings_loaded,
    settings_refused,
    settings_doubtful,
    change_done,
    change_failed,
    change_skipped,
    change_held,
    change_no_longer_held,
    nothing_written,
    cycle_ended,
    approval_waiting,
    domain_incomplete,
    domain_complete,
    domain_answers,
    watching,
    watch_lost,
    account_disabled,
    state_unreadable,
    state_readable,
    history_incomplete,
    metrics_listening,
    metrics_not_listening,
    textfile_not_written,
    textfile_written,
    log_lost,
    no_journal,
    bus_missing,
    bus_joined,
    bus_refused,
    bus_lost,
    bus_call,
    no_progress,
};

struct EventDoc {
    EventKind kind;
    spdlog::level::level_enum level;
    std::string_view name;    ///< stable, with dashes
    std::string_view id;      ///< MESSAGE_ID: 32 hex digits, never reused for another kind
    std::string_view subject; ///< a headline
    std::string_view cause;   ///< what has happened, and why that may be
    std::string_view remedy;  ///< what to do
};

/// In the order of the enumeration.
[[nodiscard]] std::span<const EventDoc> all_events();
[[nodiscard]] const EventDoc& doc_of(EventKind kind);

/// The message catalogue for `journalctl -x`, in systemd's format
/// (https://systemd.io/CATALOG/).
[[nodiscard]] std::string catalog_text();

/// Something that has happened. Values of the directory are printable already.
struct LogEvent {
    EventKind kind;
    std::string message;
    std::string rule{};      ///< SCPD_RULE; empty, as the others: not about any
    std::string domain{};    ///< SCPD_DOMAIN
    std::string dn{};        ///< SCPD_DN
    std::string op{};        ///< SCPD_OP
    std::string reason{};    ///< SCPD_REASON
    std::string change_id{}; ///< SCPD_CHANGE_ID
    friend bool operator==(const LogEvent&, const LogEvent&) = default;
};

} // namespace scp
