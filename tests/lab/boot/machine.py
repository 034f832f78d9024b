"""A booted systemd: a container over a copy of a root, which vanishes with the process that uses it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

BOOT_SECONDS = 60
COMMAND_SECONDS = 60
INSIDE = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "TERM": "dumb",
    "SYSTEMD_PAGER": "",
    "SYSTEMD_COLORS": "0",
    "DEBIAN_FRONTEND": "noninteractive",
}

# Runs as the first process of a PID namespace, in a mount namespace of its own: all of it goes when standard input ends,
# or when this process is killed. systemd-nspawn wants /run to be a tmpfs, and a cgroup of its own.
_BOOT = r"""
set -e
root=$1 cgroup=$2
shift 2
mount -t tmpfs tmpfs /run
umount --lazy /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir "/sys/fs/cgroup/$cgroup"
echo 0 >"/sys/fs/cgroup/$cgroup/cgroup.procs"
mount -t tmpfs -o mode=755 scpd-test /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay -o lowerdir="$root",upperdir=/mnt/upper,workdir=/mnt/work overlay /mnt/root
systemd-nspawn --quiet --directory=/mnt/root --boot --machine=scpd-test --register=no --keep-unit --link-journal=no \
    --resolv-conf=off --timezone=off --console=pipe --kill-signal=SIGRTMIN+4 "$@" </dev/null &
exec 3<&0
(cat <&3 >/dev/null; kill -KILL $$) &
wait -n
"""
# What is left of a namespace that is gone: the cgroup's folder.
_KEEP = r"""
unshare --mount --pid --fork --kill-child --mount-proc --propagation private -- bash -c "$1" boot "${@:2}"
for mounted in /sys/fs/cgroup /sys/fs/cgroup/unified; do
    for attempt in 1 2 3 4 5 6 7 8 9 10; do
        [ -d "$mounted/$3" ] || break
        find "$mounted/$3" -depth -type d -exec rmdir {} + 2>/dev/null && break
        sleep 0.1
    done
done
"""


def why_not() -> str:
    """Why no container can be booted here; empty if one can."""
    if os.geteuid() != 0:
        return "booting a container needs root"
    missing = [one for one in ("systemd-nspawn", "unshare", "nsenter") if not shutil.which(one)]
    return f"missing: {', '.join(missing)} (packaging/dependencies boot)" if missing else ""


class Machine:
    """It shares this machine's network: servers on loopback addresses are reached from inside.

    binds   folders that are seen inside at the same place, read-only
    """

    def __init__(self, root: Path, binds: list[Path]):
        self._console = tempfile.TemporaryFile()
        self.name = f"scpd-test-{os.getpid()}-{time.monotonic_ns()}"
        options = [f"--bind-ro={path}" for path in binds]
        self._keeper = subprocess.Popen(
            ["bash", "-c", _KEEP, "keep", _BOOT, str(root), self.name, *options],
            stdin=subprocess.PIPE,
            stdout=self._console,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            self._leader = self.wait(self._find_leader, "the container's first process", BOOT_SECONDS)
            self.wait(self._is_up, "systemd to be up", BOOT_SECONDS)
        except BaseException:
            self.close()
            raise

    def _find_leader(self) -> str:
        """keeper → unshare → the namespace's first → systemd-nspawn → systemd."""
        pid = str(self._keeper.pid)
        for name in ("unshare", "bash", "systemd-nspawn", "systemd"):
            found = subprocess.run(
                ["pgrep", "--parent", pid, "--exact", name], capture_output=True, text=True
            ).stdout.split()
            if not found:
                return ""
            pid = found[0]
        return pid

    def _is_up(self) -> bool:
        said = self.try_run("systemctl", "is-system-running").stdout.strip()
        return said in ("running", "degraded")

    def try_run(self, *command: str, **options) -> subprocess.CompletedProcess:
        enter = ["nsenter", "--target", self._leader, *"--mount --uts --ipc --net --pid --cgroup".split()]
        return subprocess.run(
            [*enter, "--root", "--wd", *command],
            capture_output=True,
            text=True,
            errors="backslashreplace",
            env=INSIDE,
            **{"timeout": COMMAND_SECONDS} | options,
        )

    def run(self, *command: str, **options) -> str:
        """Its stdout; AssertionError with all that it said if it fails."""
        done = self.try_run(*command, **options)
        assert done.returncode == 0, f"{command} gave {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def wait(self, condition, what: str, seconds: float = 30):
        """Until it answers something true, which is returned."""
        end = time.monotonic() + seconds
        while not (value := condition()):
            assert self._keeper.poll() is None, f"the container ended:\n{self.console()}"
            assert time.monotonic() < end, f"waited {seconds} s in vain for {what}"
            time.sleep(0.05)
        return value

    def write(self, path: str, text: str, mode: str = "644", owner: str = "root:root") -> None:
        self.run("install", "-D", "-m", mode, "/dev/stdin", path, input=text)
        self.run("chown", owner, path)

    def console(self) -> str:
        self._console.seek(0)
        return self._console.read().decode("utf-8", "backslashreplace")

    def close(self) -> None:
        """At once, as when the plug is pulled."""
        self._keeper.stdin.close()
        self._keeper.wait(30)
        self._console.close()

    def __enter__(self) -> Machine:
        return self

    def __exit__(self, *_exc) -> None:
        self.close()
