#include "settings/schema.hpp"

#include <chrono>
#include <map>

namespace scp {

namespace {

using enum ValueType;

constexpr std::int64_t ms(std::chrono::milliseconds duration) {
    return duration.count();
}
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
constexpr std::int64_t day = 24LL * 60 * 60 * 1000;
constexpr std::int64_t longest = 3650 * day; // parse_duration's own limit

/// tls and auth stand in a forest and again in the overrides of one domain.
std::vector<KeyDoc> connection_keys(const std::string& at, bool is_override) {
    return {
        {.path = at + ".tls",
         .shapes = map_shape,
         .doc = is_override ? "Keys that differ from the forest's tls."
                            : "How connections are protected.",
         .optional = is_override},
        {.path = at + ".tls.mode",
         .type = choice,
         .preset = "ldaps",
         .doc = "ldaps: TLS from the first byte (port 636). starttls: TLS on port 389. none: no "
                "TLS; only with gssapi or "
                "gss-spnego, which then encrypt (SSF of 128 at least), or over ldapi://. The "
                "scheme of a server's URI "
                "wins.",
         .choices = {"ldaps", "starttls", "none"}},
        {.path = at + ".tls.ca_file",
         .doc = "PEM file of the CAs to trust. Default: the system's.",
         .check = check_file},
        {.path = at + ".tls.cert_file",
         .doc = "PEM file of a client certificate, for mechanism external.",
         .check = check_file},
        {.path = at + ".tls.key_file",
         .doc = "PEM file of the client certificate's key.",
         .check = check_file},
        {.path = at + ".tls.min_version",
         .type = choice,
         .preset = "\"1.2\"",
         .doc = "Lowest TLS version accepted.",
         .choices = {"1.2", "1.3"}},

        {.path = at + ".auth",
         .shapes = map_shape,
         .doc = is_override ? "Another log-in for this domain. Without mechanism: keys that differ "
                              "from the forest's auth."
                            : "How to log in.",
         .optional = is_override},
        {.path = at + ".auth.mechanism",
         .type = choice,
         .preset = "gssapi",
         .doc = "gssapi, gss-spnego: Kerberos. external: a client certificate, or this process's "
                "user over ldapi://. "
                "simple: bind_dn and a password from a file, over TLS only. anonymous: no log-in.",
         .choices = {"gssapi", "gss-spnego", "external", "simple", "anonymous"}},
        {.path = at + ".auth.principal",
         .doc = "Kerberos principal, such as svc-scpd@CORP.TEST. Default: the keytab's or "
                "credential cache's own."},
        {.path = at + ".auth.keytab",
         .doc = "Kerberos keytab. Default: the caller's credential cache.",
         .check = check_file},
        {.path = at + ".auth.bind_dn",
         .doc = "Who logs in with mechanism simple: a DN, a UPN or DOMAIN\\name."},
        {.path = at + ".auth.password_file",
         .doc = "File whose first line is the password for mechanism simple.",
         .check = check_file},
        {.path = at + ".auth.credential",
         .doc = "Instead of keytab or password_file: a file's name in $CREDENTIALS_DIRECTORY "
                "(systemd), else in "
                "/etc/credstore.",
         .check = check_credential},
    };
}

std::vector<KeyDoc> forest_keys() {
    std::vector<KeyDoc> keys = {
        {.path = "forests",
         .shapes = list_shape,
         .doc = "The forests to work in.",
         .required = true,
         .min_items = 1},
        {.path = "forests[]", .shapes = map_shape, .doc = "One forest; needs domain or servers."},
        {.path = "forests[].name",
         .doc = "Your name for it, unique without case.",
         .required = true,
         .check = check_label},
        {.path = "forests[].domain",
         .doc = "DNS name of any domain of the forest; its domain controllers are found by DNS SRV "
                "records.",
         .check = check_domain},
        {.path = "forests[].servers",
         .shapes = list_shape,
         .preset = "[]",
         .doc = "Servers to begin with, as URIs (ldaps://, ldap://, ldapi://), the same order on "
                "every host. The other "
                "domains follow from the directory.",
         .unique = true,
         .check = check_server},
        {.path = "forests[].site",
         .doc = "AD site by which servers are chosen. Not in this version: no site counts.",
         .choices = {"auto", "off"},
         .not_yet = true},
        {.path = "forests[].global_catalog",
         .shapes = value_shape | list_shape,
         .type = choice,
         .preset = "auto",
         .doc = "Where explain looks besides the account's domain. auto: found by DNS; off: none; "
                "or a list of URIs.",
         .choices = {"auto", "off"}},
        {.path = "forests[].global_catalog[]",
         .doc = "Global catalogs as URIs.",
         .check = check_server},
        {.path = "forests[].domains",
         .shapes = map_shape,
         .doc = "Overrides for single domains, by DNS name."},
        {.path = "forests[].domains.*",
         .shapes = map_shape,
         .doc = "Overrides for this domain.",
         .check_key = check_domain},
        {.path = "forests[].domains.*.servers",
         .shapes = list_shape,
         .doc = "Servers of this domain, as URIs.",
         .unique = true,
         .min_items = 1,
         .check = check_server},
    };
    for (auto& key : connection_keys("forests[].domains.*", true))
        keys.push_back(std::move(key));
    for (auto& key : connection_keys("forests[]", false))
        keys.push_back(std::move(key));
    keys.push_back({.path = "forests[].timeouts", .shapes = map_shape, .doc = "Deadlines."});
    keys.push_back({.path = "forests[].timeouts.connect",
                    .type = duration,
                    .preset = "5s",
                    .doc = "For DNS, connect, TLS and log-in together.",
                    .min = 10,
                    .max = ms(minutes{10})});
    keys.push_back({.path = "forests[].timeouts.operation",
                    .type = duration,
                    .preset = "30s",
                    .doc = "For each operation.",
                    .min = 10,
                    .max = ms(hours{1})});
    return keys;
}

std::vector<KeyDoc> rule_source_keys() {
    return {
        {.path = "rules",
         .shapes = list_shape,
         .preset = "[]",
         .doc = "Which SCPs are copied, for which agents' accounts, and how."},
        {.path = "rules[]",
         .shapes = map_shape,
         .doc = "One rule; needs accounts or targets.domains."},
        {.path = "rules[].name",
         .doc = "Unique without case; renaming a rule is harmless.",
         .required = true,
         .check = check_label},
        {.path = "rules[].match",
         .shapes = map_shape,
         .doc = "Which SCPs are sources.",
         .required = true},
        {.path = "rules[].match.in",
         .shapes = list_shape,
         .type = choice,
         .preset = "[domain]",
         .doc = "Where sources are looked for.",
         .unique = true,
         .min_items = 1,
         .choices = {"domain"},
         .later = {"configuration"}},
        {.path = "rules[].match.keywords",
         .shapes = list_shape,
         .doc = "Values of the attribute keywords, all of which must be present; at least one.",
         .required = true,
         .unique = true,
         .min_items = 1,
         .check = check_keyword},
        {.path = "rules[].match.name",
         .preset = "\"*\"",
         .doc = "Glob on the SCP's RDN value: * is any run, ? one character.",
         .check = check_keyword},
        {.path = "rules[].trust",
         .shapes = map_shape,
         .doc = "Which of the matching SCPs are believed: any computer account may create SCPs "
                "below itself."},
        {.path = "rules[].trust.domains",
         .shapes = list_shape,
         .preset = "[]",
         .doc = "Domains whose SCPs may be sources. Empty: every domain of the accounts' forests; "
                "another forest must be "
                "named.",
         .unique = true,
         .check = check_domain},
        {.path = "rules[].trust.containers",
         .shapes = list_shape,
         .preset = "[\"CN=System\"]",
         .doc = "Subtrees in which sources may lie, relative to the domain.",
         .unique = true,
         .min_items = 1,
         .check = check_relative_dn},
        {.path = "rules[].trust.exclude",
         .shapes = list_shape,
         .preset = "[\"CN=Policies,CN=System\", \"CN=MicrosoftDNS,CN=System\"]",
         .doc = "Subtrees of these in which they may not: places that others than administrators "
                "may write to.",
         .unique = true,
         .check = check_relative_dn},
        {.path = "rules[].trust.owners",
         .shapes = list_shape,
         .preset = "[]",
         .doc =
             "Owners whose SCPs are believed. Not in this version, except for the empty list: any.",
         .not_yet = true},
        {.path = "rules[].trust.first_use",
         .type = choice,
         .preset = "allow",
         .doc = "allow: a new source is believed at once. approve is not in this version.",
         .choices = {"allow"},
         .later = {"approve"}},
    };
}

std::vector<KeyDoc> rule_target_keys() {
    return {
        {.path = "rules[].accounts",
         .shapes = list_shape,
         .preset = "[]",
         .doc = "Agents' accounts; the domains in which they live get a copy."},
        {.path = "rules[].accounts[]",
         .shapes = value_shape | map_shape,
         .doc = "CORP\\svc-mage, svc-mage@corp.test, a DN, a SID; or a map of one of account, "
                "group, filter, and forest.",
         .check = check_account},
        {.path = "rules[].accounts[].forest",
         .doc = "Name of the only forest to look in. Default: every forest."},
        {.path = "rules[].accounts[].account",
         .doc = "An account in one of the short forms.",
         .check = check_account},
        {.path = "rules[].accounts[].group",
         .doc = "DN of a group: its members, nested ones too.",
         .check = check_dn},
        {.path = "rules[].accounts[].filter",
         .doc = "LDAP filter (RFC 4515) for accounts.",
         .check = check_filter},
        {.path = "rules[].targets", .shapes = map_shape, .doc = "Where copies go."},
        {.path = "rules[].targets.domains",
         .shapes = list_shape,
         .preset = "[]",
         .doc = "Domains that get a copy in addition to the accounts'.",
         .unique = true,
         .check = check_domain},
        {.path = "rules[].targets.exclude",
         .shapes = list_shape,
         .preset = "[]",
         .doc = "Domains that get none.",
         .unique = true,
         .check = check_domain},
        {.path = "rules[].targets.container",
         .preset = "CN=scpd,CN=System",
         .doc = "Container of the copies, relative to the domain; or same: as the source lies in "
                "its domain.",
         .check = check_container},
        {.path = "rules[].targets.create_containers",
         .type = boolean,
         .preset = "false",
         .doc =
             "Create missing containers (class container only). Better made by an administrator."},
        {.path = "rules[].attributes",
         .shapes = list_shape,
         .preset = "[serviceBindingInformation, serviceClassName, serviceDNSName, "
                   "serviceDNSNameType, versionNumber, "
                   "versionNumberHi, versionNumberLo, vendor, appSchemaVersion, displayName, "
                   "description]",
         .doc = "Attributes that are copied; keywords and cn always are. DN-valued, security and "
                "system-only ones are "
                "refused.",
         .unique = true,
         .check = check_copied_attribute},
        {.path = "rules[].mode",
         .type = choice,
         .preset = "upsert",
         .doc = "observe: never write. create-only: create. upsert: create and repair, never "
                "delete. sync: also retire "
                "(held in this version).",
         .choices = {"observe", "create-only", "upsert", "sync"}},
        {.path = "rules[].on_conflict",
         .shapes = value_shape | map_shape,
         .type = choice,
         .preset = "refuse",
         .doc = "Where sources of one identity differ. refuse: hold; or a map with prefer.",
         .choices = {"refuse"}},
        {.path = "rules[].on_conflict.prefer",
         .shapes = list_shape,
         .doc = "Domains whose source wins, best first.",
         .required = true,
         .unique = true,
         .min_items = 1,
         .check = check_domain},
        {.path = "rules[].bindings",
         .shapes = map_shape,
         .doc = "Which binding values are believed."},
        {.path = "rules[].bindings.allow",
         .shapes = list_shape,
         .preset = "[]",
         .doc = "Patterns. Not in this version, except for the empty list: any value.",
         .not_yet = true},
        {.path = "rules[].bindings.deny",
         .shapes = list_shape,
         .preset = "[]",
         .doc = "Patterns. Not in this version, except for the empty list: none.",
         .not_yet = true},
        {.path = "rules[].prune",
         .shapes = map_shape,
         .doc = "How mode sync retires copies (held in this version)."},
        {.path = "rules[].prune.grace",
         .type = duration,
         .preset = "24h",
         .doc = "How long a copy stays after it was marked as gone.",
         .min = 0,
         .max = longest},
        {.path = "rules[].prune.confirmations",
         .type = integer,
         .preset = "3",
         .doc = "Complete reads that must agree before a copy is marked as gone.",
         .min = 1,
         .max = 1000},
    };
}

std::vector<KeyDoc> service_keys() {
    return {
        {.path = "limits", .shapes = map_shape, .doc = "A cycle over any of them is held whole."},
        {.path = "limits.changes",
         .type = integer,
         .preset = "100",
         .doc = "Most changes in one cycle.",
         .min = 0,
         .max = 1'000'000},
        {.path = "limits.deletes",
         .doc = "Most deletes in one cycle. Not in this version, which deletes nothing.",
         .not_yet = true},
        {.path = "limits.delete_percent",
         .doc = "Largest share of deletes. Not in this version, which deletes nothing.",
         .not_yet = true},

        {.path = "daemon", .shapes = map_shape, .doc = "How scpd works."},
        {.path = "daemon.resync",
         .type = duration,
         .preset = "15m",
         .doc = "A full read and comparison this often.",
         .min = 100,
         .max = 30 * day},
        {.path = "daemon.debounce",
         .type = duration,
         .preset = "500ms",
         .doc = "After a change, wait until it has been quiet for this long.",
         .min = 0,
         .max = ms(hours{1})},
        {.path = "daemon.max_wait",
         .type = duration,
         .preset = "5s",
         .doc = "But never longer than this.",
         .min = 0,
         .max = ms(hours{1})},
        {.path = "daemon.watch",
         .type = choice,
         .preset = "auto",
         .doc = "How changes are noticed. auto: the best the server has; usn: uSNChanged (AD); "
                "syncrepl: RFC 4533 "
                "(OpenLDAP); poll: reading again.",
         .choices = {"auto", "usn", "syncrepl", "poll"},
         .later = {"notify"}},
        {.path = "daemon.poll",
         .type = duration,
         .preset = "30s",
         .doc = "How often usn and poll look.",
         .min = 100,
         .max = day},
        {.path = "daemon.workers",
         .type = integer,
         .preset = "8",
         .doc = "Connections that work at once.",
         .min = 1,
         .max = 256},

        {.path = "marker", .shapes = map_shape, .doc = "How copies are told from sources."},
        {.path = "marker.attribute",
         .preset = "msDS-Settings",
         .doc = "Attribute of the copies that holds the marker; other values in it are left alone.",
         .check = check_marker_attribute},
        {.path = "marker.owners",
         .shapes = list_shape,
         .preset = "[]",
         .doc = "Further owners of copies. Not in this version, except for the empty list.",
         .not_yet = true},

        {.path = "log", .shapes = map_shape, .doc = "The daemon's log."},
        {.path = "log.level",
         .type = choice,
         .preset = "info",
         .doc = "Least severity that is logged.",
         .choices = {"trace", "debug", "info", "warning", "error"}},
        {.path = "log.target",
         .type = choice,
         .preset = "auto",
         .doc = "auto: the journal where scpd runs as a service, else stderr.",
         .choices = {"auto", "journal", "stderr"}},
        {.path = "log.format",
         .type = choice,
         .preset = "text",
         .doc = "text; json is not in this version.",
         .choices = {"text"},
         .later = {"json"}},

        {.path = "metrics",
         .shapes = map_shape,
         .doc = "Metrics for Prometheus. Not in this version."},
        {.path = "metrics.listen",
         .doc = "Address to listen on. Not in this version, except for off.",
         .choices = {"off"},
         .not_yet = true},
        {.path = "metrics.textfile",
         .doc = "File to write to. Not in this version.",
         .not_yet = true},
    };
}

std::vector<KeyDoc> all_keys() {
    std::vector<KeyDoc> keys = {
        {.path = "", .shapes = map_shape, .doc = "The whole file."},
        {.path = "instance",
         .doc = "Owner's name in the marker of every copy, the same on all hosts that serve the "
                "same copies.",
         .required = true,
         .check = check_label},
    };
    for (auto& part : {forest_keys(), rule_source_keys(), rule_target_keys(), service_keys()})
        keys.insert(keys.end(), part.begin(), part.end());
    return keys;
}

/// forests[].tls.mode → forests[].tls; an item's parent is its list.
std::string_view parent_of(std::string_view path) {
    const auto dot = path.rfind('.');
    return dot == std::string_view::npos ? std::string_view{} : path.substr(0, dot);
}

} // namespace

const std::vector<KeyDoc>& settings_keys() {
    static const std::vector<KeyDoc> keys = all_keys();
    return keys;
}

const KeyDoc* find_key(std::string_view path) {
    static const auto by_path = [] {
        std::map<std::string, const KeyDoc*, std::less<>> index;
        for (const auto& key : settings_keys())
            index.emplace(key.path, &key);
        return index;
    }();
    auto found = by_path.find(path);
    return found == by_path.end() ? nullptr : found->second;
}

const std::vector<const KeyDoc*>& keys_below(std::string_view path) {
    static const auto by_parent = [] {
        std::map<std::string, std::vector<const KeyDoc*>, std::less<>> index;
        for (const auto& key : settings_keys())
            if (!key.path.empty() && !key.path.ends_with("[]"))
                index[std::string(parent_of(key.path))].push_back(&key);
        return index;
    }();
    static const std::vector<const KeyDoc*> none;
    auto found = by_parent.find(path);
    return found == by_parent.end() ? none : found->second;
}

std::string_view key_name(const KeyDoc& key) {
    const std::string_view path = key.path;
    const auto dot = path.rfind('.');
    return dot == std::string_view::npos ? path : path.substr(dot + 1);
}

const KeyDoc* find_member(std::string_view path, std::string_view name) {
    const KeyDoc* any = nullptr;
    for (const auto* key : keys_below(path)) {
        if (key_name(*key) == name)
            return key_name(*key) == "*" ? nullptr : key;
        if (key_name(*key) == "*")
            any = key;
    }
    return any;
}

bool is_named_list(std::string_view path) {
    return find_key(std::string(path) + "[].name") != nullptr;
}

} // namespace scp
