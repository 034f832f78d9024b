#!/usr/bin/python3
"""The DNS records of a DC that joined, as Samba's own list has them; written to the databases, as the
service that would do it (dnsupdate) takes its time. The first DC of a forest got them when it was made.

usage: dnsrecords.py NAME OUT      neither it nor its forest's first DC runs
"""

import string
import sys
from pathlib import Path

import ldb
from samba.dcerpc import dnsp, misc
from samba.provision.sambadns import ARecord, CNAMERecord, NSRecord, SRVRecord
from samba.samdb import SamDB

from database import open_database
from topology import DCS, Dc

LIST = Path("/usr/share/samba/setup/dns_update_list")
SITE = "Default-First-Site-Name"
ALWAYS = ("DC", "RWDC", "GC", "RWGC", "DNS_DOMAIN", "RWDNS_DOMAIN")
NO = "# "  # makes a line of the list a comment


def wanted(dc: Dc, first: Dc, ntds: str, domain: str) -> list[list[str]]:
    """Type, name, and what else there is of each record; ntds, domain: GUIDs."""
    in_root = dc.domain == dc.forest
    pdc = next(one for one in DCS if one.domain == dc.domain) == dc
    conditions = {f"IF_{name}": "" for name in ALWAYS}
    conditions |= {f"IF_{name}": "" if in_root else NO for name in ("DNS_FOREST", "RWDNS_FOREST")}
    conditions |= {"IF_PDC": "" if pdc else NO}
    names = {"HOSTNAME": dc.fqdn, "IP": dc.address, "SITE": SITE, "NTDSGUID": ntds}
    names |= {"DNSDOMAIN": dc.domain, "DNSFOREST": first.domain, "DOMAINGUID": domain}
    lines = string.Template(LIST.read_text()).substitute(names | conditions).splitlines()
    found = [line.split() for line in lines if line and not line.startswith("#")]
    return [fields for fields in found if fields[0] in ("A", "CNAME", "NS", "SRV")]


def record(kind: str, target: str, port: str = "") -> dnsp.DnssrvRpcRecord:
    if kind == "SRV":
        return SRVRecord(target, int(port))
    return {"A": ARecord, "CNAME": CNAMERecord, "NS": NSRecord}[kind](target)


def add(sam: SamDB, kind: str, name: str, *rest: str) -> None:
    try:
        _, there = sam.dns_lookup(name)
    except RuntimeError:  # WERR_DNS_ERROR_NAME_DOES_NOT_EXIST
        there = []
    new = record(kind, *rest)
    if identity(new) not in map(identity, there):
        sam.dns_replace(name, [*there, new])


def identity(one: dnsp.DnssrvRpcRecord) -> tuple:
    if one.wType == dnsp.DNS_TYPE_SRV:
        return one.wType, one.data.nameTarget, one.data.wPort
    return one.wType, str(one.data)


def guid_of(sam: SamDB, dn: str) -> str:
    found = sam.search(dn, ldb.SCOPE_BASE, attrs=["objectGUID"])[0]
    return str(misc.GUID(found["objectGUID"][0]))


def main(name: str, out: Path) -> None:
    dc = next(one for one in DCS if one.name == name)
    first = next(one for one in DCS if one.domain == dc.forest)
    forest = open_database(out, first)
    own = open_database(out, dc) if dc.domain != dc.forest else forest
    server = f"CN={dc.name.upper()},CN=Servers,CN={SITE},CN=Sites,CN=Configuration,{first.nc}"
    ntds = guid_of(forest, f"CN=NTDS Settings,{server}")
    for fields in wanted(dc, first, ntds, guid_of(own, dc.nc)):
        in_own_zone = fields[1] == dc.domain or fields[1].endswith(f".{dc.domain}")
        add(own if in_own_zone else forest, *fields)
    if own is not forest:  # the parent's zone tells where the child's is
        add(forest, "NS", dc.domain, dc.fqdn)
        add(forest, "A", dc.fqdn, dc.address)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
