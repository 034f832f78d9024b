#include "settings/schema_keys.hpp"

namespace scp {

using enum ValueType;

namespace {

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

} // namespace

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
         .preset = "auto",
         .doc = "AD site whose servers are preferred where servers are found by DNS. auto: the one "
                "that a domain controller says this host is in; off: none; or a site's name.",
         .choices = {"auto", "off"},
         .check = check_label},
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
                    .max = ms(std::chrono::minutes{10})});
    keys.push_back({.path = "forests[].timeouts.operation",
                    .type = duration,
                    .preset = "30s",
                    .doc = "For each operation.",
                    .min = 10,
                    .max = ms(std::chrono::hours{1})});
    return keys;
}

} // namespace scp
