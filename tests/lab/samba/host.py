"""A computer of the lab: a network and a mount namespace, held by a process, and the DC in it."""

import contextlib
import glob
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import ldap

import namespaces
from topology import ADMIN_PASSWORD, HUB_ADDRESS, PREFIX_LENGTH, SAMBA_FOLDERS, Dc

ETC_FILES = ("hosts", "resolv.conf", "nsswitch.conf")  # krb5.conf is named by KRB5_CONFIG
READY_PORTS = (53, 88, 389, 636, 3268)
START_SECONDS = 60
STOP_SECONDS = 5
CLOCK_BEHIND = "-360s"  # Kerberos allows 300
FAULTS = ("stop", "kill", "start", "start_behind", "pause", "resume", "cut", "heal", "isolate", "rejoin")


class Host:
    """shim: what Samba lacks for several domains in one forest (LD_PRELOAD and its settings)."""

    def __init__(self, dc: Dc, dcs: Iterable[Dc], lab: Path, shim: dict[str, str]) -> None:
        self.dc, self.lab, self.shim = dc, lab, shim
        home = lab / dc.name
        self.environment = {**os.environ, "KRB5_CONFIG": f"{home}/net/krb5.conf"}
        self._samba: subprocess.Popen | None = None
        write_etc_files(home / "net", dc, dcs)
        holder, self.outer_pid = self._hold(home)
        self.prefix = namespaces.nsenter(self.outer_pid, "/")
        self._connect(holder)

    def _hold(self, home: Path) -> tuple[int, str]:
        """The holder's pid: in here, for the kernel; and as /proc has it, which is that of outside."""
        mounts = [f"mount --bind {home}/net/{name} /etc/{name}" for name in ETC_FILES]
        for name, path in SAMBA_FOLDERS.items():
            (home / name).mkdir(parents=True, exist_ok=True)
            mounts += [f"mkdir -p {path}", f"mount --bind {home}/{name} {path}"]
        announce = ["read -r pid rest </proc/self/stat", "echo $pid", "exec sleep infinity"]
        holder = subprocess.Popen(
            [*namespaces.unshare("--net"), "/bin/sh", "-c", "\n".join(["set -e", *mounts, *announce])],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        pid = holder.stdout.readline().decode().strip()
        if not pid:
            raise RuntimeError(f"{self.dc.name}: namespaces or mounts could not be made, see the log")
        return holder.pid, pid

    def _connect(self, holder: int) -> None:
        peer = ("peer", "name", "eth0", "netns", str(holder))
        run("ip", "link", "add", self.port, "type", "veth", *peer)
        run("ip", "link", "set", self.port, "master", "br0", "up")
        self.run("sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6")
        self.run("ip", "link", "set", "lo", "up")
        self.run("ip", "addr", "add", f"{self.dc.address}/{PREFIX_LENGTH}", "dev", "eth0")
        self.run("ip", "link", "set", "eth0", "up")

    @property
    def port(self) -> str:
        """The hub's end of the cable."""
        return f"p-{self.dc.name}"

    def run(self, *argv: str) -> None:
        run(*self.prefix, *argv, env=self.environment)

    # -------------------- what can happen to a DC (FAULTS)

    def start(self, *options: str, clock: str | None = None) -> None:
        """Answers when the DC serves. If it runs, that is all. options: of samba; clock: for faketime."""
        if self._samba is None:
            preload = [self.shim["LD_PRELOAD"]] if "LD_PRELOAD" in self.shim else []
            faked = {}
            if clock is not None:
                preload += glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
                faked = {"FAKETIME": clock, "FAKETIME_DONT_FAKE_MONOTONIC": "1", "LD_PRELOAD": " ".join(preload),
                         "LDB_MODULES_DISABLE_DEEPBIND": "1"}  # or RootDSE's currentTime is the kernel's
            samba = ["samba", "--foreground", "--no-process-group", "--debug-stdout", *options]
            self._samba = subprocess.Popen(
                [*self.prefix, *samba],
                stdin=subprocess.DEVNULL,
                stdout=sys.stderr,
                env={**self.environment, **self.shim, **faked},
            )
        self._await_ready()

    def start_behind(self) -> None:
        """As start(), with a clock that is 6 minutes behind all others."""
        self.start(clock=CLOCK_BEHIND)

    def stop(self) -> None:
        if self._samba is not None:
            self._samba.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._samba.wait(STOP_SECONDS)
        self.kill()  # some of Samba's workers outlive it

    def kill(self) -> None:
        """All that was started here, without a warning; it answers when nothing is left."""
        while left := self._processes():
            self._signal(left, signal.SIGKILL)
            time.sleep(0.01)
        if self._samba is not None:
            self._samba.wait()
            self._samba = None

    def pause(self) -> None:
        """The kernel still takes connections; nobody answers them."""
        seen: set[int] = set()
        while new := set(self._processes()) - seen:  # one that runs may start another
            self._signal(new, signal.SIGSTOP)
            seen |= new

    def resume(self) -> None:
        self._signal(self._processes(), signal.SIGCONT)

    def cut(self) -> None:
        """Packets are lost; established connections are not told."""
        run("ip", "link", "set", self.port, "down")

    def heal(self) -> None:
        """Answers when the DC is reached: the hub may still hold its address for dead, and refuse to connect."""
        run("ip", "link", "set", self.port, "up")
        if self._samba is not None:
            self._await_ready()

    def isolate(self) -> None:
        """From all others that are isolated: nothing passes between them. Clients reach each as before."""
        run("bridge", "link", "set", "dev", self.port, "isolated", "on")

    def rejoin(self) -> None:
        run("bridge", "link", "set", "dev", self.port, "isolated", "off")

    @staticmethod
    def _signal(pids: Iterable[int], which: signal.Signals) -> None:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, which)

    def _processes(self) -> list[int]:
        """All but the holder. /proc is that of outside: the pid in here is the last of NSpid."""
        found = []
        network = os.readlink(f"/proc/{self.outer_pid}/ns/net")
        for pid in set(filter(str.isdigit, os.listdir("/proc"))) - {self.outer_pid}:
            with contextlib.suppress(OSError):  # ended meanwhile
                if os.readlink(f"/proc/{pid}/ns/net") == network:
                    status = Path(f"/proc/{pid}/status").read_text()
                    found.append(int(re.search(r"NSpid:.*\s(\d+)", status)[1]))
        return found

    # -------------------- readiness

    def _await_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        problem = ""
        while time.monotonic() < deadline:
            if self._samba.poll() is not None:
                raise RuntimeError(f"{self.dc.name}: samba ended with {self._samba.returncode}")
            problem = self._what_is_missing()
            if not problem:
                return
            time.sleep(0.05)
        raise RuntimeError(f"{self.dc.name}: not ready after {START_SECONDS} s: {problem}")

    def _what_is_missing(self) -> str:
        try:
            for port in READY_PORTS:
                socket.create_connection((self.dc.address, port), timeout=5).close()
            self.bind().unbind_s()
        except OSError as error:
            return f"port {port}: {error}"
        except ldap.LDAPError as error:
            return f"bind: {error}"
        return ""

    def bind(self) -> ldap.ldapobject.LDAPObject:
        """As the domain's administrator."""
        connection = ldap.initialize(f"ldaps://{self.dc.address}")
        for option, value in (
            (ldap.OPT_NETWORK_TIMEOUT, 5),
            (ldap.OPT_TIMEOUT, 5),
            (ldap.OPT_REFERRALS, 0),
            (ldap.OPT_X_TLS_CACERTFILE, str(self.lab / "ca.pem")),
            (ldap.OPT_X_TLS_NEWCTX, 0),
        ):
            connection.set_option(option, value)
        connection.simple_bind_s(f"Administrator@{self.dc.domain}", ADMIN_PASSWORD)
        return connection


def run(*argv: str, env: dict[str, str] | None = None) -> None:
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr, env=env)


def write_etc_files(folder: Path, dc: Dc, dcs: Iterable[Dc]) -> None:
    """What a computer of dc's domain knows of names."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "hosts").write_text(
        "127.0.0.1 localhost\n" + "".join(f"{one.address} {one.fqdn} {one.name}\n" for one in dcs)
    )
    (folder / "resolv.conf").write_text(
        f"search {dc.domain}\nnameserver {HUB_ADDRESS}\noptions timeout:1 attempts:2\n"
    )
    (folder / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files dns\n")
    (folder / "krb5.conf").write_text(krb5_conf(dc, dcs))


def krb5_conf(dc: Dc, dcs: Iterable[Dc]) -> str:
    """By address: a dead DNS server shall not hide that the KDC lives."""
    realms: dict[str, list[str]] = {}
    names = []
    for one in dcs:
        if one.realm not in realms:
            names += [f"    .{one.domain} = {one.realm}", f"    {one.domain} = {one.realm}"]
        realms.setdefault(one.realm, []).append(f"        kdc = {one.address}")
        if len(realms[one.realm]) == 1:
            realms[one.realm].append(f"        master_kdc = {one.address}")
    sections = "\n".join(
        "\n".join([f"    {realm} = {{", *lines, "    }"]) for realm, lines in realms.items()
    )
    return f"""[libdefaults]
    default_realm = {dc.realm}
    dns_lookup_realm = false
    dns_lookup_kdc = false
    rdns = false
    dns_canonicalize_hostname = false
    udp_preference_limit = 1
[realms]
{sections}
[domain_realm]
""" + "\n".join(names) + "\n"
