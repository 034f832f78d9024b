#include "rows.hpp"

using namespace scp;
using namespace scp::settings_test;

TEST_CASE("Settings: log-in and TLS") {
    check_rows({
        {"a password",
         forest(R"(domain: corp.test
auth: {mechanism: simple, bind_dn: a, password: hunter2})"),
         {"f:5:11: forests[corp].auth.password_file: is required with mechanism simple (or "
          "credential)",
          "f:5:43: forests[corp].auth.password: a password does not belong in the settings: put it "
          "in a file: password_file (or credential)"}},
        {"a password in other words",
         forest(R"(domain: corp.test
auth: {bindpw: hunter2})"),
         {"f:5:12: forests[corp].auth.bindpw: a password does not belong in the settings: put it "
          "in a file: password_file (or credential)"}},
        {"a password at the top",
         with("Password: hunter2"),
         {"f:3:1: Password: a password does not belong in the settings: put it in a file: "
          "password_file (or credential)"}},
        {"neither domain nor servers",
         forest("auth: {mechanism: anonymous}"),
         {"f:3:5: forests[corp]: needs domain (servers are then found by DNS) or servers"}},
        {"servers that are empty",
         forest("servers: []"),
         {"f:3:5: forests[corp]: needs domain (servers are then found by DNS) or servers"}},
        {"simple without anything",
         forest(R"(domain: corp.test
auth: {mechanism: simple})"),
         {"f:5:11: forests[corp].auth.bind_dn: is required with mechanism simple",
          "f:5:11: forests[corp].auth.password_file: is required with mechanism simple (or "
          "credential)"}},
        {"simple with two places for the password",
         forest(R"(domain: corp.test
auth: {mechanism: simple, bind_dn: a, password_file: /p, credential: c})"),
         {"f:5:74: forests[corp].auth.credential: password_file and credential are two places for "
          "one thing: give one of them"}},
        {"simple with Kerberos's keys",
         forest(R"(domain: corp.test
auth: {mechanism: simple, bind_dn: a, password_file: /p, keytab: /k, principal: p})"),
         {"f:5:70: forests[corp].auth.keytab: does not go with mechanism simple",
          "f:5:85: forests[corp].auth.principal: does not go with mechanism simple"}},
        {"gssapi with simple's keys",
         forest(R"(domain: corp.test
auth: {bind_dn: a, password_file: /p})"),
         {"f:5:21: forests[corp].auth.bind_dn: does not go with mechanism gssapi",
          "f:5:39: forests[corp].auth.password_file: does not go with mechanism gssapi"}},
        {"gssapi with two places for the keytab",
         forest(R"(domain: corp.test
auth: {keytab: /k, credential: c})"),
         {"f:5:36: forests[corp].auth.credential: keytab and credential are two places for one "
          "thing: give one of them"}},
        {"anonymous with anything",
         forest(R"(domain: corp.test
auth: {mechanism: anonymous, credential: c})"),
         {"f:5:46: forests[corp].auth.credential: does not go with mechanism anonymous"}},
        {"external without a certificate",
         forest(R"(domain: corp.test
auth: {mechanism: external})"),
         {"f:5:23: forests[corp].auth.mechanism: external needs a client certificate (tls: "
          "cert_file and key_file) or servers over ldapi:// only"}},
        {"a certificate without its key",
         forest(R"(domain: corp.test
tls: {cert_file: /c})"),
         {"f:5:22: forests[corp].tls.cert_file: cert_file and key_file go together: give both or "
          "none"}},
        {"a key without its certificate",
         forest(R"(domain: corp.test
tls: {key_file: /c})"),
         {"f:5:21: forests[corp].tls.key_file: cert_file and key_file go together: give both or "
          "none"}},
        {"simple without TLS",
         forest(R"(domain: corp.test
tls: {mode: none}
auth: {mechanism: simple, bind_dn: a, password_file: /p})"),
         {"f:5:17: forests[corp].tls.mode: none with mechanism simple would send a password in "
          "clear: use ldaps or starttls, or mechanism gssapi"}},
        {"simple without TLS, with servers",
         forest(R"(servers: [ldap://a, ldap://b]
tls: {mode: none}
auth: {mechanism: simple, bind_dn: a, password_file: /p})"),
         {"f:5:17: forests[corp].tls.mode: none with mechanism simple would send a password in "
          "clear: use ldaps or starttls, or mechanism gssapi"}},
        {"simple over ldap:// without starttls",
         forest(R"(servers: [ldaps://a, ldap://b]
auth: {mechanism: simple, bind_dn: a, password_file: /p})"),
         {"f:4:14: forests[corp].servers: ldap://b would send a password in clear: write ldaps://, "
          "or tls: {mode: starttls}, or mechanism gssapi"}},
        {"anonymous without TLS",
         forest(R"(servers: [ldap://a]
tls: {mode: none}
auth: {mechanism: anonymous})"),
         {"f:5:17: forests[corp].tls.mode: none with mechanism anonymous would send what is read "
          "and written in clear: use ldaps or starttls, or mechanism gssapi"}},
        {"simple without TLS, through an override",
         forest(R"(servers: [ldaps://a]
domains:
  a.corp.test: {tls: {mode: none}}
auth: {mechanism: simple, bind_dn: a, password_file: /p})"),
         {"f:6:33: forests[corp].domains[a.corp.test].tls.mode: none with mechanism simple would "
          "send a password in clear: use ldaps or starttls, or mechanism gssapi"}},
        {"simple in clear, by a server of an override",
         forest(R"(servers: [ldaps://a]
domains:
  a.corp.test: {servers: [ldap://b]}
auth: {mechanism: simple, bind_dn: a, password_file: /p})"),
         {"f:6:30: forests[corp].domains[a.corp.test].servers: ldap://b would send a password in "
          "clear: write ldaps://, or tls: {mode: starttls}, or mechanism gssapi"}},
        {"an override's keys that do not fit",
         forest(R"(domain: corp.test
domains:
  a.corp.test: {auth: {mechanism: simple, keytab: /k}})"),
         {"f:6:27: forests[corp].domains[a.corp.test].auth.bind_dn: is required with mechanism "
          "simple",
          "f:6:27: forests[corp].domains[a.corp.test].auth.password_file: is required with "
          "mechanism simple (or credential)",
          "f:6:55: forests[corp].domains[a.corp.test].auth.keytab: does not go with mechanism "
          "simple"}},
        {"an unknown mechanism brings no further problems",
         forest(R"(domain: corp.test
auth: {mechanism: kerberos, keytab: /k, bind_dn: a})"),
         {R"(f:5:23: forests[corp].auth.mechanism: "kerberos" is not one of gssapi, gss-spnego, external, simple, anonymous)"}},
    });
}
