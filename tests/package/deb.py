"""The package under test, another version of it, and what it leaves in a root."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

SOURCE_ROOT = Path(__file__).resolve().parents[2]


def built() -> Path:
    """Of packaging/deb: in $SCP_DEB_DIR, else build/deb."""
    folder = Path(os.environ.get("SCP_DEB_DIR") or SOURCE_ROOT / "build" / "deb").absolute()
    found = sorted(folder.glob("scpd_*.deb"))
    assert len(found) == 1, f"{folder} is to hold one scpd_*.deb, not {found}: run packaging/deb"
    return found[0]


def with_version(package: Path, version: str, folder: Path, change: Callable[[Path], None] | None = None) -> Path:
    """The same package again, under another version; change: alters what is in it, unpacked."""
    tree = folder / "tree"
    subprocess.run(["dpkg-deb", "--raw-extract", package, tree], check=True)
    control = tree / "DEBIAN" / "control"
    lines = control.read_text().splitlines(keepends=True)
    control.write_text("".join(f"Version: {version}\n" if l.startswith("Version:") else l for l in lines))
    if change:
        change(tree)
    made = folder / f"scpd_{version}.deb"
    subprocess.run(["dpkg-deb", "-Zgzip", "-z1", "--root-owner-group", "--build", tree, made], check=True, capture_output=True)
    return made


# dpkg's own books, what any run of a machine writes, and the copies that shadow's tools keep of what they change.
_NOT_OURS = (
    "/proc /sys /dev /run /tmp /var/tmp /var/log /var/cache /var/lib/dpkg /var/lib/systemd/random-seed /root /mnt "
    "/etc/machine-id /etc/passwd- /etc/group- /etc/shadow- /etc/gshadow- /etc/.pwd.lock /etc/resolv.conf "
    "/usr/sbin/policy-rc.d /var/lib/private /var/lib/systemd/timers /var/lib/systemd/credential.secret"
).split()


def contents(run: Callable[..., str]) -> set[str]:
    """All files and folders of a root, with mode and owner, and the lines of its users and groups."""
    prune = " -o ".join(f"-path {path}" for path in _NOT_OURS)
    files = run("sh", "-c", rf"find / \( {prune} \) -prune -o -printf '%p %M %u:%g\n'")
    users = run("sh", "-c", "cat /etc/passwd /etc/group /etc/shadow /etc/gshadow")
    return set(files.splitlines()) | set(users.splitlines())
