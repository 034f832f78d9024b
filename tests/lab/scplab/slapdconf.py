"""slapd.conf of the lab's servers. No I/O: text in, text out."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from . import content, forest
from .forest import (
    BY_KEY,
    CONFIGURATION,
    CONFIGURATION_CONTAINER,
    COPY_CONTAINER,
    DOMAINS,
    PASSWORD,
    ROOT,
    SCHEMA,
    SVC,
    Dc,
    Domain,
)

SCHEMA_FILE = Path(__file__).with_name("slapd") / "ad.schema"
INDEX = """index objectClass,entryCSN,entryUUID,objectGUID,objectSid eq
index cn,keywords,serviceClassName,sAMAccountName,userPrincipalName,servicePrincipalName,nCName eq
index member,uSNChanged,whenChanged,msDS-Settings eq"""
BIND_ONLY = "CN=Users," + ROOT.nc


@dataclass(frozen=True)
class Paths:
    """Where one server keeps its things, below the lab's directory."""

    lab: Path
    name: str  # a DC's key, or gc

    @property
    def home(self) -> Path:
        return self.lab / self.name

    @property
    def conf(self) -> Path:
        return self.home / "slapd.conf"

    @property
    def usn(self) -> Path:
        return self.home / "usn"

    @property
    def pid(self) -> Path:
        return self.lab / "run" / f"{self.name}.pid"

    @property
    def log(self) -> Path:
        return self.lab / "run" / f"{self.name}.log"

    @property
    def socket(self) -> Path:
        return self.lab / "run" / f"{self.name}.ldapi"

    @property
    def ldapi(self) -> str:
        return "ldapi://" + str(self.socket).replace("/", "%2F")

    def certificate(self, kind: str) -> Path:
        return self.lab / "tls" / f"{self.name}.{kind}"

    def database(self, name: str) -> Path:
        return self.home / f"db-{name}"


def loader(suffix: str, directory: Path) -> str:
    """The least that slapadd needs to fill one database."""
    return f"""include "{SCHEMA_FILE}"
modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
suffix "{suffix}"
directory "{directory}"
maxsize 1073741824
dbnosync
{INDEX}
"""


def domain_server(
    dc: Dc, paths: Paths, plugin: Path | None, svc_unlimited: bool, peer: str | None = None
) -> str:
    """peer: URI of the other DC of the domain, whose writes are to come here."""
    domain = dc.domain
    parts = [_head(dc, paths, dc.server_id)]
    if plugin:
        parts.append(f'plugin preoperation "{plugin}" adshape_init "{paths.usn}" "{SCHEMA}"\n')
    parts.append(_config_database(domain))
    replica = "" if dc == ROOT.pdc else _replica(Paths(paths.lab, ROOT.key), 1, CONFIGURATION)
    parts.append(
        _database(domain, paths, "configuration", CONFIGURATION, _configuration_access(), replica)
    )
    if domain != ROOT:
        parts.append(
            _database(domain, paths, "accounts", BIND_ONLY, _BIND_ONLY_ACCESS, overlay=False)
        )
    # The first limits that fit an account count: these stand before everybody's.
    exempt = f'limits dn.exact="{SVC.dn}" size=unlimited time=unlimited\n' if svc_unlimited else ""
    after = _peer(peer, domain) if peer else ""
    parts.append(
        _database(domain, paths, "domain", domain.nc, _domain_access(domain), exempt, after=after)
    )
    return "\n".join(parts)


def global_catalog(paths: Paths) -> str:
    """Partial, read-only replicas of all domains, glued so that one search sees all of them.

    The superior database has the empty suffix: a search below "" spans the trees, as in AD.
    """
    parts = [_head(ROOT.pdc, paths, 9), _config_database(ROOT)]
    glued = "subordinate advertise\n"
    root_paths = Paths(paths.lab, ROOT.key)
    parts.append(
        _database(
            ROOT,
            paths,
            "configuration",
            CONFIGURATION,
            _READ_ONLY_ACCESS,
            glued + _replica(root_paths, 1, CONFIGURATION),
            overlay=False,
        )
    )
    for domain in sorted(DOMAINS, key=lambda d: d.parent is None):  # the deepest suffix first
        replica = _replica(
            Paths(paths.lab, domain.key),
            domain.number + 1,
            domain.nc,
            attrs=content.PARTIAL_ATTRIBUTES,
        )
        parts.append(
            _database(
                ROOT,
                paths,
                domain.key,
                domain.nc,
                _READ_ONLY_ACCESS,
                glued + replica,
                overlay=False,
            )
        )
    parts.append(_database(ROOT, paths, "all", "", _READ_ONLY_ACCESS, overlay=False))
    return "\n".join(parts)


def _head(dc: Dc, paths: Paths, server_id: int) -> str:
    domain = dc.domain
    superior = "" if domain == ROOT else f"referral ldap://{ROOT.dns}\n"
    return f"""include "{SCHEMA_FILE}"
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload syncprov
serverID {server_id}
pidfile "{paths.pid}"
schemadn "CN=Aggregate,{SCHEMA}"
rootDSE "{paths.home / 'rootdse.ldif'}"
{superior}loglevel 0
threads 4
TLSCACertificateFile "{paths.lab / 'tls' / 'ca.crt'}"
TLSCertificateFile "{paths.certificate('crt')}"
TLSCertificateKeyFile "{paths.certificate('key')}"
TLSVerifyClient try
sasl-host {dc.host}
sasl-realm {ROOT.dns.upper()}
authz-regexp "gidNumber={os.getegid()}[+]uidNumber={os.geteuid()},cn=peercred,cn=external,cn=auth"
    "{domain.administrator}"
authz-regexp "uid=([^,/@]+),(cn=[^,]+,)?cn=gssapi,cn=auth" "CN=$1,CN=Users,{ROOT.nc}"
authz-regexp "cn=([^,]+),ou=accounts,o=lab" "CN=$1,CN=Users,{ROOT.nc}"
access to dn.base="" attrs=namingContexts val/distinguishedNameMatch.exact="{BIND_ONLY}" by * none
access to dn.base="" by * read
access to dn.base="CN=Aggregate,{SCHEMA}" by * read
"""


def _config_database(domain: Domain) -> str:
    # cn=config in memory: a test may change access or limits of the running server.
    return f'database config\nrootdn "{domain.administrator}"\n'


def _database(
    domain: Domain,
    paths: Paths,
    name: str,
    suffix: str,
    access: str,
    options: str = "",
    overlay: bool = True,
    after: str = "",
) -> str:
    return f"""database mdb
suffix "{suffix}"
rootdn "{domain.administrator}"
directory "{paths.database(name)}"
maxsize 1073741824
dbnosync
{INDEX}
{options}limits * size.soft=1000 size.hard=1000 size.pr=1000 size.prtotal=unlimited time=120
{access}{after}{_SYNCPROV if overlay else ''}"""


_SYNCPROV = "overlay syncprov\nsyncprov-sessionlog 1000\n"
_PASSWORDS = "access to attrs=userPassword by anonymous auth by * none\n"
_READ_ONLY_ACCESS = _PASSWORDS + "access to * by users read by * none\n"
_BIND_ONLY_ACCESS = _PASSWORDS + "access to * by * none\n"


def _domain_access(domain: Domain) -> str:
    return _delegated_access(f"{COPY_CONTAINER},{domain.nc}")


def _configuration_access() -> str:
    return _delegated_access(f"{CONFIGURATION_CONTAINER},{CONFIGURATION}")


def _delegated_access(container: str) -> str:
    """As delegated in AD: the service account writes SCPs below one container; users read."""
    return f"""add_content_acl on
{_PASSWORDS}access to dn.subtree="{container}" filter="(objectClass=container)" attrs=children
    by dn.exact="{SVC.dn}" write by users read by * none
access to dn.subtree="{container}" attrs=children by users read by * none
access to dn.subtree="{container}"
    filter="(&(objectClass=serviceConnectionPoint)(!(objectClass=serviceAdministrationPoint)))"
    by dn.exact="{SVC.dn}" write by users read by * none
access to * by users read by * none
"""


def _replica(provider: Paths, rid: int, base: str, attrs: list[str] | None = None) -> str:
    chosen = f' attrs="{",".join(attrs)}"' if attrs else ""
    domain = BY_KEY[provider.name]
    return (
        f'syncrepl rid={rid:03d} provider="{provider.ldapi}" type=refreshAndPersist retry="1 +"'
        f' searchbase="{base}" filter="(!(objectClass=referral))"{chosen} schemachecking=off'
        f" bindmethod=sasl saslmech=EXTERNAL\nupdateref ldap://{domain.dns}\n"
    )


def _peer(uri: str, domain: Domain) -> str:
    """As between DCs: both take writes, and each fetches the other's."""
    return (
        f'syncrepl rid=002 provider="{uri}" type=refreshAndPersist retry="1 +"'
        f' searchbase="{domain.nc}" filter="(!(objectClass=referral))" schemachecking=off'
        f' bindmethod=simple binddn="{domain.administrator}" credentials="{PASSWORD}"\n'
        "multiprovider on\n"
    )
