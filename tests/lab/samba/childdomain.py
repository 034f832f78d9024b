#!/usr/bin/python3
"""A child domain in dc1's forest, which Samba 4.17 cannot make (nor does it support it; see forestshim.c).

Samba has lost the join of a child domain, but what it consisted of is still there: databases are
provisioned, replicated and filled with Samba's own functions. All databases lie in one file system,
so what is the naming master's to write is written to dc1's database while dc1 does not run:

usage: childdomain.py STEP OUT      in the namespaces of a DC
    announce        dc1, which is down: crossRef, server and NTDS Settings of em1, half of the trust
    join            em1; dc1 runs: schema and Configuration by replication, then a domain of its own
    replicas NAME   any; all are down: empty partial replicas of the other domains, for its GC
"""

import inspect
import logging
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import ldb
import samba.provision
from samba import descriptor, drs_utils, dsdb
from samba.auth import system_session
from samba.credentials import Credentials
from samba.dcerpc import drsblobs, drsuapi, lsa, misc, security
from samba.ndr import ndr_pack, ndr_unpack
from samba.provision.common import FILL_DRS, FILL_SUBDOMAIN
from samba.samdb import SamDB

import provision
from database import open_database, settings, transaction
from topology import ADMIN_PASSWORD, DC1, DCS, EM1, SITE, Dc

TRUST_PASSWORD = "Tru5t.between.parent.and.child"

CONFIGURATION = f"CN=Configuration,{DC1.nc}"
PARTITIONS = f"CN=Partitions,{CONFIGURATION}"
SCHEMA = f"CN=Schema,{CONFIGURATION}"
FOREST_DNS = f"DC=ForestDnsZones,{DC1.nc}"
CROSS_REF = f"CN={EM1.netbios},{PARTITIONS}"

NC_HEAD, NOT_FILLED, WRITABLE, BELOW_ANOTHER = 1, 2, 4, 8  # instanceType
IS_DOMAIN = "(&(objectClass=crossRef)(systemFlags:1.2.840.113556.1.4.803:=3))"
RELAX = "relax:0"
AS_PARTIAL_REPLICA = ["local_oid:1.3.6.1.4.1.7165.4.3.18:0", RELAX]
AS_TRUST_ACCOUNT = ["local_oid:1.3.6.1.4.1.7165.4.3.23:0"]  # permits UF_INTERDOMAIN_TRUST_ACCOUNT
REPLICA_FLAGS = (
    drsuapi.DRSUAPI_DRS_INIT_SYNC
    | drsuapi.DRSUAPI_DRS_PER_SYNC
    | drsuapi.DRSUAPI_DRS_GET_ANC
    | drsuapi.DRSUAPI_DRS_GET_NC_SIZE
    | drsuapi.DRSUAPI_DRS_NEVER_SYNCED
    | drsuapi.DRSUAPI_DRS_WRIT_REP
    | drsuapi.DRSUAPI_DRS_FULL_SYNC_IN_PROGRESS
)


@dataclass(frozen=True)
class Partition:
    """A domain NC, as its crossRef has it."""

    nc: str
    guid: bytes
    sid: bytes

    @property
    def depth(self) -> int:
        return self.nc.count(",")


# -------------------- announce


def announce(sam: SamDB) -> None:
    sid = security.random_sid()
    with transaction(sam):
        # first, so that the crossRef's nCName gets its GUID and SID, by which the KDC finds the domain
        add_partial_replica(sam, EM1.nc, {"objectSid": ndr_pack(sid)}, BELOW_ANOTHER)
        sam.add(cross_ref(sam, sid), controls=[RELAX])
        sam.add({"dn": EM1.server_dn, "objectClass": "server", "dNSHostName": EM1.fqdn}, controls=[RELAX])
        sam.add(ntds_settings(), controls=[RELAX])
        add_trust(sam, DC1, EM1, ndr_pack(sid))


def add_partial_replica(sam: SamDB, nc: str, identity: dict, above: int) -> None:
    head = {"dn": nc, "objectClass": ["top", "domainDNS"]}
    instance = {"instanceType": str(NC_HEAD | NOT_FILLED | above)}
    sam.add(head | instance | identity, controls=AS_PARTIAL_REPLICA)


def cross_ref(sam: SamDB, sid: security.dom_sid) -> dict:
    forest_sid = security.dom_sid(sam.get_domain_sid())
    admins = {"SubdomainAdmins": f"{sid}-{security.DOMAIN_RID_ADMINS}"}
    return {
        "dn": CROSS_REF,
        "objectClass": "crossRef",
        "nCName": EM1.nc,
        "nETBIOSName": EM1.netbios,
        "dnsRoot": EM1.domain,
        "trustParent": f"CN={DC1.netbios},{PARTITIONS}",
        "nTSecurityDescriptor": descriptor.get_paritions_crossref_subdomain_descriptor(
            forest_sid, name_map=admins
        ),
        "systemFlags": str(dsdb.SYSTEM_FLAG_CR_NTDS_NC | dsdb.SYSTEM_FLAG_CR_NTDS_DOMAIN),
        "msDS-Behavior-Version": str(dsdb.DS_DOMAIN_FUNCTION_2008_R2),
    }


def ntds_settings() -> dict:
    return {
        "dn": EM1.ntds_settings_dn,
        "objectClass": "nTDSDSA",
        "objectCategory": f"CN=NTDS-DSA,{SCHEMA}",
        "systemFlags": str(dsdb.SYSTEM_FLAG_DISALLOW_MOVE_ON_DELETE),
        "dMDLocation": SCHEMA,
        "msDS-Behavior-Version": str(dsdb.DS_DOMAIN_FUNCTION_2008_R2),
        "msDS-HasDomainNCs": EM1.nc,
        "msDS-hasMasterNCs": [EM1.nc, CONFIGURATION, SCHEMA, FOREST_DNS],
        "hasMasterNCs": [EM1.nc, CONFIGURATION, SCHEMA],
        "options": "1",  # a global catalog
        "invocationId": ndr_pack(misc.GUID(str(uuid.uuid4()))),
    }


def add_trust(sam: SamDB, own: Dc, other: Dc, other_sid: bytes) -> None:
    """own's half: the trusted domain, and the account that the other's DCs log in with."""
    secret = ndr_pack(trust_secret())
    both = lsa.LSA_TRUST_DIRECTION_INBOUND | lsa.LSA_TRUST_DIRECTION_OUTBOUND
    sam.add(
        {
            "dn": f"CN={other.domain},CN=System,{own.nc}",
            "objectClass": "trustedDomain",
            "trustType": str(lsa.LSA_TRUST_TYPE_UPLEVEL),
            "trustAttributes": str(lsa.LSA_TRUST_ATTRIBUTE_WITHIN_FOREST),
            "trustDirection": str(both),
            "flatName": other.netbios,
            "trustPartner": other.domain,
            "securityIdentifier": other_sid,
            "trustAuthIncoming": secret,
            "trustAuthOutgoing": secret,
        }
    )
    sam.add(
        {
            "dn": f"CN={other.netbios}$,CN=Users,{own.nc}",
            "objectClass": "user",
            "sAMAccountName": f"{other.netbios}$",
            "userAccountControl": str(dsdb.UF_INTERDOMAIN_TRUST_ACCOUNT),
            "clearTextPassword": TRUST_PASSWORD.encode("utf-16-le"),
        },
        controls=AS_TRUST_ACCOUNT,
    )


def trust_secret() -> drsblobs.trustAuthInOutBlob:
    password = list(TRUST_PASSWORD.encode("utf-16-le"))
    clear = drsblobs.AuthInfoClear()
    clear.size = len(password)  # first: the array is read and written by it
    clear.password = password
    one = drsblobs.AuthenticationInformation()
    one.LastUpdateTime = samba.unix2nttime(int(time.time()))
    one.AuthType = lsa.TRUST_AUTH_TYPE_CLEAR
    one.AuthInfo = clear
    current = drsblobs.AuthenticationInformationArray()
    current.count, current.array = 1, [one]
    blob = drsblobs.trustAuthInOutBlob()
    blob.count, blob.current = 1, current
    return blob


# -------------------- join


def join(out: Path) -> None:
    """dc1's database is read; what is replicated comes from its server."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    logger = logging.getLogger("child domain")
    forest = open_database(out, DC1)
    own = next(one for one in domains(forest) if one.nc == EM1.nc)
    announced = forest.search(EM1.ntds_settings_dn, ldb.SCOPE_BASE, attrs=["objectGUID", "invocationId"])[0]
    ntds, invocation = (misc.GUID(announced[name][0]) for name in ("objectGUID", "invocationId"))
    domain_sid = ndr_unpack(security.dom_sid, own.sid)
    provision.write_smb_conf(EM1)
    made = samba.provision.provision(
        logger,
        system_session(),
        smbconf=str(provision.SMB_CONF),
        samdb_fill=FILL_DRS,
        realm=EM1.realm,
        domain=EM1.netbios,
        rootdn=DC1.nc,
        domaindn=EM1.nc,
        schemadn=SCHEMA,
        configdn=CONFIGURATION,
        serverdn=EM1.server_dn,
        hostname=EM1.name,
        hostip=EM1.address,
        domainsid=domain_sid,
        ntdsguid=str(ntds),
        serverrole="active directory domain controller",
        sitename=SITE,
        dns_backend="SAMBA_INTERNAL",
        lp=settings(out, EM1),
        batch_mode=True,
    )
    replicate(forest, made, ntds, invocation)
    made.names.forestsid = security.dom_sid(forest.get_domain_sid())
    made.names.domainguid = str(misc.GUID(own.guid))
    sam = fill(made, ntds, invocation, logger)
    with transaction(sam):
        root = next(one for one in domains(forest) if one.nc == DC1.nc)
        add_trust(sam, EM1, DC1, root.sid)
        complete_settings(sam)
    root_dse = ldb.Message(ldb.Dn(sam, "@ROOTDSE"))
    for name, value in (("isSynchronized", "TRUE"), ("dsServiceName", f"<GUID={ntds}>")):
        root_dse[name] = ldb.MessageElement(value, ldb.FLAG_MOD_REPLACE, name)
    sam.modify(root_dse)


def replicate(forest: SamDB, made, ntds: misc.GUID, invocation: misc.GUID) -> None:
    credentials = Credentials()
    credentials.guess(made.lp)
    credentials.set_username("Administrator")
    credentials.set_password(ADMIN_PASSWORD)
    credentials.set_domain(DC1.netbios)
    credentials.set_realm(DC1.realm)
    source = f"ncacn_ip_tcp:{DC1.fqdn}[seal]"
    puller = drs_utils.drs_Replicate(source, made.lp, credentials, made.samdb, invocation)
    master = misc.GUID(forest.get_invocation_id())
    with transaction(made.samdb):
        puller.replicate(SCHEMA, master, ntds, schema=True, replica_flags=REPLICA_FLAGS)
        # before the Configuration comes: links to an NC that has no replica here would be dropped
        add_missing_replicas(made.samdb, [one for one in domains(forest) if one.nc != EM1.nc])
        for nc in (CONFIGURATION, FOREST_DNS):
            puller.replicate(nc, master, ntds, replica_flags=REPLICA_FLAGS)


def fill(made, ntds: misc.GUID, invocation: misc.GUID, logger: logging.Logger) -> SamDB:
    """The domain's own NC. The database is opened anew, to know the schema that has come."""
    sam = SamDB(
        url=made.samdb.url, session_info=system_session(), lp=made.lp, global_schema=False, flags=0
    )
    sam.set_invocation_id(str(invocation))
    secrets = samba.Ldb(made.paths.secrets, session_info=system_session(), lp=made.lp)
    mend_provision()
    samba.provision.provision_fill(
        sam,
        secrets,
        logger,
        made.names,
        made.paths,
        samdb_fill=FILL_SUBDOMAIN,
        dom_for_fun_level=dsdb.DS_DOMAIN_FUNCTION_2008_R2,
        adminpass=ADMIN_PASSWORD,
        invocationid=str(invocation),
        ntdsguid=str(ntds),
        hostip=EM1.address,
        dns_backend="SAMBA_INTERNAL",
        serverrole="active directory domain controller",
        lp=made.lp,
    )
    return sam


def mend_provision() -> None:
    """What broke in provision_fill() for a child domain since Samba used it last."""
    stock = inspect.getsource(samba.provision.fill_samdb)
    assignment = "        managedservice_descr = "  # for FILL_FULL only, and then read for both
    before, line, after = stock.partition(assignment)
    condition = "    if fill == FILL_FULL:\n"
    if not line or not before.endswith(condition):
        raise SystemExit("fill_samdb() is not that of Samba 4.17")
    value, _, rest = after.partition("\n")
    mended = f"{before.removesuffix(condition)}    managedservice_descr = {value}\n{condition}{rest}"
    exec(mended, samba.provision.__dict__)

    stock_dns = samba.provision.setup_ad_dns

    def setup_ad_dns(sam, *args, **options):
        sam.set_session_info(system_session())  # only SYSTEM may add the zone's crossRef
        stock_dns(sam, *args, **options)

    class NoCheck:  # dbcheck stumbles over the replicas that are still empty
        def __init__(self, *_, **__) -> None: ...

        def check_database(self, **_) -> int:
            return 0

    samba.provision.setup_ad_dns = setup_ad_dns
    samba.provision.dbcheck = NoCheck


def complete_settings(sam: SamDB) -> None:
    """The links of em1's NTDS Settings to its own NC, which was not there when they came."""
    names = ("hasMasterNCs", "msDS-hasMasterNCs", "msDS-HasDomainNCs")
    found = sam.search(EM1.ntds_settings_dn, ldb.SCOPE_BASE, attrs=list(names))[0]
    change = ldb.Message(found.dn)
    for name in names:
        if EM1.nc.lower() not in {str(value).lower() for value in found.get(name, [])}:
            change[name] = ldb.MessageElement([EM1.nc], ldb.FLAG_MOD_ADD, name)
    if len(change):
        sam.modify(change)


# -------------------- replicas


def add_replicas(sam: SamDB, forest: SamDB) -> None:
    """Replicas of the other domains in a DC's database, and their names in its NTDS Settings: from
    these its KCC makes the connections that fill them. A running DC cannot make them."""
    own = str(sam.get_default_basedn()).lower()
    others = [one for one in domains(forest) if one.nc.lower() != own]
    add_missing_replicas(sam, others)
    name = "hasPartialReplicaNCs"
    found = sam.search(sam.get_dsServiceName(), ldb.SCOPE_BASE, attrs=[name])[0]
    listed = {str(value).lower() for value in found.get(name, [])}
    if missing := [one.nc for one in others if one.nc.lower() not in listed]:
        change = ldb.Message(found.dn)
        change[name] = ldb.MessageElement(missing, ldb.FLAG_MOD_ADD, name)
        sam.modify(change)


def domains(sam: SamDB) -> list[Partition]:
    found = sam.search(
        PARTITIONS, ldb.SCOPE_ONELEVEL, IS_DOMAIN, attrs=["nCName"], controls=["extended_dn:1:1"]
    )
    names = [ldb.Dn(sam, entry["nCName"][0].decode()) for entry in found]
    return [
        Partition(
            dn.get_linearized(), dn.get_extended_component("GUID"), dn.get_extended_component("SID")
        )
        for dn in names
    ]


def add_missing_replicas(sam: SamDB, partitions: list[Partition]) -> None:
    for one in sorted(partitions, key=lambda one: -one.depth):  # a parent that is there is looked at
        if not has(sam, one.nc):
            above = BELOW_ANOTHER if one.nc != DC1.nc else 0
            identity = {"objectGUID": one.guid, "objectSid": one.sid}
            add_partial_replica(sam, one.nc, identity, above)


def has(sam: SamDB, nc: str) -> bool:
    try:
        return len(sam.search(nc, ldb.SCOPE_BASE, attrs=["instanceType"])) == 1
    except ldb.LdbError as error:
        if error.args[0] in (ldb.ERR_NO_SUCH_OBJECT, ldb.ERR_REFERRAL):
            return False
        raise


def main(step: str, out: Path, name: str = "") -> None:
    if step == "announce":
        announce(open_database(out, DC1))
    elif step == "join":
        join(out)
        provision.copy_certificate(out)
        subprocess.run(["samba_spnupdate"], check=True)
        provision.seed(EM1, out)
    elif step == "replicas":
        forest = open_database(out, DC1)
        dc = next(one for one in DCS if one.name == name)
        add_replicas(forest if dc == DC1 else open_database(out, dc), forest)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
