#pragma once

#include "cycle.hpp"
#include "plan/roles.hpp"
#include "report/json.hpp"
#include "settings/load.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace scp {

/// What a change adds to and takes from each attribute; attributes that stay as they are, are left
/// out.
struct AttributeDiff {
    Values add;    ///< sorted
    Values remove; ///< sorted
};
using AttributeDiffs = std::map<std::string, AttributeDiff, LessNoCase>;
[[nodiscard]] AttributeDiffs attribute_diffs(const Change& change);

/// An SCP and what it is to each selected rule.
struct ListedScp {
    struct RuleRole {
        std::string rule;
        RoleOf role;
    };
    Scp scp;
    std::vector<RuleRole> roles; ///< in the order of the rules
};

/// When and where an attribute was last written.
struct ReplicationNote {
    std::string attribute;
    std::uint32_t version = 0;
    std::optional<Timestamp> time;
    std::string dc; ///< invocationId of the DC that wrote it, or its name where known
};

/// One SCP whole.
struct ShownScp {
    ListedScp listed;
    std::string owner;                        ///< SID; empty where the server shows none
    std::vector<std::string> dacl_writers;    ///< SIDs that may write to it, sorted
    std::map<std::string, std::string> names; ///< SIDs → DOMAIN\name, as far as known
    Attributes attributes;                    ///< all that was readable
    std::vector<ReplicationNote> replication;
    std::vector<ListedScp> copies;   ///< of this, where it is a source
    std::optional<SourceRef> source; ///< of this, where it is a copy: as found now
    std::string source_state;        ///< why `source` is empty although a marker names one
};

/// What the writes of a person's verb (create, delete, adopt, release, undo) came to.
struct WriteReport {
    std::vector<Change> writes;
    ApplyResults results;
    bool changed = false;
    std::vector<Held> held; ///< what was refused
};

// The documents of CONTRACT.md, "JSON". Pure: the same input gives the same document.

/// scpd.plan/1. `complete`: every domain that the rules need was read to its end.
[[nodiscard]] Json plan_document(const CycleReport& report, const std::string& instance,
                                 bool complete);
[[nodiscard]] Json change_json(const Change& change, const ApplyResults& results);
/// scpd.list/1
[[nodiscard]] Json list_document(const std::vector<ListedScp>& scps);
/// scpd.show/1
[[nodiscard]] Json show_document(const ShownScp& shown);
/// The trusts of a forest, each once, sorted: both ends of a trust inside a forest tell of it.
[[nodiscard]] std::vector<Trust> distinct_trusts(const Forest& forest);
/// scpd.topology/1
[[nodiscard]] Json topology_document(const Topology& topology);
/// scpd.write/1
[[nodiscard]] Json write_document(const WriteReport& report);
/// scpd.config/1
[[nodiscard]] Json problems_document(const std::vector<Problem>& problems,
                                     const std::vector<Problem>& warnings);

/// Changes that the server turned out to refuse (ChangeResult::held), as held entries beside those
/// of the plan.
[[nodiscard]] std::vector<Held> all_held(const CycleReport& report);

} // namespace scp
