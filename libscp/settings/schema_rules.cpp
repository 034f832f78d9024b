#include "settings/schema_keys.hpp"

#include <utility>

namespace scp {

namespace {

using enum ValueType;

constexpr std::int64_t longest = ms(std::chrono::hours{24 * 3650}); // parse_duration's own limit

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
         .doc =
             "Where sources are looked for: in domains, in the forests' Configuration NCs, or in "
             "both.",
         .unique = true,
         .min_items = 1,
         .choices = {"domain", "configuration"}},
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
         .doc = "Subtrees in which sources may lie, relative to the domain; configuration:RDN is "
                "relative to the Configuration NC. Where the rule uses that and nothing is given, "
                "configuration:CN=Services is added.",
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
             "Owners whose SCPs are believed, and members of these groups: SIDs or DOMAIN\\name. "
             "Empty: any. Where servers keep no owners, a list believes nobody.",
         .unique = true,
         .check = check_owner},
        {.path = "rules[].trust.first_use",
         .type = choice,
         .preset = "allow",
         .doc =
             "allow: a new source is believed at once. approve: copies of it wait until a person "
             "has approved the plan.",
         .choices = {"allow", "approve"}},
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
                "its domain; or configuration:RDN: in the Configuration NC of the targets' forests "
                "(configuration alone: CN=scpd,CN=Services), where a search of a domain does not "
                "see them.",
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
                "delete. sync: also retire.",
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
         .doc = "Regular expressions (ECMAScript); a value of serviceBindingInformation must match "
                "one of them whole. Empty: any value.",
         .check = check_pattern},
        {.path = "rules[].bindings.deny",
         .shapes = list_shape,
         .preset = "[]",
         .doc = "The same; a value that matches one of them whole is not copied, whatever allow "
                "says.",
         .check = check_pattern},
        {.path = "rules[].prune", .shapes = map_shape, .doc = "How mode sync retires copies."},
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

} // namespace

std::vector<KeyDoc> rule_keys() {
    std::vector<KeyDoc> keys = rule_source_keys();
    for (auto& key : rule_target_keys())
        keys.push_back(std::move(key));
    return keys;
}

} // namespace scp
