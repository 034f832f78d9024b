#pragma once

#include "base/attributes.hpp"
#include "base/dn.hpp"
#include "base/guid.hpp"
#include "base/names.hpp"
#include "base/time.hpp"
#include "forest/topology.hpp"
#include "observe/observation.hpp"
#include "plan/fight.hpp"
#include "plan/reason.hpp"
#include "settings/settings.hpp"

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace scp {

enum class Op { create, update, rename, remove, create_container, mark };
[[nodiscard]] std::string
to_string(Op op); ///< create, update, rename, delete, create-container, mark

struct SourceRef {
    Dn dn;
    DomainName domain;
    Guid guid;
    friend auto operator<=>(const SourceRef&, const SourceRef&) = default;
};

/// One write. `before` and `after` hold the whole content (keywords and copied attributes) without
/// the marker; for create `before`, for remove `after` is empty. A rename has the new DN in
/// `new_dn` and swaps the marker too.
struct Change {
    Op op = Op::create;
    std::string rule;
    std::string forest;
    DomainName domain;
    Dn nc;
    Dn dn; ///< of the object as it is, or as it will be created
    std::optional<Guid> guid;
    Reason reason = Reason::missing;
    std::optional<SourceRef> source;
    Attributes before;
    Attributes after;
    std::optional<Dn> new_dn;
    std::string marker_before; ///< exact value, empty: none
    std::string marker_after;  ///< exact value, empty: none
    std::string detail;        ///< what is the case, for people; empty: the reason says it all
    std::string undoes; ///< the ID of the write in the history that this takes back; empty: none
    std::vector<std::string> also; ///< other rules that may want it too, by name
    /// The source is new to us: no copy of ours anywhere has come from it, or this copy has come
    /// from another one.
    bool first_use = false;

    /// Stable while the change is the same: 12 hex digits over op, forest, nc, DN or GUID, old →
    /// new values.
    [[nodiscard]] std::string id() const;
};

/// A change (or a fact) that scpd decided against.
struct Held {
    Reason reason = Reason::domain_incomplete;
    std::string rule;
    std::string forest;
    DomainName domain;
    Dn nc;
    Dn dn; ///< of the object concerned or where it would be; empty where it is about a domain or an
           ///< account
    std::string detail; ///< what is the case, for people
    std::string hint;   ///< what to do
    std::vector<SourceRef> sources;
    std::optional<Change> change; ///< what would have been done

    [[nodiscard]] std::string id() const;
};

/// A copy that one complete read says is to be retired. Only a read that says it of the same copy
/// for the same reason confirms it.
struct Retirement {
    std::string forest;
    DomainName domain;
    Guid copy;
    Reason reason = Reason::source_deleted;
    friend auto operator<=>(const Retirement&, const Retirement&) = default;
};
/// How many reads in a row, the last one before this included, have said so.
using Confirmations = std::map<Retirement, int>;
/// How often, and when last, this host marked copies of one source in one domain without having
/// seen that source since.
struct Retired {
    int times = 0;
    Timestamp at{};
    friend bool operator==(const Retired&, const Retired&) = default;
};
/// By forest, domain and source. Where a copy is there again unmarked, somebody took that back:
/// most likely another host of the instance, at a DC that shows the source.
using RetiredBefore = std::map<std::tuple<std::string, DomainName, Guid>, Retired>;
/// Whose database each domain was last read from (DomainView::replica), by forest and domain.
using Replicas = std::map<DomainKey, std::string>;

struct Plan {
    /// By forest and domain; in each, containers first (outer before inner), then by DN and op.
    std::vector<Change> changes;
    std::vector<Held> held;  ///< by forest, domain, DN, reason
    std::size_t in_sync = 0; ///< copies and natives that serve a target as they are
    std::map<std::string, std::size_t, LessNoCase> in_sync_of; ///< the same, by rule
    /// What this read adds to those before it: to be given to the next one. Rules in mode sync
    /// only.
    Confirmations confirmations;
    Replicas replicas;        ///< likewise
    RetiredBefore retired;    ///< likewise, without what this plan is about to do
    bool unconfirmed = false; ///< a retire waits for nothing but more reads
    /// Copies of ours a rule, by its name, in targets that were read whole: what
    /// limits.delete_percent is of.
    std::map<std::string, std::size_t, LessNoCase> copies;

    /// "sha256:…" over sorted (op, forest, nc, DN or GUID, old → new values) of changes and of
    /// those held as limit-exceeded or awaiting-approval; markers, servers, times and errors left
    /// out (CONTRACT.md).
    [[nodiscard]] std::string hash() const;
};

struct PlanInput {
    const Settings& settings;
    std::span<const Rule> rules; ///< those selected
    const Topology& topology;
    const Observation& observation;
    Timestamp now{};               ///< of the cycle: what a retire mark is made with and judged by
    Confirmations confirmations{}; ///< of the reads before; empty after a start
    Past past{};                   ///< what this host has done; needed where asks_for_past()
    /// Of the reads before. Another DC, or one restored from an old state, may lack what is there:
    /// the read that meets it confirms no retire, and counting begins anew.
    Replicas replicas{};
    /// When this machine's clock was last set while the process ran, by the clock as it is since: a
    /// grace that had begun before is counted from then on. Null: it was not set.
    std::optional<Timestamp> clock_set{};
    RetiredBefore retired{}; ///< by the cycles before; empty after a start
};

/// Adds a change that was carried out to what this host has retired; others change nothing. Pure.
void note_retired(RetiredBefore& retired, const Change& done, Timestamp now);

/// The decision table of DESIGN.md, whole, then the rule's mode. Pure: the same input in any order
/// gives the same plan.
[[nodiscard]] Plan make_plan(const PlanInput& input);

/// The DNs that observe (d) must look at before make_plan can decide creates and renames. Pure.
[[nodiscard]] std::vector<Place> places_needed(const PlanInput& input);

} // namespace scp
