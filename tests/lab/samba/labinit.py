#!/usr/bin/python3
"""The lab's process 1: all that the lab consists of lives in namespaces that end with this process.

    here (hub and client)    net: br0 10.99.0.1, DNS    mnt: /etc/hosts, resolv.conf, nsswitch.conf
    a DC (child process)     net: eth0 10.99.0.x        mnt: the same, and Samba's folders

No namespace or device has a name outside, so any number of labs run side by side. Process 1 is
killed when its parent (unshare --kill-child) ends, and it ends when stdin, held by whoever wants
the lab, is closed (detached: before the lab is ready); the kernel then ends every process of the
lab and takes the namespaces, mounts and devices away.

usage: unshare --mount --pid --fork --kill-child --net labinit.py DIR CACHE LAYOUT [--detached]
Writes one line to stdout: "ready <pid>" (as seen outside), or "failed <why>". Logs to stderr.
Then listens at DIR/control: a connection says "kill dc1" (host.FAULTS) and hears "done", or why not.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import ldap

import build
from host import ETC_FILES, FAULTS, Host, run, write_etc_files
from topology import HUB_ADDRESS, LAYOUTS, PREFIX_LENGTH, Dc

PROBLEMS = (OSError, RuntimeError, subprocess.SubprocessError, ldap.LDAPError)


def make_hub(lab: Path, dcs: tuple[Dc, ...]) -> None:
    """This process's own namespaces: the bridge, and the client's view of names."""
    write_etc_files(lab / "client", dcs[0], dcs)
    for name in ETC_FILES:
        run("mount", "--bind", f"{lab}/client/{name}", f"/etc/{name}")
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "br0", "type", "bridge", "forward_delay", "0")
    run("ip", "addr", "add", f"{HUB_ADDRESS}/{PREFIX_LENGTH}", "dev", "br0")
    run("ip", "link", "set", "br0", "up")
    start_dns(dcs)


def start_dns(dcs: tuple[Dc, ...]) -> None:
    """Each domain's DCs are asked for its names, all at once: a dead one costs nothing. Samba's own
    DNS server knows its own zones only, and would deny a child domain's names."""
    subprocess.Popen(
        ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--user=root", "--pid-file="]
        + ["--no-hosts", "--no-resolv", "--cache-size=0", "--all-servers", "--log-facility=-"]
        + ["--bind-interfaces", f"--listen-address={HUB_ADDRESS}"]
        + [f"--server=/{dc.domain}/{dc.address}" for dc in dcs],
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
    )


def end_with_owner(on_its_own: threading.Event) -> None:
    """Whoever wants the lab holds the other end of stdin; a detached lab needs it until ready."""
    while os.read(0, 64):
        pass
    if not on_its_own.is_set():
        os._exit(1)


def obey(control: socket.socket, hosts: dict[Dc, Host]) -> None:
    """Faults for tests, one after the other. In between the kernel reaps the orphans, which are
    process 1's; meanwhile it must not, as the ends of our own children count."""
    by_name = {dc.name: host for dc, host in hosts.items()}
    while True:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        peer, _ = control.accept()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        with peer, contextlib.suppress(OSError):  # one that hung up needs no answer
            fault, _, name = peer.recv(256).decode().partition(" ")
            try:
                if fault not in FAULTS or name not in by_name:
                    raise RuntimeError(f"{fault} {name}: not of this lab")
                getattr(by_name[name], fault)()
                peer.sendall(b"done")
            except PROBLEMS as error:
                peer.sendall(str(error).encode())


def main() -> None:
    lab, cache, layout = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    on_its_own = threading.Event()
    threading.Thread(target=end_with_owner, args=(on_its_own,), daemon=True).start()
    try:
        dcs = LAYOUTS[layout]
        make_hub(lab, dcs)
        hosts = build.make_hosts(lab, cache, dcs)
        build.fill(lab, hosts, cache, layout)
        for host in hosts.values():
            host.start()
        build.await_replication(hosts)
        os.chdir(lab)  # a socket's path may have no more than 107 bytes
        control = socket.socket(socket.AF_UNIX)
        control.bind("control")
        control.listen()
    except PROBLEMS as error:
        print("failed", error, flush=True)
        sys.exit(1)
    if "--detached" in sys.argv:
        on_its_own.set()
    print("ready", os.readlink("/proc/self"), flush=True)
    os.close(1)
    obey(control, hosts)


if __name__ == "__main__":
    main()
