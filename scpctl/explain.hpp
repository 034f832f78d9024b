#pragma once

#include "base/filter.hpp"
#include "base/guid.hpp"
#include "base/marker.hpp"
#include "directory/entry.hpp"
#include "forest/topology.hpp"
#include "observe/observation.hpp"
#include "scpctl/agent_log.hpp"
#include "scpctl/exit.hpp"
#include "settings/settings.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

// scpctl explain: looks as an agent looks and says why it finds what it finds. Questions are asked
// (explain_questions.cpp), facts gathered (explain_gather.cpp: all the I/O), then judged by pure
// functions.
namespace scp {

/// One agent's search: who asks what, where.
struct ExplainQuestion {
    std::string account; ///< as it was named; empty: nobody named one, so each domain is looked at
    std::optional<ResolvedAccount::Location> location;
    std::string
        unresolved; ///< why there is no location; empty where there is one, or no account was named
    std::string doubt; ///< why `location` may not be the one meant: for people, escaped
    std::string forest;
    DomainName domain; ///< of the account, or the one looked at; empty where it is not known
    Dn base;           ///< the domain's naming context: where agents of this kind begin
    Filter filter;
    std::optional<AskedFilter> log; ///< where the filter is from an agent's log
};

/// An SCP that came up while looking.
struct SeenScp {
    std::string forest;
    DomainName domain;
    Dn nc;
    Dn dn;
    std::optional<Guid> guid;
    Attributes attributes;
    bool marked = false; ///< carries what claims to be a marker
    std::optional<Marker> marker;
    bool conflict = false; ///< \0ACNF: a replication conflict object
};
[[nodiscard]] SeenScp seen_scp(const Entry& entry, const Domain& domain,
                               const std::string& marker_attribute);

/// What one search showed.
struct SeenBy {
    std::vector<SeenScp> scps;  ///< by DN
    std::optional<Error> error; ///< it did not come to a proved end
};

struct UnreadDomain {
    std::string name; ///< of the domain, or of a forest that could not be read at all
    Error why;
};

/// A rule of the settings that mirrors an SCP that was seen, and whether that leads to the domain
/// in question.
struct RuleReach {
    Rule rule;
    bool reaches = false;   ///< one of its accounts lives there, or it names the domain as a target
    std::string unresolved; ///< an account of it that could not be resolved, for people
};

/// --container, --create-containers, --mode and --trust-container: how a copy is to be made. With
/// any of them the cure is a one-off rule, not one of the settings.
struct CopyWish {
    Rule rule;                      ///< container, mode and trust of the one-off rule
    std::vector<std::string> flags; ///< of the same, as they were given: {"--container", RDN}
};

/// All that diagnose() judges by.
struct ExplainFacts {
    ExplainQuestion question;
    SeenBy found;                ///< the agent's own search
    bool as_agent = false;       ///< it was made under the agent's account
    std::optional<SeenBy> by_us; ///< with as_agent: the same search under our own account
    std::optional<std::size_t>
        catalog; ///< what the forest's global catalog finds; empty: could not be asked
    std::string catalog_error;
    std::vector<SeenScp>
        candidates; ///< in every domain: SCPs that match a part of the filter, or copies of such
    std::vector<UnreadDomain>
        unread; ///< domains where candidates could not be looked for to a proved end
    std::vector<RuleReach> rules;
    std::optional<CopyWish> wish;
    std::vector<Dn> missing_containers; ///< of copies, in the question's domain
    /// For the commands of the cure: the flags that this call was made with, e.g. {"-c", FILE} or
    /// {"--server", URI}.
    std::vector<std::string> connection;
    std::string log_file; ///< --log FILE
};

enum class Verdict { one, none, several, unknown };

struct NearMiss {
    Dn dn;
    DomainName domain;
    std::vector<std::string> differs; ///< for people, escaped
    friend bool operator==(const NearMiss&, const NearMiss&) = default;
};

struct ExplainResult {
    ExplainQuestion question;
    Verdict verdict = Verdict::unknown;
    bool as_agent = false;
    std::size_t found = 0;
    bool search_incomplete = false; ///< there may be more than `found`
    std::vector<Dn> matches;
    std::vector<NearMiss> near_misses; ///< nearest first, 20 at most
    std::optional<std::size_t> catalog;
    std::string catalog_error;
    std::string cause;             ///< for people, escaped
    std::vector<std::string> cure; ///< shell commands, and comments that begin with #
    std::optional<Error> error;    ///< Verdict::unknown: what could not be read
};

/// Pure: the same facts give the same answer.
[[nodiscard]] ExplainResult diagnose(const ExplainFacts& facts);

/// 4 where one could not be answered (with `partial` it counts as none), 1 where one finds none, 6
/// where one finds several, else 0. Nothing to explain: 0.
[[nodiscard]] Exit explain_exit(std::span<const ExplainResult> results, bool partial);

// What diagnose() is made of.

/// The filter's parts that all must hold.
[[nodiscard]] std::vector<Filter> conjuncts(const Filter& filter);
/// The values of its (keywords=…) parts.
[[nodiscard]] std::vector<std::string> keywords_of(const Filter& filter);
/// As `filter` sees it: with name and distinguishedName, which not every server shows as
/// attributes.
[[nodiscard]] bool matches_filter(const Filter& filter, const SeenScp& scp);
/// Finds SCPs that match a part of `filter`.
[[nodiscard]] Filter near_filter(const Filter& filter);
/// The rule's match as an agent would ask for it.
[[nodiscard]] Filter filter_of_rule(const Rule& rule);
/// The rule mirrors this SCP: all its keywords, and its name.
[[nodiscard]] bool rule_matches(const Rule& rule, const SeenScp& scp);
[[nodiscard]] std::vector<NearMiss> near_misses(const ExplainFacts& facts);
/// The commands that make the SCPs in `sources` (all match, none is a copy) seen in the question's
/// domain.
[[nodiscard]] std::vector<std::string> cure_by_copy(const ExplainFacts& facts,
                                                    const std::vector<SeenScp>& sources);
/// For a sentence: the domain's name, or "the Configuration NC of" its forest's root. Printable.
[[nodiscard]] std::string domain_in_words(const DomainName& domain);
/// Lies where the rule trusts an SCP.
[[nodiscard]] bool in_trusted_place(const SeenScp& scp, const Rule& rule);
/// The account as it was typed, unless that would steer a terminal.
[[nodiscard]] std::string account_as_named(const ExplainQuestion& question);
/// One word of a POSIX shell; nullopt where the value holds what no terminal should show.
[[nodiscard]] std::optional<std::string> shell_word(std::string_view value);
/// "scpctl", the flags of this call, then `words`, each quoted; nullopt where one cannot be.
[[nodiscard]] std::optional<std::string> command(const ExplainFacts& facts,
                                                 std::vector<std::string> words);

} // namespace scp
