"""A wall clock that is stepped under a running program, by libfaketime; the clocks that nobody can set stay true."""

from __future__ import annotations

import glob
import re
import subprocess
import time
from pathlib import Path

from .process import LabError
from .runner import program

HOUR, DAY = 3600, 86400


class WallClock:
    """`step(DAY)`: from now on a day ahead of this machine's clock, for all programs that have the environment."""

    def __init__(self, scratch: Path):
        self._file = scratch / "clock"
        self._ahead = 0
        self.step(0)

    def step(self, ahead: float) -> None:
        """In seconds; negative: behind."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{ahead:+.0f}\n")
        fresh.replace(self._file)  # nobody reads half of it
        self._ahead = ahead

    def step_to(self, year: int) -> None:
        """The second of January of that year, about."""
        self.step(time.mktime((year, 1, 2, 0, 0, 0, 0, 0, 0)) - time.time())

    def now(self) -> float:
        return time.time() + self._ahead

    @property
    def environment(self) -> dict[str, str]:
        found = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
        if len(found) != 1:
            raise LabError("libfaketime is not there: packaging/dependencies tests")
        return {
            "LD_PRELOAD": " ".join([*_sanitizer(), *found]),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }


def _sanitizer() -> list[str]:
    """The library that wants to come before any other, where the programs are built with it."""
    linked = subprocess.run(["ldd", program("scpd")], capture_output=True, text=True, check=True).stdout
    return re.findall(r"=> (\S*/lib[at]san\.so\S*)", linked)
