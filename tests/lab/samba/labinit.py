#!/usr/bin/python3
"""The lab's process 1: all that the lab consists of lives in namespaces that end with this process.

    here (hub and client)    net: br0 10.99.0.1      mnt: /etc/hosts, resolv.conf, nsswitch.conf
    a DC (child process)     net: eth0 10.99.0.1x    mnt: the same, and Samba's folders

No namespace or device has a name outside, so any number of labs run side by side. Process 1 is
killed when its parent (unshare --kill-child) ends, and it ends when stdin, held by whoever wants
the lab, is closed (detached: before the lab is ready); the kernel then ends every process of the
lab and takes the namespaces, mounts and devices away.

usage: unshare --mount --pid --fork --kill-child --net labinit.py DIR CACHE [--second-dc] [--detached]
Writes one line to stdout: "ready <pid>" (as seen outside), or "failed <why>". Logs to stderr.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import ldap

import namespaces
import topology
from topology import ADMIN_PASSWORD, DC1, DC2, DCS, HUB_ADDRESS, PREFIX_LENGTH, Dc

HERE = Path(__file__).resolve().parent
ETC_FILES = ("hosts", "resolv.conf", "nsswitch.conf")  # krb5.conf is named by KRB5_CONFIG
# Samba's folders, as Debian's packages have them, and what they are called in the DC's home.
SAMBA_FOLDERS = {
    "etc": "/etc/samba",
    "lib": "/var/lib/samba",
    "cache": "/var/cache/samba",
    "log": "/var/log/samba",
    "run": "/run/samba",
}
READY_PORTS = (53, 88, 389, 636, 3268)
START_SECONDS = 60
REPLICATION_SECONDS = 60


class Host:
    """A computer on the lab's bridge: a process that holds a network and a mount namespace."""

    def __init__(self, dc: Dc, home: Path) -> None:
        self.environment = {**os.environ, "KRB5_CONFIG": f"{home}/net/krb5.conf"}
        mounts = [f"mount --bind {home}/net/{name} /etc/{name}" for name in ETC_FILES]
        for name, path in SAMBA_FOLDERS.items():
            (home / name).mkdir(parents=True, exist_ok=True)
            mounts += [f"mkdir -p {path}", f"mount --bind {home}/{name} {path}"]
        write_etc_files(home / "net", dc)
        # $pid as /proc shows it, which is what nsenter needs, here and outside
        script = "\n".join(
            [
                "set -e",
                *mounts,
                "read -r pid rest </proc/self/stat",
                "echo $pid",
                "exec sleep infinity",
            ]
        )
        holder = subprocess.Popen(
            [*namespaces.unshare("--net"), "/bin/sh", "-c", script],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        pid = holder.stdout.readline().decode().strip()
        if not pid:
            raise RuntimeError(f"{dc.name}: namespaces or mounts could not be made, see the log")
        self.prefix = namespaces.nsenter(pid, "/")
        self.holder = pid
        port = f"p-{dc.name}"
        run(
            "ip",
            "link",
            "add",
            port,
            "type",
            "veth",
            "peer",
            "name",
            "eth0",
            "netns",
            str(holder.pid),
        )
        run("ip", "link", "set", port, "master", "br0", "up")
        self.run("sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6")
        self.run("ip", "link", "set", "lo", "up")
        self.run("ip", "addr", "add", f"{dc.address}/{PREFIX_LENGTH}", "dev", "eth0")
        self.run("ip", "link", "set", "eth0", "up")

    def run(self, *argv: str) -> None:
        run(*self.prefix, *argv, env=self.environment)

    def end_all(self) -> None:
        """What was started here: some of Samba's workers outlive it."""
        while left := self._processes():
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)

    def _processes(self) -> list[int]:
        """All but the holder. /proc is that of outside: the pid in here is the last of NSpid."""
        found = []
        network = os.readlink(f"/proc/{self.holder}/ns/net")
        for pid in os.listdir("/proc"):
            with contextlib.suppress(OSError):
                if pid.isdigit() and os.readlink(f"/proc/{pid}/ns/net") == network:
                    status = Path(f"/proc/{pid}/status").read_text()
                    found += [int(re.search(r"NSpid:.*\s(\d+)", status)[1])] * (pid != self.holder)
        return found

    def start(self, *argv: str) -> subprocess.Popen:
        return subprocess.Popen(
            [*self.prefix, *argv], stdin=subprocess.DEVNULL, stdout=sys.stderr, env=self.environment
        )


def run(*argv: str, env: dict[str, str] | None = None) -> None:
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr, env=env)


def write_etc_files(folder: Path, dc: Dc) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "hosts").write_text(
        "127.0.0.1 localhost\n" + "".join(f"{one.address} {one.fqdn} {one.name}\n" for one in DCS)
    )
    (folder / "resolv.conf").write_text(
        f"search {dc.domain}\nnameserver {DC1.address}\noptions timeout:1 attempts:2\n"
    )
    (folder / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files dns\n")
    (folder / "krb5.conf").write_text(
        f"""[libdefaults]
    default_realm = {dc.realm}
    dns_lookup_realm = false
    dns_lookup_kdc = false
    rdns = false
    dns_canonicalize_hostname = false
    udp_preference_limit = 1
[realms]
    {dc.realm} = {{
        kdc = {DC1.address}
        master_kdc = {DC1.address}
    }}
[domain_realm]
    .{dc.domain} = {dc.realm}
    {dc.domain} = {dc.realm}
"""
    )


def make_hub(lab: Path) -> None:
    """This process's own namespaces: the bridge, and the client's view of names."""
    write_etc_files(lab / "client", DC1)
    for name in ETC_FILES:
        run("mount", "--bind", f"{lab}/client/{name}", f"/etc/{name}")
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "br0", "type", "bridge", "forward_delay", "0")
    run("ip", "addr", "add", f"{HUB_ADDRESS}/{PREFIX_LENGTH}", "dev", "br0")
    run("ip", "link", "set", "br0", "up")


def fill(lab: Path, hosts: dict[Dc, Host], cache: Path) -> None:
    """Restores the state from the cache; the first time, builds and saves it."""
    kind = "single" if len(hosts) == 1 else "two"
    archive = cache / f"samba-{kind}-{state_key()}.tar.gz"
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(cache / f"samba-{kind}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # labs that start at the same time build once
        if archive.exists():
            run("tar", "-C", str(lab), "-xSzf", str(archive))
            return
        if kind == "single":
            hosts[DC1].run(str(HERE / "provision.py"), "first", str(lab))
        else:
            fill(lab, {DC1: hosts[DC1]}, cache)
            join_second(lab, hosts)
        save(lab, hosts, archive)


def join_second(lab: Path, hosts: dict[Dc, Host]) -> None:
    """Both run meanwhile, until each has the other's writes; none does afterwards."""
    start_samba(lab, DC1, hosts[DC1])
    hosts[DC2].run(str(HERE / "provision.py"), "second", str(lab))
    for name in (f"ldap/{DC2.fqdn}", f"ldap/{DC2.fqdn}/{DC2.domain}", f"ldap/{DC2.name}"):
        hosts[DC1].run("samba-tool", "spn", "add", name, f"{DC2.name.upper()}$")
    hosts[DC1].end_all()  # it looks for others as it starts, then every five minutes
    for dc, host in hosts.items():
        start_samba(lab, dc, host)
    await_replication(lab)
    for host in hosts.values():
        host.end_all()


def await_replication(lab: Path) -> None:
    """Until what is written at each DC is read at the other."""
    connections = {dc: bind(lab, dc) for dc in DCS}
    for here, there in ((DC1, DC2), (DC2, DC1)):
        mark = f"seen {time.monotonic_ns()}".encode()
        users = f"CN=Users,{here.nc}"
        connections[here].modify_s(users, [(ldap.MOD_REPLACE, "adminDescription", [mark])])
        deadline = time.monotonic() + REPLICATION_SECONDS
        while True:
            found = connections[there].search_s(users, ldap.SCOPE_BASE, attrlist=["adminDescription"])
            if found[0][1].get("adminDescription") == [mark]:
                break
            if time.monotonic() > deadline:
                raise RuntimeError(f"nothing of {here.name} comes to {there.name}")
            time.sleep(0.05)


def save(lab: Path, hosts: dict[Dc, Host], archive: Path) -> None:
    keytabs = [f"{a.name}.keytab" for a in topology.ACCOUNTS if a.has_keytab]
    folders = [f"{dc.name}/{name}" for dc in hosts for name in ("etc", "lib")]
    partial = archive.with_suffix(f".{os.readlink('/proc/self')}.partial")
    script = 'umask 077; out=$1; shift; tar -cSf - "$@" | gzip -1 > "$out"'
    run("sh", "-c", script, "-", str(partial), "-C", str(lab), *folders, "ca.pem", *keytabs)
    partial.rename(archive)


def state_key() -> str:
    """Changes with whatever the built state depends on, so that no old archive is used."""
    version = subprocess.run(["samba", "--version"], check=True, capture_output=True).stdout
    sources = (HERE / "provision.py").read_bytes() + (HERE / "topology.py").read_bytes()
    return hashlib.sha256(version + sources).hexdigest()[:16]


def start_samba(lab: Path, dc: Dc, host: Host) -> None:
    samba = host.start("samba", "--foreground", "--no-process-group", "--debug-stdout")
    deadline = time.monotonic() + START_SECONDS
    problem = ""
    while time.monotonic() < deadline:
        if samba.poll() is not None:
            raise RuntimeError(f"{dc.name}: samba ended with status {samba.returncode}")
        problem = what_is_missing(lab, dc)
        if not problem:
            return
        time.sleep(0.05)
    raise RuntimeError(f"{dc.name}: not ready after {START_SECONDS} s: {problem}")


def what_is_missing(lab: Path, dc: Dc) -> str:
    try:
        for port in READY_PORTS:
            socket.create_connection((dc.address, port), timeout=5).close()
        bind(lab, dc).unbind_s()
    except OSError as error:
        return f"port {port}: {error}"
    except ldap.LDAPError as error:
        return f"bind: {error}"
    return ""


def bind(lab: Path, dc: Dc) -> ldap.ldapobject.LDAPObject:
    """As the administrator."""
    connection = ldap.initialize(f"ldaps://{dc.address}")
    for option, value in (
        (ldap.OPT_NETWORK_TIMEOUT, 5),
        (ldap.OPT_TIMEOUT, 5),
        (ldap.OPT_X_TLS_CACERTFILE, str(lab / "ca.pem")),
        (ldap.OPT_X_TLS_NEWCTX, 0),
    ):
        connection.set_option(option, value)
    connection.simple_bind_s(f"Administrator@{dc.domain}", ADMIN_PASSWORD)
    return connection


def end_with_owner(on_its_own: threading.Event) -> None:
    """Whoever wants the lab holds the other end of stdin; a detached lab needs it until ready."""
    while os.read(0, 64):
        pass
    if not on_its_own.is_set():
        os._exit(1)


def main() -> None:
    lab, cache = Path(sys.argv[1]), Path(sys.argv[2])
    on_its_own = threading.Event()
    threading.Thread(target=end_with_owner, args=(on_its_own,), daemon=True).start()
    try:
        make_hub(lab)
        dcs = DCS if "--second-dc" in sys.argv else DCS[:1]
        hosts = {dc: Host(dc, lab / dc.name) for dc in dcs}
        fill(lab, hosts, cache)
        for dc, host in hosts.items():
            start_samba(lab, dc, host)
        if len(hosts) > 1:
            await_replication(lab)
    except (OSError, RuntimeError, subprocess.CalledProcessError, ldap.LDAPError) as error:
        print("failed", error, flush=True)
        sys.exit(1)
    signal.signal(
        signal.SIGCHLD, signal.SIG_IGN
    )  # the kernel reaps orphans, which are ours as process 1
    if "--detached" in sys.argv:
        on_its_own.set()
    print("ready", os.readlink("/proc/self"), flush=True)
    os.close(1)
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
