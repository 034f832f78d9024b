"""What the lab's directories hold when they start, as administrators and the product make it."""

from __future__ import annotations

import base64
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from . import forest
from .forest import (
    ACCOUNTS,
    CONFIGURATION,
    CONFIGURATION_CONTAINER,
    DOMAINS,
    GROUPS,
    PASSWORD,
    ROOT,
    SCHEMA,
    Dc,
    Domain,
)

Value = str | bytes | int

ENABLED, DISABLED, DOMAIN_CONTROLLER, WORKSTATION = 512, 514, 532480, 4096  # userAccountControl
UNIVERSAL_SECURITY = -2147483640  # groupType
WRITABLE_NC_HEAD, WRITABLE = 5, 4  # instanceType
CROSSREF_NTDS_DOMAIN, CROSSREF_NTDS, CROSSREF_APPLICATION = 3, 1, 5  # systemFlags

CHAINS = {
    "container": "top container",
    "organizationalUnit": "top organizationalUnit",
    "domainDNS": "top domain domainDNS",
    "user": "top person organizationalPerson user",
    "computer": "top person organizationalPerson user computer",
    "group": "top group",
    "serviceConnectionPoint": "top leaf connectionPoint serviceConnectionPoint",
    "trustedDomain": "top leaf trustedDomain",
    "nTDSDSA": "top applicationSettings nTDSDSA",
}
CATEGORIES = {
    "domainDNS": "Domain-DNS",
    "organizationalUnit": "Organizational-Unit",
    "user": "Person",
    "computer": "Computer",
    "group": "Group",
    "serviceConnectionPoint": "Service-Connection-Point",
    "trustedDomain": "Trusted-Domain",
    "crossRef": "Cross-Ref",
    "crossRefContainer": "Cross-Ref-Container",
    "configuration": "Configuration",
    "dMD": "DMD",
    "nTDSDSA": "NTDS-DSA",
    "nTDSService": "NTDS-Service",
    "server": "Server",
    "serversContainer": "Servers-Container",
    "site": "Site",
    "sitesContainer": "Sites-Container",
    "classSchema": "Class-Schema",
    "container": "Container",
}

# AD's partial attribute set as far as the lab has it, and userPassword so that accounts can bind at
# the global catalog.
PARTIAL_ATTRIBUTES = (
    "objectClass cn ou dc name distinguishedName description displayName keywords "
    "serviceBindingInformation versionNumber objectGUID objectSid objectCategory instanceType "
    "sAMAccountName userPrincipalName servicePrincipalName userAccountControl primaryGroupID "
    "dNSHostName groupType member uSNChanged uSNCreated whenChanged "
    "whenCreated userPassword trustPartner"
).split()


@dataclass
class Entry:
    dn: str
    attributes: dict[str, list[Value]] = field(default_factory=dict)

    def ldif(self, only: set[str] | None = None) -> str:
        """One LDIF record; `only`: lower-case names of the attributes to write."""
        lines = [_line("dn", self.dn)]
        for name, values in self.attributes.items():
            if only is None or name.lower() in only or name in ("entryUUID", "entryCSN"):
                lines += [_line(name, value) for value in values]
        return "\n".join(lines) + "\n\n"


def _line(name: str, value: Value) -> str:
    raw = value if isinstance(value, bytes) else str(value).encode()
    if not raw:
        return f"{name}:"
    if (
        raw.isascii()
        and raw.decode().isprintable()
        and raw[:1] not in b" :<"
        and not raw.endswith(b" ")
    ):
        return f"{name}: {raw.decode()}"
    return f"{name}:: {base64.b64encode(raw).decode()}"


class Stamper:
    """Makes entries with what a server adds: UUID and CSN; AD's attributes if `shaped`."""

    def __init__(self, server_id: int, shaped: bool, first_usn: int = 4096):
        self.usn = first_usn
        self._server_id = server_id
        self._shaped = shaped
        self._now = time.strftime("%Y%m%d%H%M%S", time.gmtime())
        self._count = 0

    def entry(self, dn: str, kind: str, **attributes: Value | list[Value] | tuple) -> Entry:
        """An entry of class `kind`; `_` in a keyword stands for `-`; None means left out."""
        rdn_type, rdn_value = dn.split(",", 1)[0].split("=", 1)
        values: dict[str, list[Value]] = {
            "objectClass": list(CHAINS.get(kind, "top " + kind).split()),
            rdn_type.lower(): [rdn_value],
        }
        if self._shaped:
            values |= self._ad_attributes(dn, kind, rdn_value)
        for name, value in attributes.items():
            listed = (
                list(value)
                if isinstance(value, (list, tuple))
                else []
                if value is None
                else [value]
            )
            if listed:
                values[name.replace("_", "-")] = listed
        return self._operational(Entry(dn, values))

    def referral(self, dn: str, target_host: str) -> Entry:
        """A subordinate reference, as a DC returns it for a naming context below its own."""
        rdn_type, rdn_value = dn.split(",", 1)[0].split("=", 1)
        return self._operational(
            Entry(
                dn,
                {
                    "objectClass": ["referral", "extensibleObject"],
                    rdn_type.lower(): [rdn_value],
                    "ref": [f"ldap://{target_host}/{dn.replace(' ', '%20')}"],
                },
            )
        )

    def _ad_attributes(self, dn: str, kind: str, name: str) -> dict[str, list[Value]]:
        self.usn += 1
        stamp = self._now + ".0Z"
        return {
            "name": [name],
            "distinguishedName": [dn],
            "instanceType": [WRITABLE],
            "whenCreated": [stamp],
            "whenChanged": [stamp],
            "uSNCreated": [self.usn],
            "uSNChanged": [self.usn],
            "objectGUID": [forest.guid_of(dn).bytes_le],
            "objectCategory": [f"CN={CATEGORIES.get(kind, 'Container')},{SCHEMA}"],
        }

    def _operational(self, entry: Entry) -> Entry:
        # Written out, not left to slapadd, so that a replica can be loaded from the same.
        self._count += 1
        entry.attributes["entryUUID"] = [str(uuid.uuid5(forest.guid_of(entry.dn), "entryUUID"))]
        entry.attributes["entryCSN"] = [
            f"{self._now}.{self._count % 1000000:06d}Z#000000#{self._server_id:03x}#000000"
        ]
        return entry


def domain_entries(domain: Domain, make: Stamper, seed_scps: int = 0) -> Iterator[Entry]:
    nc = domain.nc
    yield make.entry(
        nc,
        "domainDNS",
        objectSid=domain.sid(),
        msDS_Behavior_Version=7,
        instanceType=WRITABLE_NC_HEAD,
        fSMORoleOwner=domain.ntds_dn,
    )
    for name in ("System", "Users", "Computers", "Program Data"):
        yield make.entry(f"CN={name},{nc}", "container")
    for name in ("Domain Controllers", "Groups", "Servers"):
        yield make.entry(f"OU={name},{nc}", "organizationalUnit")
    for name in ("Policies", "MicrosoftDNS", "scpd"):
        yield make.entry(f"CN={name},CN=System,{nc}", "container")
    yield from _computers(domain, make)
    yield from _accounts(domain, make)
    yield from _groups(domain, make)
    yield from _trusts(domain, make)
    if domain.key == "emea":
        yield from _product(domain, make)
    for n in range(seed_scps):
        yield _unrelated_scp(domain, make, n)
    for below, host in subordinate_contexts(domain):
        yield make.referral(below, host)


def _computers(domain: Domain, make: Stamper) -> Iterator[Entry]:
    for cn, place, rid, control in (
        ("DC1", "OU=Domain Controllers", 1000, DOMAIN_CONTROLLER),
        ("AGENT1", "CN=Computers", 1001, WORKSTATION),
    ):
        host = f"{cn.lower()}.{domain.dns}"
        yield make.entry(
            f"CN={cn},{place},{domain.nc}",
            "computer",
            sAMAccountName=cn + "$",
            userAccountControl=control,
            objectSid=domain.sid(rid),
            dNSHostName=host,
            servicePrincipalName=[f"HOST/{host}", f"HOST/{cn}"],
            primaryGroupID=516 if rid == 1000 else 515,
            sAMAccountType=805306369,
        )


def _accounts(domain: Domain, make: Stamper) -> Iterator[Entry]:
    yield make.entry(
        domain.administrator,
        "user",
        sAMAccountName="Administrator",
        objectSid=domain.sid(500),
        userAccountControl=ENABLED,
        userPassword=PASSWORD,
        primaryGroupID=513,
        sAMAccountType=805306368,
    )
    for account in ACCOUNTS.values():
        if account.domain == domain.key:
            yield account_entry(account, make)


def account_entry(account: forest.Account, make: Stamper) -> Entry:
    return make.entry(
        account.dn,
        "user",
        sAMAccountName=account.sam,
        userPrincipalName=account.upn,
        objectSid=account.sid,
        userAccountControl=ENABLED if account.enabled else DISABLED,
        servicePrincipalName=account.spns,
        primaryGroupID=513,
        sAMAccountType=805306368,
        # A bind as a disabled account answers 49, as in AD: it has no password that could match.
        userPassword=PASSWORD if account.enabled else "{SSHA}disabled",
    )


def bind_only_entries(make: Stamper) -> Iterator[Entry]:
    """The root's accounts that may bind on other domains' servers, in a database of their own."""
    yield make.entry("CN=Users," + ROOT.nc, "container")
    for account in ACCOUNTS.values():
        if account.everywhere:
            yield account_entry(account, make)


def _groups(domain: Domain, make: Stamper) -> Iterator[Entry]:
    for group in GROUPS.values():
        if group.domain == domain.key:
            yield make.entry(
                group.dn,
                "group",
                sAMAccountName=group.name,
                groupType=UNIVERSAL_SECURITY,
                objectSid=domain.sid(group.rid),
                member=group.members,
                sAMAccountType=268435456,
            )


def _trusts(domain: Domain, make: Stamper) -> Iterator[Entry]:
    for other in DOMAINS:
        if domain.key in (other.parent, other.tree_of) or other.key in (
            domain.parent,
            domain.tree_of,
        ):
            yield make.entry(
                f"CN={other.dns},CN=System,{domain.nc}",
                "trustedDomain",
                trustPartner=other.dns,
                flatName=other.netbios,
                trustDirection=3,
                trustType=2,
                trustAttributes=32,
                securityIdentifier=other.sid(),
            )


def _product(domain: Domain, make: Stamper) -> Iterator[Entry]:
    """The real product's SCP where its installer puts it: nested containers below CN=System."""
    path = f"{forest.PRODUCT_PATH},{domain.nc}"
    parents = path.split(",")[1 : -len(domain.nc.split(",")) - 1]
    for depth in range(len(parents), 0, -1):
        yield make.entry(",".join(parents[depth - 1 :]) + f",CN=System,{domain.nc}", "container")
    yield make.entry(
        path,
        "serviceConnectionPoint",
        keywords=[forest.PRODUCT_KEYWORD, "QmmEx", forest.PROJECT],
        serviceClassName="QmmExProject",
        serviceDNSName="sql1." + domain.dns,
        serviceDNSNameType="A",
        vendor="Quest Software",
        displayName="Exchange Migration Project",
        serviceBindingInformation=[
            f"SqlServer=sql1.{domain.dns}\\QMMEX",
            "Database=QMM_EX_90e49231",
            "Port=1433",
            "Authentication=Windows",
            "Encrypt=True",
        ],
    )


def _unrelated_scp(domain: Domain, make: Stamper, n: int) -> Entry:
    cn = f"svc{n:06d}"
    return make.entry(
        f"CN={cn},CN=System,{domain.nc}",
        "serviceConnectionPoint",
        keywords=["lab-seed", cn],
        serviceClassName="labService",
        serviceDNSName=f"{cn}.{domain.dns}",
        serviceDNSNameType="A",
        serviceBindingInformation=[
            f"https://{cn}.{domain.dns}:8443/v1",
            f"tcp://{cn}.{domain.dns}:9000",
        ],
    )


def subordinate_contexts(domain: Domain) -> list[tuple[str, str]]:
    """(naming context, host in its referral) of what lies below the domain but is not in it."""
    found = [(other.nc, other.dns) for other in DOMAINS if other.parent == domain.key]
    zones = [("DomainDnsZones", domain)] + ([("ForestDnsZones", ROOT)] if domain == ROOT else [])
    found += [(f"DC={zone},{domain.nc}", f"{zone}.{domain.dns}") for zone, domain in zones]
    if domain == ROOT:
        found.append((CONFIGURATION, ROOT.dns))
    return found


def configuration_entries(make: Stamper, second_dcs: Iterable[str] = ()) -> Iterator[Entry]:
    """second_dcs: keys of the domains that have one."""
    partitions = "CN=Partitions," + CONFIGURATION
    yield make.entry(CONFIGURATION, "configuration", instanceType=WRITABLE_NC_HEAD)
    yield make.entry(
        partitions, "crossRefContainer", msDS_Behavior_Version=7, fSMORoleOwner=ROOT.ntds_dn
    )
    for cn, nc in (("Enterprise Configuration", CONFIGURATION), ("Enterprise Schema", SCHEMA)):
        yield make.entry(
            f"CN={cn},{partitions}",
            "crossRef",
            nCName=nc,
            dnsRoot=ROOT.dns,
            systemFlags=CROSSREF_NTDS,
            Enabled="TRUE",
        )
    for domain in DOMAINS:
        yield make.entry(
            domain.crossref_dn,
            "crossRef",
            nCName=domain.nc,
            dnsRoot=domain.dns,
            nETBIOSName=domain.netbios,
            systemFlags=CROSSREF_NTDS_DOMAIN,
            Enabled="TRUE",
            msDS_Behavior_Version=7,
            trustParent=forest.BY_KEY[domain.parent].crossref_dn if domain.parent else None,
            rootTrust=ROOT.crossref_dn if domain.tree_of else None,
        )
        for nc, host in subordinate_contexts(domain):
            if "DnsZones" in nc:
                yield make.entry(
                    f"CN={forest.guid_of(nc)},{partitions}",
                    "crossRef",
                    nCName=nc,
                    dnsRoot=host,
                    systemFlags=CROSSREF_APPLICATION,
                    Enabled="TRUE",
                )
    yield from _sites(make, second_dcs)
    yield make.entry("CN=Services," + CONFIGURATION, "container")
    yield make.entry(f"{CONFIGURATION_CONTAINER},{CONFIGURATION}", "container")
    yield make.entry("CN=Windows NT,CN=Services," + CONFIGURATION, "container")
    yield make.entry(
        "CN=Directory Service,CN=Windows NT,CN=Services," + CONFIGURATION, "nTDSService"
    )
    yield make.entry(SCHEMA, "dMD", objectVersion=88, fSMORoleOwner=ROOT.ntds_dn)
    yield make.entry(
        "CN=Service-Connection-Point," + SCHEMA,
        "classSchema",
        objectClassCategory=1,
        governsID="1.2.840.113556.1.5.126",
        subClassOf="1.2.840.113556.1.5.14",
        lDAPDisplayName="serviceConnectionPoint",
    )


def _sites(make: Stamper, second_dcs: Iterable[str]) -> Iterator[Entry]:
    site = f"CN={forest.SITE},CN=Sites,{CONFIGURATION}"
    yield make.entry("CN=Sites," + CONFIGURATION, "sitesContainer")
    yield make.entry(site, "site")
    yield make.entry("CN=Servers," + site, "serversContainer")
    dcs = [domain.pdc for domain in DOMAINS] + [Dc(forest.BY_KEY[key], 2) for key in second_dcs]
    for dc in dcs:
        domain = dc.domain
        yield make.entry(
            dc.server_dn,
            "server",
            dNSHostName=dc.host,
            serverReference=f"CN=DC{dc.number},OU=Domain Controllers,{domain.nc}",
        )
        yield make.entry(
            dc.ntds_dn,
            "nTDSDSA",
            options=1 if dc == ROOT.pdc else 0,  # 1: is a global catalog
            invocationId=forest.guid_of(
                f"invocation {domain.dns if dc == domain.pdc else dc.host}"
            ).bytes_le,
            msDS_HasDomainNCs=domain.nc,
            msDS_hasMasterNCs=[domain.nc, CONFIGURATION, SCHEMA],
        )


AD_CAPABILITIES = ("800", "1670", "1791", "1935", "2080", "2237")


def root_dse(dc: Dc, dns_name: str, shaped: bool, is_gc: bool, claim_ad: bool) -> str:
    """What slapd adds to its own RootDSE.

    AD's capability OIDs are left out unless asked for: they promise `<GUID=…>` names, notification,
    DirSync and replPropertyMetaData, none of which slapd has.
    """
    domain = dc.domain
    attributes: dict[str, list[Value]] = {
        "defaultNamingContext": [domain.nc],
        "rootDomainNamingContext": [ROOT.nc],
        "configurationNamingContext": [CONFIGURATION],
        "schemaNamingContext": [SCHEMA],
        "dnsHostName": [dns_name],
        "serverName": [dc.server_dn],
        "dsServiceName": [dc.ntds_dn],
        "ldapServiceName": [f"{ROOT.dns}:dc{dc.number}$@{domain.dns.upper()}"],
        "isSynchronized": ["TRUE"],
        "isGlobalCatalogReady": ["TRUE" if is_gc or dc == ROOT.pdc else "FALSE"],
        "domainFunctionality": [7],
        "forestFunctionality": [7],
        "domainControllerFunctionality": [7],
    }
    if shaped and not is_gc:  # made live by the plugin
        attributes |= {"highestCommittedUSN": [0], "currentTime": ["20000101000000.0Z"]}
    if claim_ad:
        attributes["supportedCapabilities"] = [
            "1.2.840.113556.1.4." + number for number in AD_CAPABILITIES
        ]
    return Entry("", attributes).ldif()
