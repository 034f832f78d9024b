"""The shape of the lab's forest: domains, accounts, groups, and their names. No I/O.

$SCPLAB_FOREST, one DNS label, names another forest than corp: partner.test, emea.partner.test, … with SIDs of its own.
"""

from __future__ import annotations

import os
import struct
import uuid
import zlib
from dataclasses import dataclass

NAME = os.environ.get("SCPLAB_FOREST") or "corp"
PASSWORD = "Lab-Passw0rd!"
SITE = "Default-First-Site-Name"

# What DESIGN.md's log lines are about: the real product's SCP.
PRODUCT_KEYWORD = "77F6F69F-AD86-437c-B47E-9A2F161E7E61"
PROJECT = "90e49231-3838-4e5e-b2e4-8813fbf59a11"
PRODUCT_PATH = (
    f"CN={PROJECT},CN=Exchange Migration Project,CN=QmmEx,CN=Migration Manager,"
    "CN=Quest Software,CN=System"
)
AGENT_FILTER = (
    f"(&(objectClass=serviceConnectionPoint)(keywords={PRODUCT_KEYWORD})(keywords=QmmEx)"
    f"(keywords={PROJECT})(CN={PROJECT}))"
)
COPY_CONTAINER = "CN=scpd,CN=System"
CONFIGURATION_CONTAINER = "CN=scpd,CN=Services"  # of copies, relative to the Configuration NC


@dataclass(frozen=True)
class Domain:
    key: str  # short name in this lab: corp, emea, …
    dns: str
    netbios: str
    number: int  # from 1: server id, last octet of the address, part of the SIDs
    parent: str | None = None  # key of the parent domain
    tree_of: str | None = None  # key of the forest root, for the head of another tree

    @property
    def nc(self) -> str:
        return ",".join("DC=" + label for label in self.dns.split("."))

    @property
    def pdc(self) -> Dc:
        return Dc(self)

    @property
    def host(self) -> str:
        return self.pdc.host

    @property
    def ntds_dn(self) -> str:
        return self.pdc.ntds_dn

    @property
    def crossref_dn(self) -> str:
        return f"CN={self.netbios},CN=Partitions,{CONFIGURATION}"

    @property
    def administrator(self) -> str:
        return "CN=Administrator,CN=Users," + self.nc

    def sid(self, rid: int | None = None) -> bytes:
        """objectSid of the domain, or of the account with that RID, as AD stores it."""
        other = 0 if NAME == "corp" else zlib.crc32(NAME.encode()) % 10**6 * 10
        parts = [21, 1004336348 + other + self.number, 1177238915, 682003330] + (
            [] if rid is None else [rid]
        )
        return bytes([1, len(parts)]) + b"\0\0\0\0\0\5" + struct.pack(f"<{len(parts)}I", *parts)


@dataclass(frozen=True)
class Dc:
    """A domain controller: the first of its domain is the PDC emulator, the second an option."""

    domain: Domain
    number: int = 1

    @property
    def key(self) -> str:
        return self.domain.key if self.number == 1 else f"{self.domain.key}{self.number}"

    @property
    def server_id(self) -> int:
        """slapd's serverID, and the last octet of the address."""
        return self.domain.number + 10 * (self.number - 1)

    @property
    def host(self) -> str:
        return f"dc{self.number}.{self.domain.dns}"

    @property
    def server_dn(self) -> str:
        name = f"{self.domain.netbios}-DC{self.number}"
        return f"CN={name},CN=Servers,CN={SITE},CN=Sites,{CONFIGURATION}"

    @property
    def ntds_dn(self) -> str:
        return "CN=NTDS Settings," + self.server_dn


ROOT = Domain("corp", f"{NAME}.test", NAME.upper(), 1)
CONFIGURATION = "CN=Configuration," + ROOT.nc
SCHEMA = "CN=Schema," + CONFIGURATION
DOMAINS = (
    ROOT,
    Domain("emea", f"emea.{ROOT.dns}", "EMEA", 2, parent="corp"),
    Domain("apac", f"apac.{ROOT.dns}", "APAC", 3, parent="corp"),
    Domain("tree", "tree.test" if NAME == "corp" else f"{NAME}-tree.test", "TREE", 4, tree_of="corp"),
)
BY_KEY = {domain.key: domain for domain in DOMAINS}


def find_domain(name: str) -> Domain:
    """By key, DNS name or NetBIOS name, without case."""
    for domain in DOMAINS:
        if name.lower() in (domain.key, domain.dns, domain.netbios.lower()):
            return domain
    raise KeyError(f"the lab has no domain {name!r}; it has {', '.join(d.key for d in DOMAINS)}")


@dataclass(frozen=True)
class Account:
    sam: str
    domain: str  # key
    rid: int
    enabled: bool = True
    everywhere: bool = False  # may bind on every domain's server, as any account may in AD
    spns: tuple[str, ...] = ()

    @property
    def home(self) -> Domain:
        return BY_KEY[self.domain]

    @property
    def dn(self) -> str:
        return f"CN={self.sam},CN=Users,{self.home.nc}"

    @property
    def upn(self) -> str:
        return f"{self.sam}@{self.home.dns}"

    @property
    def sid(self) -> bytes:
        return self.home.sid(self.rid)


# The keys are those of "accounts" in lab.json.
ACCOUNTS = {
    "svc": Account("svc-scpd", "corp", 1101, everywhere=True),
    "agent": Account(
        "svc-mage",
        "corp",
        1102,
        everywhere=True,
        spns=("mage/agent1.emea.corp.test", "mage/agent1"),
    ),
    "agent2": Account(
        "svc-mage2", "corp", 1103, everywhere=True, spns=("mage/agent2.apac.corp.test",)
    ),
    "reader": Account("reader", "corp", 1104, everywhere=True),
    "disabled": Account("svc-disabled", "corp", 1105, enabled=False),
    "agent_emea": Account("svc-mage-emea", "emea", 1101, spns=("mage/agent3.emea.corp.test",)),
    "agent_apac": Account("svc-mage-apac", "apac", 1101),
    "agent_tree": Account("svc-mage-tree", "tree", 1101),
    "ambiguous_emea": Account("svc-ambiguous", "emea", 1102),
    "ambiguous_apac": Account("svc-ambiguous", "apac", 1102),
}
SVC, AGENT = ACCOUNTS["svc"], ACCOUNTS["agent"]


@dataclass(frozen=True)
class Group:
    name: str
    domain: str
    rid: int
    members: tuple[str, ...]

    @property
    def dn(self) -> str:
        return f"CN={self.name},OU=Groups,{BY_KEY[self.domain].nc}"


def _groups() -> dict[str, Group]:
    """Nesting takes "agents" through corp, emea and apac; emea's group closes a cycle."""
    agents_dn = f"CN=MAgE agents,OU=Groups,{ROOT.nc}"
    apac = Group("MAgE agents APAC", "apac", 1201, (ACCOUNTS["agent_apac"].dn,))
    emea = Group("MAgE agents EMEA", "emea", 1201, (ACCOUNTS["agent_emea"].dn, apac.dn, agents_dn))
    return {
        "agents": Group("MAgE agents", "corp", 1201, (AGENT.dn, emea.dn)),
        "agents_emea": emea,
        "agents_apac": apac,
        "ghosts": Group(
            "MAgE ghosts", "corp", 1202, (ACCOUNTS["agent2"].dn, f"CN=gone,CN=Users,{ROOT.nc}")
        ),
        "everywhere": Group(
            "MAgE everywhere", "tree", 1201, (ACCOUNTS["agent_tree"].dn, agents_dn)
        ),
        "empty": Group("MAgE empty", "corp", 1203, ()),
    }


GROUPS = _groups()


def guid_of(dn: str) -> uuid.UUID:
    """The objectGUID of a seeded object: the same in every lab."""
    return uuid.uuid5(uuid.NAMESPACE_X500, dn.lower())


def sid_text(sid: bytes) -> str:
    parts = struct.unpack(f"<{sid[1]}I", sid[8:])
    return f"S-{sid[0]}-{int.from_bytes(sid[2:8], 'big')}-" + "-".join(map(str, parts))
