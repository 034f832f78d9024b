#pragma once

#include "base/attributes.hpp"
#include "base/dn.hpp"
#include "base/names.hpp"
#include "base/pattern.hpp"
#include "directory/endpoint.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace scp {

struct DomainOverride {
    std::vector<ServerUri> servers;
    std::optional<TlsSettings> tls;
    std::optional<AuthSettings> auth;
};

struct GlobalCatalogSettings {
    enum class Mode { automatic, off, listed };
    Mode mode = Mode::automatic;
    std::vector<ServerUri> servers; ///< listed
};

struct ForestSettings {
    std::string name;
    DomainName domain; ///< any domain of it; may be empty where servers are given
    std::vector<ServerUri> servers;
    SiteSettings site;
    GlobalCatalogSettings global_catalog;
    std::map<DomainName, DomainOverride> domains;
    TlsSettings tls;
    AuthSettings auth;
    Timeouts timeouts;
};

/// One entry of `accounts`, in any form of CONTRACT.md.
struct AccountQuery {
    enum class Kind { sam, upn, dn, sid, group, filter };
    Kind kind = Kind::sam;
    std::string forest; ///< empty: every forest
    std::string
        text; ///< as written: CORP\svc-mage, svc@corp.test, a DN, S-1-…, the group's DN, a filter

    friend bool operator==(const AccountQuery&, const AccountQuery&) = default;
};
/// Reads the short forms (sam, upn, dn, sid). ErrorKind::settings where it is none of them.
[[nodiscard]] Result<AccountQuery> parse_account(std::string_view text);

enum class Mode { observe, create_only, upsert, sync };

/// What becomes of a source that was never copied before.
enum class FirstUse { allow, approve };

/// Which values of serviceBindingInformation a rule copies.
struct BindingPatterns {
    std::vector<Pattern> allow; ///< a value must match one of them whole; empty: any
    std::vector<Pattern> deny;  ///< and none of these
};

/// Where a rule puts its copies.
struct TargetContainer {
    enum class Kind {
        relative,      ///< `relative` to each target domain
        same,          ///< at the source's own place, relative to its domain
        configuration, ///< `relative` to the Configuration NC of each target domain's forest
    };
    Kind kind = Kind::relative;
    Dn relative; ///< CN=scpd,CN=System
};

struct Rule {
    std::string name;
    std::vector<std::string> keywords; ///< all must be present
    std::string name_glob = "*";       ///< on the RDN value
    bool in_domains = true;            ///< sources are looked for in domains
    bool in_configuration = false;     ///< and in the forests' Configuration NCs

    /// Empty: every domain of the accounts' forests. A Configuration NC goes by its forest's root.
    std::vector<DomainName> trust_domains;
    std::vector<Dn> trust_containers; ///< relative to the domain, subtree
    std::vector<Dn> trust_exclude;
    std::vector<Dn> configuration_containers; ///< the same, relative to the Configuration NC
    std::vector<Dn> configuration_exclude;
    FirstUse first_use = FirstUse::allow;
    std::vector<AccountQuery> trust_owners; ///< sam or sid, users or groups; empty: any owner

    std::vector<AccountQuery> accounts;
    std::vector<DomainName> target_domains; ///< in addition
    std::vector<DomainName> target_exclude;
    TargetContainer container;
    bool create_containers = false;
    std::vector<std::string> attributes; ///< copied besides keywords and cn
    Mode mode = Mode::upsert;
    std::vector<DomainName> prefer; ///< on_conflict: {prefer: […]}; empty: refuse
    BindingPatterns bindings;
    std::chrono::milliseconds prune_grace{std::chrono::hours{24}};
    int prune_confirmations = 3;
};

/// A cycle over any of them is held whole until a person approves it.
struct LimitSettings {
    std::size_t changes = 100;
    std::size_t deletes = 5;
    std::size_t delete_percent = 30; ///< of a rule's copies, where it has ten or more
};

struct DaemonSettings {
    enum class Watch { automatic, notify, usn, syncrepl, poll };
    std::chrono::milliseconds resync{std::chrono::minutes{15}};
    std::chrono::milliseconds debounce{500};
    std::chrono::milliseconds max_wait{5000};
    Watch watch = Watch::automatic;
    std::chrono::milliseconds poll{30000};
    int workers = 8;
};

struct LogSettings {
    enum class Target { automatic, journal, standard_error };
    enum class Format { text, json };
    std::string level = "info";
    Target target = Target::automatic;
    Format format = Format::text; ///< of what goes to stderr
};

/// Where metrics can be read.
struct MetricsSettings {
    std::string listen = "127.0.0.1:9469"; ///< IPv4:PORT; empty: nowhere
    std::string textfile;                  ///< for node_exporter; empty: none
};

struct Settings {
    std::string instance;
    std::vector<ForestSettings> forests;
    std::vector<Rule> rules;
    LimitSettings limits;
    DaemonSettings daemon;
    std::string marker_attribute = "msDS-Settings";
    std::vector<AccountQuery> marker_owners; ///< of copies besides scpd's account; sam or sid
    LogSettings log;
    MetricsSettings metrics;
};

/// The rule reads or writes Configuration NCs.
[[nodiscard]] bool uses_configuration(const Rule& rule);
[[nodiscard]] bool any_uses_configuration(std::span<const Rule> rules);
/// What people must know of copies in a Configuration NC.
inline constexpr const char* configuration_copies_warning =
    "copies in the Configuration NC are not seen by agents that search their domain, as most do "
    "(a search without a base DN never leaves the domain); right only for software that looks in "
    "the Configuration NC";
/// The RDN part of `configuration` or `configuration:RDN` (empty in the first); nullopt where the
/// text is neither.
[[nodiscard]] std::optional<std::string_view> in_configuration(std::string_view text);

/// Defaults that the loader and the one-off flags share.
[[nodiscard]] const std::vector<std::string>& default_attributes();
[[nodiscard]] std::vector<Dn> default_trust_containers();
[[nodiscard]] std::vector<Dn> default_trust_exclude();
[[nodiscard]] Dn default_container();
/// Where a rule uses the Configuration NC, and no place in it is named.
[[nodiscard]] std::vector<Dn> default_configuration_containers();
[[nodiscard]] Dn default_configuration_container();

[[nodiscard]] std::string to_string(Mode mode);
[[nodiscard]] std::optional<Mode> parse_mode(std::string_view text);

} // namespace scp
