#!/usr/bin/python3
"""Builds the state of a domain controller. Runs inside its namespaces (see host.py), where Samba's
Debian paths (/etc/samba, /var/lib/samba, …) are the lab's own folders.

usage: provision.py STEP OUT       OUT, the lab's folder, gets ca.pem and the accounts' keytabs
    first    dc1 from nothing
    second   dc2, joined to corp.test; dc1 runs
    other    src1 from nothing: another forest
    trust    at dc1, between the two forests; both run
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import samba.dckeytab  # noqa: F401  gives Net its export_keytab
from samba.auth import system_session
from samba.credentials import Credentials
from samba.net import Net
from samba.param import LoadParm
from samba.samdb import SamDB
from samba.sd_utils import SDUtils

import topology
from database import open_database
from topology import ADMIN_PASSWORD, DC1, DC2, DCS, SRC1, Dc

SMB_CONF = Path("/etc/samba/smb.conf")
TLS = Path("/var/lib/samba/private/tls")

# Only the services that LDAP clients see, and what trusts are made by; no file server, NetBIOS, winbind,
# dnsupdate (the records are made here). kcc, the built-in one: replication between all DCs there are.
# nosync: the lab's data need not survive a power cut.
SMB_CONF_TEXT = """\
[global]
    netbios name = {netbios_name}
    realm = {realm}
    workgroup = {workgroup}
    server role = active directory domain controller
    server services = ldap, cldap, kdc, dns, rpc, drepl, kcc
    prefork children = 1
    prefork children:ldap = 4
    interfaces = lo eth0
    bind interfaces only = yes
    disable netbios = yes
    dns forwarder =
    tls keyfile = {tls}/key.pem
    tls certfile = {tls}/cert.pem
    tls cafile = {tls}/ca.pem
    ldb:nosync = true
    kccsrv:samba_kcc = no
    kccsrv:periodic_startup_interval = 1
    dreplsrv:periodic_startup_interval = 1
    dreplsrv:periodic_interval = 5
    dreplsrv:notify_interval = 1
    log level = 1

[sysvol]
    path = /var/lib/samba/sysvol
    read only = no

[netlogon]
    path = /var/lib/samba/sysvol/{domain}/scripts
    read only = no
"""


def provision(dc: Dc) -> None:
    subprocess.run(
        [
            "samba-tool",
            "domain",
            "provision",
            "--server-role=dc",
            "--dns-backend=SAMBA_INTERNAL",
            "--function-level=2008_R2",
            f"--realm={dc.realm}",
            f"--domain={dc.netbios}",
            f"--host-name={dc.name}",
            f"--host-ip={dc.address}",
            f"--adminpass={ADMIN_PASSWORD}",
            "--option=ldb:nosync=true",
        ],
        check=True,
    )
    write_smb_conf(dc)
    # ldap/<host> and the like, without which there is no Kerberos ticket for LDAP; a DC with
    # "dnsupdate" does it when it starts
    subprocess.run(["samba_spnupdate"], check=True)


def join(dc: Dc, out: Path) -> None:
    """One more DC of the first one's domain."""
    subprocess.run(
        [
            "samba-tool",
            "domain",
            "join",
            dc.domain,
            "DC",
            f"--server={DC1.fqdn}",
            f"-UAdministrator@{dc.realm}%{ADMIN_PASSWORD}",
            "--dns-backend=SAMBA_INTERNAL",
            f"--option=netbios name={dc.name.upper()}",
            "--option=interfaces=lo eth0",
            "--option=bind interfaces only=yes",
            "--option=ldb:nosync=true",
        ],
        check=True,
    )
    write_smb_conf(dc)
    copy_certificate(out)


def copy_certificate(out: Path) -> None:
    shutil.copytree(out / DC1.name / "lib/private/tls", TLS, dirs_exist_ok=True)


def trust(here: Dc, there: Dc) -> None:
    subprocess.run(
        [
            "samba-tool",
            "domain",
            "trust",
            "create",
            there.domain,
            "--type=forest",
            "--direction=both",
            "--create-location=both",
            f"-UAdministrator@{there.realm}%{ADMIN_PASSWORD}",
            "--local-dc-username=Administrator",
            f"--local-dc-password={ADMIN_PASSWORD}",
        ],
        check=True,
    )


def write_smb_conf(dc: Dc) -> None:
    SMB_CONF.write_text(
        SMB_CONF_TEXT.format(
            netbios_name=dc.name.upper(),
            realm=dc.realm,
            workgroup=dc.netbios,
            domain=dc.domain,
            tls=TLS,
        )
    )


def make_certificates(out: Path) -> None:
    """One for all DCs. A CA of the lab's own: the certificate that Samba makes itself has no subjectAltName."""
    TLS.mkdir(mode=0o700, exist_ok=True)
    names = "subjectAltName=" + ",".join(
        f"DNS:{dc.fqdn},DNS:{dc.domain},IP:{dc.address}" for dc in DCS
    )
    with tempfile.TemporaryDirectory() as temp:
        ca_key = f"{temp}/ca.key"  # thrown away: nothing else is to be signed
        openssl(
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "3650",
            "-subj",
            "/CN=scpd lab CA",
            "-addext",
            "keyUsage=critical,keyCertSign,cRLSign",
            "-keyout",
            ca_key,
            "-out",
            f"{TLS}/ca.pem",
        )
        openssl(
            "req",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            f"/CN={DC1.domain}",
            "-keyout",
            f"{TLS}/key.pem",
            "-out",
            f"{temp}/req.pem",
        )
        Path(temp, "ext").write_text(
            f"{names}\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n"
        )
        openssl(
            "x509",
            "-req",
            "-in",
            f"{temp}/req.pem",
            "-CA",
            f"{TLS}/ca.pem",
            "-CAkey",
            ca_key,
            "-CAcreateserial",
            "-days",
            "3650",
            "-extfile",
            f"{temp}/ext",
            "-out",
            f"{TLS}/cert.pem",
        )
    (TLS / "key.pem").chmod(0o600)
    (out / "ca.pem").write_bytes((TLS / "ca.pem").read_bytes())


def openssl(*args: str) -> None:
    subprocess.run(["openssl", *args], check=True, stderr=subprocess.DEVNULL)


def seed(dc: Dc, out: Path) -> None:
    """The accounts and the delegated container, written to the database; this DC does not run yet."""
    lp = LoadParm()
    lp.load(str(SMB_CONF))
    sam = SamDB(url="/var/lib/samba/private/sam.ldb", session_info=system_session(), lp=lp)
    sam.set_maxPwdAge(
        str(-(2**63))
    )  # never: a restored state may be old, and its passwords are still to be good
    for account in topology.ACCOUNTS[dc.domain]:
        sam.newuser(account.name, account.password)
        export_keytab(lp, f"{account.name}@{dc.realm}", out / f"{account.name}.keytab")
    container = topology.container(dc)
    sam.add(
        {
            "dn": container,
            "objectClass": "container",
            "description": "Copies of serviceConnectionPoints",
        }
    )
    home, account = topology.DELEGATES[dc.forest]
    accounts = sam if home == dc else open_database(out, home)
    sid = SDUtils(accounts).get_object_sid(f"CN={account.name},CN=Users,{home.nc}")
    for ace in topology.DELEGATION:
        SDUtils(sam).dacl_add_ace(container, ace.format(sid=sid))


def export_keytab(lp: LoadParm, principal: str, keytab: Path) -> None:
    credentials = Credentials()
    credentials.guess(lp)
    Net(credentials, lp).export_keytab(keytab=str(keytab), principal=principal)
    keytab.chmod(0o600)


def main(step: str, out: Path) -> None:
    if step == "first":
        provision(DC1)
        make_certificates(out)
        seed(DC1, out)
    elif step == "second":
        join(DC2, out)
    elif step == "other":
        provision(SRC1)
        copy_certificate(out)
        seed(SRC1, out)
    elif step == "trust":
        trust(DC1, SRC1)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
