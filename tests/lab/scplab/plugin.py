"""Compiles the adshape plugin where that is possible; also knows where the lab keeps its cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from .process import LabError

SOURCE = Path(__file__).with_name("slapd") / "adshape.c"
FLAGS = [
    "-std=gnu17",
    "-O2",
    "-fPIC",
    "-shared",
    "-Wall",
    "-Wextra",
    "-Wno-discarded-qualifiers",
]  # slapi-plugin.h knows no const
HEADER = Path("/usr/include/slapi-plugin.h")


def cache_directory() -> Path:
    """$SCPLAB_CACHE, else below the user's cache directory, else below the temporary one."""
    chosen = os.environ.get("SCPLAB_CACHE")
    if chosen:
        candidates = [Path(chosen)]
    else:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
        candidates = [
            Path(base, "scplab"),
            Path(tempfile.gettempdir(), f"scplab-cache-{os.geteuid()}"),
        ]
    for path in candidates:
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            continue
        if path.stat().st_uid == os.geteuid() and os.access(path, os.W_OK | os.X_OK):
            return path
    raise LabError("no writable directory for the lab's cache: set SCPLAB_CACHE to one of yours")


def why_not() -> str | None:
    """Why the plugin cannot be compiled on this machine; None if it can."""
    if not HEADER.exists():
        return f"{HEADER} is missing (Debian package slapi-dev)"
    if not shutil.which("cc"):
        return "there is no C compiler"
    return None


def build() -> Path:
    """Path of the compiled plugin."""
    key = hashlib.sha256(SOURCE.read_bytes() + " ".join(FLAGS).encode()).hexdigest()[:16]
    target = cache_directory() / f"adshape-{key}.so"
    if target.exists():
        return target
    with tempfile.TemporaryDirectory(dir=cache_directory()) as work:
        made = Path(work, "adshape.so")
        done = subprocess.run(
            ["cc", *FLAGS, "-o", str(made), str(SOURCE), "-lslapi"], capture_output=True, text=True
        )
        if done.returncode:
            raise LabError(f"compiling {SOURCE.name} failed:\n{done.stderr}")
        os.replace(
            made, target
        )  # at once, so that labs that start together do not meet half a file
    return target
