"""Builds what a layout needs, once, and keeps it; afterwards it is unpacked.

A layout is built upon a smaller one: a second DC, a child domain or another forest is added to the
state of "single" or "second-dc". No DC runs before or after."""

import fcntl
import hashlib
import os
import time
from pathlib import Path

import ldap

import shim
from host import Host, run
from topology import ACCOUNTS, DC1, DC2, EM1, LAYOUTS, SRC1, Dc

HERE = Path(__file__).resolve().parent
PROVISION, DNS_RECORDS, CHILD_DOMAIN = (
    str(HERE / name) for name in ("provision.py", "dnsrecords.py", "childdomain.py")
)
# What a built state depends on, and the layouts built upon others more than these.
SOURCES = ("provision.py", "database.py", "topology.py")
MORE_SOURCES = {
    "second-dc": ("dnsrecords.py",),
    "forest": ("dnsrecords.py", "childdomain.py", "forestshim.c"),
}
REPLICATION_SECONDS = 60


def make_hosts(lab: Path, cache: Path, dcs: tuple[Dc, ...]) -> dict[Dc, Host]:
    return {dc: Host(dc, dcs, lab, shim.environment(cache, dc, dcs)) for dc in dcs}


def fill(lab: Path, hosts: dict[Dc, Host], cache: Path, layout: str) -> None:
    """Restores the state from the cache; the first time, builds and saves it."""
    archive = cache / f"samba-{layout}-{state_key(layout)}.tar.gz"
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(cache / f"samba-{layout}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # labs that start at the same time build once
        if archive.exists():
            run("tar", "-C", str(lab), "-xSzf", str(archive))
            return
        if layout == "single":
            hosts[DC1].run(PROVISION, "first", str(lab))
        else:
            base, extend = EXTENSIONS[layout]
            fill(lab, {dc: hosts[dc] for dc in LAYOUTS[base]}, cache, base)
            extend(lab, hosts)
        save(lab, hosts, archive)


def join_second(lab: Path, hosts: dict[Dc, Host]) -> None:
    """Both run meanwhile, until each has the other's writes."""
    hosts[DC1].start()
    hosts[DC2].run(PROVISION, "second", str(lab))
    for name in (f"ldap/{DC2.fqdn}", f"ldap/{DC2.fqdn}/{DC2.domain}", f"ldap/{DC2.name}"):
        hosts[DC1].run("samba-tool", "spn", "add", name, f"{DC2.name.upper()}$")
    hosts[DC1].stop()  # it looks for others as it starts, then every five minutes
    hosts[DC1].run(DNS_RECORDS, DC2.name, str(lab))
    for host in hosts.values():
        host.start()
    await_replication(hosts)
    stop_all(hosts)


def add_child(lab: Path, hosts: dict[Dc, Host]) -> None:
    """dc2 gets nothing of the new domain before it has a replica to put it in: it stays down. As a
    KCC looks for others when its DC starts, and then every five minutes, dc2 starts twice."""
    hosts[DC1].run(CHILD_DOMAIN, "announce", str(lab))
    hosts[DC1].start()
    hosts[EM1].run(CHILD_DOMAIN, "join", str(lab))
    hosts[DC1].stop()
    for dc, host in hosts.items():
        host.run(CHILD_DOMAIN, "replicas", str(lab), dc.name)
    roots = {dc: host for dc, host in hosts.items() if dc.domain == DC1.domain}
    for host in roots.values():
        host.start()
    connection = hosts[DC2].bind()
    until(
        lambda: values(connection, EM1.ntds_settings_dn, "hasMasterNCs"),
        f"{DC2.name} does not hear of {EM1.name}",
    )
    stop_all(roots)
    hosts[EM1].run(DNS_RECORDS, EM1.name, str(lab))
    for host in hosts.values():
        host.start()
    await_catalogs(hosts)
    admins = (f"CN=Administrators,CN=Builtin,{EM1.nc}", f"CN=Enterprise Admins,CN=Users,{DC1.nc}")
    hosts[EM1].bind().modify_s(admins[0], [(ldap.MOD_ADD, "member", [admins[1].encode()])])
    await_replication(hosts)
    stop_all(hosts)


def trust_another(lab: Path, hosts: dict[Dc, Host]) -> None:
    """A forest of its own, and a trust in both directions."""
    hosts[SRC1].run(PROVISION, "other", str(lab))
    for host in hosts.values():
        host.start("--option=server services=+s3fs +winbindd")  # LSA over SMB, as samba-tool wants it
    hosts[DC1].run(PROVISION, "trust", str(lab))
    stop_all(hosts)


EXTENSIONS = {
    "second-dc": ("single", join_second),
    "forest": ("second-dc", add_child),
    "two-forests": ("single", trust_another),
}


def stop_all(hosts: dict[Dc, Host]) -> None:
    for host in hosts.values():
        host.stop()


def await_replication(hosts: dict[Dc, Host]) -> None:
    """Until what is written at each DC is read at the others of its domain."""
    connections = {dc: host.bind() for dc, host in hosts.items()}
    for here, connection in connections.items():
        mark = f"seen {time.monotonic_ns()}".encode()
        users = f"CN=Users,{here.nc}"
        others = [dc for dc in hosts if dc.domain == here.domain and dc != here]
        if others:
            connection.modify_s(users, [(ldap.MOD_REPLACE, "adminDescription", [mark])])
        for there in others:
            until(
                lambda: mark in values(connections[there], users, "adminDescription"),
                f"nothing of {here.name} comes to {there.name}",
            )


def await_catalogs(hosts: dict[Dc, Host]) -> None:
    """Until each DC has all domains' computers of its forest, the last of what a domain gets."""
    for here, host in hosts.items():
        connection = host.bind()
        for there in hosts:
            if there.forest == here.forest:
                computer = f"CN={there.name.upper()},OU=Domain Controllers,{there.nc}"
                until(
                    lambda: values(connection, computer, "objectGUID"),
                    f"the global catalog of {here.name} does not get {there.name}",
                )


def values(connection: ldap.ldapobject.LDAPObject, dn: str, attribute: str) -> list[bytes]:
    """None where the object is not there (yet)."""
    try:
        found = connection.search_s(dn, ldap.SCOPE_BASE, attrlist=[attribute])
    except (ldap.NO_SUCH_OBJECT, ldap.REFERRAL):
        return []
    return found[0][1].get(attribute, []) if found else []


def until(condition, problem: str) -> None:
    deadline = time.monotonic() + REPLICATION_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{problem} within {REPLICATION_SECONDS} s")
        time.sleep(0.05)


def save(lab: Path, hosts: dict[Dc, Host], archive: Path) -> None:
    domains = {dc.domain for dc in hosts}
    keytabs = [f"{one.name}.keytab" for domain in domains for one in ACCOUNTS[domain]]
    folders = [f"{dc.name}/{name}" for dc in hosts for name in ("etc", "lib")]
    partial = archive.with_suffix(f".{os.readlink('/proc/self')}.partial")
    script = 'umask 077; out=$1; shift; tar -cSf - "$@" | gzip -1 > "$out"'
    run("sh", "-c", script, "-", str(partial), "-C", str(lab), *folders, "ca.pem", *keytabs)
    partial.rename(archive)


def state_key(layout: str) -> str:
    """Changes with whatever the built state depends on, so that no old archive is used."""
    names = [*SOURCES, *MORE_SOURCES.get(layout, ())]
    sources = b"".join((HERE / name).read_bytes() for name in names)
    return hashlib.sha256(shim.samba_version().encode() + sources).hexdigest()[:16]
