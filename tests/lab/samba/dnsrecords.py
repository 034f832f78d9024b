#!/usr/bin/python3
"""The DNS records of a DC that joined, as Samba's own list has them; written to the databases, as the
service that would do it (dnsupdate) takes its time. The first DC of a forest got them when it was made.

usage: dnsrecords.py NAME OUT      neither it nor its forest's first DC runs
"""

import string
import sys
from dataclasses import dataclass
from pathlib import Path

import ldb
from samba.dcerpc import dnsp, misc
from samba.ndr import ndr_pack, ndr_unpack
from samba.provision.sambadns import ARecord, CNAMERecord, NSRecord, SRVRecord
from samba.samdb import SamDB

from database import open_database
from topology import DCS, SITE, Dc

LIST = Path("/usr/share/samba/setup/dns_update_list")
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


@dataclass(frozen=True)
class Zone:
    name: str
    partition: str
    sam: SamDB

    def holds(self, name: str) -> bool:
        return name == self.name or name.endswith(f".{self.name}")

    def add(self, kind: str, name: str, *rest: str) -> None:
        """Beside what other DCs have there under the same name."""
        node = ldb.Dn(self.sam, f"DC={self.name},CN=MicrosoftDNS,{self.partition}")
        node.add_child(f"DC={name.removesuffix(self.name).rstrip('.') or '@'}")
        new = record(kind, *rest)
        try:
            there = self.sam.search(node, ldb.SCOPE_BASE, attrs=["dnsRecord"])[0].get("dnsRecord", [])
        except ldb.LdbError:
            self.sam.add({"dn": str(node), "objectClass": "dnsNode", "dnsRecord": ndr_pack(new)})
            return
        if identity(new) in [identity(ndr_unpack(dnsp.DnssrvRpcRecord, one)) for one in there]:
            return
        change = ldb.Message(node)
        change["dnsRecord"] = ldb.MessageElement([ndr_pack(new)], ldb.FLAG_MOD_ADD, "dnsRecord")
        self.sam.modify(change)


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
    ntds = guid_of(forest, dc.ntds_settings_dn)
    parent = Zone(first.domain, f"DC=DomainDnsZones,{first.nc}", forest)
    zones = [  # the first that holds a name
        Zone(f"_msdcs.{first.domain}", f"DC=ForestDnsZones,{first.nc}", forest),
        Zone(dc.domain, f"DC=DomainDnsZones,{dc.nc}", own),
        parent,
    ]
    for kind, record_name, *rest in wanted(dc, first, ntds, guid_of(own, dc.nc)):
        zone = next(one for one in zones if one.holds(record_name))
        zone.add(kind, record_name, *rest)
    if dc.domain != dc.forest:  # the parent's zone tells where the child's is
        parent.add("NS", dc.domain, dc.fqdn)
        parent.add("A", dc.fqdn, dc.address)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
