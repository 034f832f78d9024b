"""A Debian root with nothing in it but what scpd's package depends on: made once, kept in the lab's cache, never written
to; and copies of it that vanish with the process that uses them."""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path

# What a machine with a systemd has; the package's own dependencies come on top. libpam-systemd: the logind that polkitd wants.
MACHINE = ["systemd", "systemd-sysv", "libpam-systemd", "dbus", "polkitd", "procps"]
KEPT_SECONDS = 7 * 24 * 3600
INSIDE = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "TERM": "dumb",
    "DEBIAN_FRONTEND": "noninteractive",
}


def why_not() -> str:
    """Why there can be no clean root here; empty if there can."""
    if os.geteuid() != 0:
        return "a clean root needs root (debootstrap, chroot, mounts)"
    missing = [one for one in ("debootstrap", "unshare", "nsenter", "dpkg-deb") if not shutil.which(one)]
    return f"missing: {', '.join(missing)} (packaging/dependencies boot package)" if missing else ""


def field(package: Path, name: str) -> str:
    return run("dpkg-deb", "--field", str(package), name).strip()


def dependencies(package: Path) -> list[str]:
    """Of alternatives the first one; with what is recommended."""
    clauses = f"{field(package, 'Depends')},{field(package, 'Recommends')}".split(",")
    return sorted({clause.split("|")[0].split()[0] for clause in clauses if clause.strip()})


def run(*command: str, **options) -> str:
    """Its stdout; AssertionError with all that it said if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, **options)
    assert done.returncode == 0, f"{command} gave {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def archives() -> list[str]:
    """Lines for sources.list: this machine's own archives of Debian's main."""
    targets = run(
        "apt-get",
        "indextargets",
        "--format",
        "$(ORIGIN)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)",
        "Created-By: Packages",
    )
    found = {tuple(line.split("|")) for line in targets.splitlines()}
    return sorted(
        f"deb {uri} {release} main"
        for origin, uri, release, component in found
        if origin == "Debian" and component == "main"
    )


def suite() -> str:
    return run("sh", "-c", ". /etc/os-release && echo $VERSION_CODENAME").strip()


def clean_root(package: Path) -> Path:
    """The root that is kept; made if it is not there, or if the package now depends on something else."""
    wanted = MACHINE + [one for one in dependencies(package) if one not in MACHINE]
    home = os.environ.get("XDG_CACHE_HOME") or Path(pwd.getpwuid(os.geteuid()).pw_dir, ".cache")
    cache = Path(home, "scpd-lab")
    cache.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(repr((suite(), wanted)).encode()).hexdigest()[:16]
    root = cache / f"clean-root-{name}"
    with open(cache / "clean-root.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        shutil.rmtree(root.with_suffix(".new"), ignore_errors=True)  # of one who was killed
        if not root.exists():
            make(root.with_suffix(".new"), wanted)
            root.with_suffix(".new").rename(root)
        os.utime(root)
        for other in cache.glob("clean-root-*/"):  # another tree's tests may be using it
            if time.time() - other.stat().st_mtime > KEPT_SECONDS:
                shutil.rmtree(other)
    return root


def make(root: Path, packages: list[str]) -> None:
    lines = archives()
    mirror = next(line.split()[1] for line in lines if f" {suite()} " in line)
    run("debootstrap", "--variant=minbase", suite(), str(root), mirror)
    (root / "etc/apt/sources.list").write_text("\n".join(lines) + "\n")
    guard = root / "usr/sbin/policy-rc.d"  # while there is no systemd that could start anything
    guard.write_text("#!/bin/sh\nexit 101\n")
    guard.chmod(0o755)
    install = "apt-get update && apt-get install -y --no-install-recommends " + " ".join(packages)
    mounts = f"mount -t proc proc {root}/proc && exec chroot {root} sh -c '{install} && apt-get clean'"
    run("unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", mounts, env=INSIDE)
    guard.unlink()
    # Debian's own: every boot makes one.
    (root / "etc/machine-id").write_text("")


# The overlay lies on /mnt of a mount namespace of its own; the whole goes when standard input ends.
_CHROOT = r"""
set -e
mount -t tmpfs -o mode=755 scpd-test /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay -o lowerdir="$1",upperdir=/mnt/upper,workdir=/mnt/work overlay /mnt/root
mount -t proc proc /mnt/root/proc
mount --bind /dev /mnt/root/dev
printf '#!/bin/sh\nexit 101\n' >/mnt/root/usr/sbin/policy-rc.d
chmod 755 /mnt/root/usr/sbin/policy-rc.d
echo ready
exec cat >/dev/null
"""


class Chroot:
    """A copy of the root in which no service runs. `with Chroot(root) as one: one.run("dpkg", …)`."""

    def __init__(self, root: Path):
        self._keeper = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", _CHROOT, "sh", str(root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._keeper.stdout.readline() == "ready\n", "the copy of the clean root could not be mounted"
        self._pid = run("pgrep", "--parent", str(self._keeper.pid)).split()[0]
        self.root = Path(f"/proc/{self._pid}/root/mnt/root")

    def run(self, *command: str, **options) -> str:
        enter = ["nsenter", "--target", self._pid, "--mount", "--pid", "chroot", "/mnt/root"]
        return run(*enter, *command, env=INSIDE, **options)

    def close(self) -> None:
        self._keeper.stdin.close()
        try:
            self._keeper.wait(20)
        except subprocess.TimeoutExpired:
            self._keeper.send_signal(signal.SIGKILL)
            self._keeper.wait()

    def __enter__(self) -> Chroot:
        return self

    def __exit__(self, *_exc) -> None:
        self.close()
