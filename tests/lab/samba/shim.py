"""forestshim.c, compiled once into the cache, and what a DC's Samba is told of it."""

import hashlib
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

from topology import Dc

SOURCE = Path(__file__).resolve().parent / "forestshim.c"
SAMBA = "Version 4.17."  # its inner functions are what the shim stands in front of
COMPILE = ("gcc", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC")


def samba_version() -> str:
    return subprocess.run(["samba", "--version"], check=True, capture_output=True, text=True).stdout


def environment(cache: Path, dc: Dc, dcs: Iterable[Dc]) -> dict[str, str]:
    """For a DC whose forest has several domains; others need nothing."""
    domains = {one.domain for one in dcs if one.forest == dc.forest}
    if len(domains) == 1:
        return {}
    return {
        "LD_PRELOAD": str(compiled(cache)),
        "SCPD_LAB_DOMAIN": dc.domain,
        "SCPD_LAB_FOREST": dc.forest,
        "SCPD_LAB_DOMAINS": " ".join(sorted(domains)),
    }


def compiled(cache: Path) -> Path:
    if not samba_version().startswith(SAMBA):
        raise RuntimeError(
            f"several domains in one forest need Samba 4.17 (forestshim.c), and this is "
            f"{samba_version().strip()}: use another layout, or make the shim fit"
        )
    name = f"forestshim-{hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]}.so"
    if not (cache / name).exists():
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = cache / f"{name}.{os.readlink('/proc/self')}.partial"
        subprocess.run([*COMPILE, "-o", partial, SOURCE, "-ldl", "-l:libtalloc.so.2"], check=True)
        partial.rename(cache / name)
    return cache / name
