"""Moments in the life of scpctl and scpd at which something is to happen to a DC: none is waited for by the clock."""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

from objects import until

PIPE_BYTES = 4096  # the least that Linux makes
WRITE_TO_STDERR = "1 0x2 "  # /proc/PID/syscall, on x86-64


class Stage:
    """The standard error of scpctl -v, which does not get past saying that a stage begins: it has connected and
    logged in, and has asked nothing yet. `before` are the stages that it may say."""

    def __init__(self, *before: str):
        self._read, self.stderr = os.pipe()
        fcntl.fcntl(self.stderr, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        room = sum(len(f"{stage} …\n".encode()) for stage in before)
        # Each write has a page of its own there, or the rest of the last one.
        os.write(self.stderr, b"\n" * (PIPE_BYTES - room))

    def reached(self, pid: int) -> None:
        def waits() -> bool:
            return Path(f"/proc/{pid}/syscall").read_text().startswith(WRITE_TO_STDERR)

        until(waits, "the stage")

    def go_on(self) -> None:
        os.close(self.stderr)
        threading.Thread(target=self._drain, daemon=True).start()

    def _drain(self) -> None:
        with os.fdopen(self._read, "rb") as pipe:
            pipe.read()


def history(folder: Path) -> list[dict]:
    """Its lines so far, in order: of each write, what was there before; then, in a line of its own, the result."""
    lines = []
    for file in sorted(folder.glob("*.jsonl")):
        with contextlib.suppress(json.JSONDecodeError):  # one that is being written
            for line in file.read_text().splitlines():
                lines.append(json.loads(line))
    return lines


def stopped_after(results: int, folder: Path, process: subprocess.Popen, act: Callable[[], None]) -> None:
    """Lets a program write until so many results are on record, and does something while it stands still."""
    until(lambda: len([line for line in history(folder) if "result" in line]) >= results, f"{results} results",
          pause=0.001)
    process.send_signal(signal.SIGSTOP)
    try:
        act()
    finally:
        process.send_signal(signal.SIGCONT)
