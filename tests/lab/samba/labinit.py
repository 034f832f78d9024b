#!/usr/bin/python3
"""The lab's process 1: all that the lab consists of lives in namespaces that end with this process.

    here (hub and client)    net: br0 10.99.0.1      mnt: /etc/hosts, resolv.conf, nsswitch.conf
    a DC (child process)     net: eth0 10.99.0.11    mnt: the same, and Samba's folders

No namespace or device has a name outside, so any number of labs run side by side. Process 1 is
killed when its parent (unshare --kill-child) ends, and it ends when stdin, held by whoever wants
the lab, is closed (detached: before the lab is ready); the kernel then ends every process of the
lab and takes the namespaces, mounts and devices away.

usage: unshare --mount --pid --fork --kill-child --net labinit.py DIR CACHE [--detached]
Writes one line to stdout: "ready <pid>" (as seen outside), or "failed <why>". Logs to stderr.
"""

import fcntl
import hashlib
import os
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
from topology import ADMIN_PASSWORD, DC1, HUB_ADDRESS, PREFIX_LENGTH, Dc

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

    def start(self, *argv: str) -> subprocess.Popen:
        return subprocess.Popen(
            [*self.prefix, *argv], stdin=subprocess.DEVNULL, stdout=sys.stderr, env=self.environment
        )


def run(*argv: str, env: dict[str, str] | None = None) -> None:
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr, env=env)


def write_etc_files(folder: Path, dc: Dc) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "hosts").write_text(f"127.0.0.1 localhost\n{dc.address} {dc.fqdn} {dc.name}\n")
    (folder / "resolv.conf").write_text(
        f"search {dc.domain}\nnameserver {dc.address}\noptions timeout:1 attempts:2\n"
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
        kdc = {dc.address}
        master_kdc = {dc.address}
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


def fill(lab: Path, dc1: Host, cache: Path) -> None:
    """Restores the provisioned state from the cache; the first time, builds and saves it."""
    archive = cache / f"samba-single-{state_key()}.tar.gz"
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(cache / "samba.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # labs that start at the same time build once
        if not archive.exists():
            dc1.run(str(HERE / "provision.py"), str(lab))
            keytabs = [f"{a.name}.keytab" for a in topology.ACCOUNTS if a.has_keytab]
            partial = archive.with_suffix(f".{os.readlink('/proc/self')}.partial")
            run(
                "sh",
                "-c",
                'umask 077; out=$1; shift; tar -cSf - "$@" | gzip -1 > "$out"',
                "-",
                str(partial),
                "-C",
                str(lab),
                "dc1/etc",
                "dc1/lib",
                "ca.pem",
                *keytabs,
            )
            partial.rename(archive)
            return
    run("tar", "-C", str(lab), "-xSzf", str(archive))


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
        connection = ldap.initialize(f"ldaps://{dc.address}")
        for option, value in (
            (ldap.OPT_NETWORK_TIMEOUT, 5),
            (ldap.OPT_TIMEOUT, 5),
            (ldap.OPT_X_TLS_CACERTFILE, str(lab / "ca.pem")),
            (ldap.OPT_X_TLS_NEWCTX, 0),
        ):
            connection.set_option(option, value)
        connection.simple_bind_s(f"Administrator@{dc.domain}", ADMIN_PASSWORD)
        connection.unbind_s()
    except OSError as error:
        return f"port {port}: {error}"
    except ldap.LDAPError as error:
        return f"bind: {error}"
    return ""


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
        dc1 = Host(DC1, lab / "dc1")
        fill(lab, dc1, cache)
        start_samba(lab, DC1, dc1)
    except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
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
