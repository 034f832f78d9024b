"""The documents that describe a lab: lab.json, scpd.yaml, and the LAB_… environment."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import yaml

from . import forest, plugin
from .forest import (
    ACCOUNTS,
    AGENT,
    CONFIGURATION,
    COPY_CONTAINER,
    DOMAINS,
    GROUPS,
    PASSWORD,
    ROOT,
    SVC,
)

if TYPE_CHECKING:
    from .lab import Lab


def document(lab: Lab) -> dict:
    described = [server.describe() for server in lab.servers.values()]
    return {
        "schema": "scplab/1",
        "dir": str(lab.dir),
        "options": lab.options,
        "block": [lab.block.a, lab.block.b],
        "plugin": lab.has_plugin,
        "plugin_missing": None if lab.has_plugin else plugin.why_not() or "turned off",
        "forest": {"name": forest.NAME, "root": ROOT.dns, "configuration": CONFIGURATION},
        "domains": [server for server in described if server["key"] in forest.BY_KEY],
        "second_dcs": [
            server for server in described if server["key"] not in (*forest.BY_KEY, "gc")
        ],
        "gc": next((server for server in described if server["key"] == "gc"), None),
        "ca_file": str(lab.ca_file),
        "ldap_conf": str(lab.dir / "ldap.conf"),
        "scpd_yaml": str(lab.scpd_yaml),
        "accounts": {key: _account(lab, key) for key in ACCOUNTS},
        "groups": {
            key: {"dn": group.dn, "members": list(group.members)} for key, group in GROUPS.items()
        },
        "source": {
            "dn": f"{forest.PRODUCT_PATH},{forest.BY_KEY['emea'].nc}",
            "domain": forest.BY_KEY["emea"].dns,
            "name": forest.PROJECT,
            "keywords": [forest.PRODUCT_KEYWORD, "QmmEx", forest.PROJECT],
        },
        "agent_filter": forest.AGENT_FILTER,
        "container": COPY_CONTAINER,
        "copy_dn": f"CN={forest.PROJECT},{COPY_CONTAINER},{ROOT.nc}",
        "kerberos": _kerberos(lab),
    }


def _account(lab: Lab, key: str) -> dict:
    account = ACCOUNTS[key]
    described = {
        "sam": account.sam,
        "dn": account.dn,
        "upn": account.upn,
        "domain": account.home.dns,
        "netbios_name": f"{account.home.netbios}\\{account.sam}",
        "sid": forest.sid_text(account.sid),
        "enabled": account.enabled,
        "password": PASSWORD,
        "password_file": str(lab.password_file(key)),
    }
    if key == "svc":
        described |= {
            "client_certificate": str(lab.dir / "tls" / "client-svc.crt"),
            "client_key": str(lab.dir / "tls" / "client-svc.key"),
        }
    if lab.kdc and account.home == ROOT and account.enabled:
        described["keytab"] = str(lab.kdc.keytab(account.sam))
        described["principal"] = principal(key)
    return described


def principal(key: str) -> str:
    return f"{ACCOUNTS[key].sam}@{ROOT.dns.upper()}"


def _kerberos(lab: Lab) -> dict | None:
    if not lab.kdc:
        return None
    process = lab.kdc.process
    return {
        "realm": ROOT.dns.upper(),
        "krb5_conf": str(lab.kdc.krb5_conf),
        "keytab": str(lab.kdc.keytab(SVC.sam)),
        "ccache": lab.kdc.client_environment()["KRB5CCNAME"],
        "pid": process.pid if process else None,
        "started": process.started if process else None,
    }


def scpd_settings(lab: Lab, auth: str = "simple", tls: bool = True) -> dict:
    """Settings with which scpd or scpctl does the main job in this lab; see Lab.settings()."""

    def uri(name: str) -> str:
        return lab.servers[name].ldaps if tls else lab.servers[name].ldap

    def uris(domain: forest.Domain) -> list[str]:
        """The PDC emulator first."""
        return [uri(key) for key in (domain.key, domain.key + "2") if key in lab.servers]

    return {
        "instance": "lab",
        "forests": [
            {
                "name": forest.NAME,
                "domain": ROOT.dns,
                "servers": uris(ROOT),
                "global_catalog": [uri("gc")] if "gc" in lab.servers else "off",
                "domains": {d.dns: {"servers": uris(d)} for d in DOMAINS[1:]},
                "tls": {"mode": "ldaps", "ca_file": str(lab.ca_file)} if tls else {"mode": "none"},
                "auth": _auth(lab, auth),
                "timeouts": {"connect": "5s", "operation": "30s"},
            }
        ],
        "rules": [
            {
                "name": "mage",
                "match": {"keywords": [forest.PRODUCT_KEYWORD, "QmmEx"]},
                "accounts": [f"{AGENT.home.netbios}\\{AGENT.sam}"],
                "targets": {"container": COPY_CONTAINER},
                "mode": "upsert",
            }
        ],
        "daemon": {"resync": "15m", "debounce": "100ms"},
        "metrics": {"listen": "off"},  # one port for all labs of this machine would be too few
    }


def _auth(lab: Lab, kind: str) -> dict:
    if kind == "simple":
        password_file = str(lab.password_file("svc"))
        return {"mechanism": "simple", "bind_dn": SVC.dn, "password_file": password_file}
    if kind == "gssapi":
        keytab = str(lab.kdc.keytab(SVC.sam))
        return {"mechanism": "gssapi", "principal": principal("svc"), "keytab": keytab}
    if kind == "ccache":
        return {"mechanism": "gssapi"}
    raise ValueError(f"no settings for auth {kind!r}")


def to_yaml(content: dict) -> str:
    return "# Settings for the lab in this folder, made by it.\n" + yaml.safe_dump(
        content, sort_keys=False
    )


def environment(lab: Lab) -> dict[str, str]:
    """What `forest env` and `forest run` give to a shell or a command."""
    values = {
        "LAB_DIR": lab.dir,
        "LAB_JSON": lab.dir / "lab.json",
        "LAB_CA_FILE": lab.ca_file,
        "LAB_SCPD_YAML": lab.scpd_yaml,
        "LAB_AGENT_FILTER": forest.AGENT_FILTER,
        "LAB_SOURCE_DN": f"{forest.PRODUCT_PATH},{forest.BY_KEY['emea'].nc}",
        "LAB_COPY_DN": f"CN={forest.PROJECT},{COPY_CONTAINER},{ROOT.nc}",
        "LDAPCONF": lab.dir / "ldap.conf",
        "SCPD_CONFIG": lab.scpd_yaml,
    }
    for server in lab.servers.values():
        prefix = f"LAB_{server.name.upper()}_"
        values |= {
            prefix + "LDAP": server.ldap,
            prefix + "LDAPS": server.ldaps,
            prefix + "LDAPI": server.ldapi,
        }
        if not server.is_gc:
            values |= {prefix + "NC": server.domain.nc, prefix + "DNS": server.domain.dns}
    for key in ("svc", "agent", "agent2"):
        values[f"LAB_{key.upper()}_DN"] = ACCOUNTS[key].dn
        values[f"LAB_{key.upper()}_PASSWORD_FILE"] = lab.password_file(key)
    if lab.kdc:
        values |= lab.kdc.client_environment()
        values["LAB_SVC_KEYTAB"] = lab.kdc.keytab(SVC.sam)
        values["LAB_SVC_PRINCIPAL"] = principal("svc")
    return {name: str(value) for name, value in values.items()}


def exports(lab: Lab) -> str:
    return "".join(
        f"export {name}={shlex.quote(value)}\n" for name, value in environment(lab).items()
    )
