"""Processes of the lab: started, waited for, paused and ended by pid, never by name."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class LabError(Exception):
    """The lab could not do what was asked; the message says what and why."""


class AddressTaken(LabError):
    """A port of the lab's block is in use: take another block."""


def wait_until(condition: Callable[[], object], timeout: float, what: str, interval: float = 0.002):
    """Returns the first true value of `condition`; LabError after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise LabError(f"{what}: not within {timeout:g} s")
        time.sleep(interval)


def start_ticks(pid: int) -> int | None:
    """When the process was started, which with its pid identifies it; None if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        # The first thread of a killed process is a zombie while the others still hold its sockets.
        ended = fields[0] in "ZX" and len(os.listdir(f"/proc/{pid}/task")) <= 1
    except OSError:
        return None
    return None if ended else int(fields[19])


class Process:
    """One server process, started by this program or known from lab.json."""

    def __init__(self, pid: int, started: int | None, popen: subprocess.Popen | None = None):
        self.pid = pid
        self.started = started
        self._popen = popen

    @classmethod
    def start(
        cls,
        command: list[str],
        log: Path,
        environment: dict[str, str],
        die_with_parent: bool,
        stderr: int | None = None,
    ) -> Process:
        """stderr: a descriptor to use instead of the log."""
        parent = os.getpid()

        def in_child() -> None:
            if die_with_parent:
                # KILL, because a paused process takes no other signal. "Parent" is the thread that
                # starts it: bring labs up in a thread that lives as long as they should.
                _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
                if os.getppid() != parent:
                    os._exit(1)

        with open(log, "ab") as out:
            popen = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out if stderr is None else stderr,
                env=environment,
                cwd=log.parent,
                start_new_session=True,
                preexec_fn=in_child,
            )
        return cls(popen.pid, start_ticks(popen.pid), popen)

    def alive(self) -> bool:
        if self._popen and self._popen.poll() is not None:
            return False
        return self.started is not None and start_ticks(self.pid) == self.started

    def signal(self, number: int) -> None:
        if not self.alive():
            raise LabError(f"process {self.pid} has ended already")
        os.kill(self.pid, number)

    def pause(self) -> None:
        """Returns once every thread has stopped: kill() comes back before they have."""
        self.signal(signal.SIGSTOP)
        states = Path(f"/proc/{self.pid}/task").glob

        def stopped() -> bool:
            try:
                return all(
                    stat.read_text().rsplit(")", 1)[1].split()[0] == "T"
                    for stat in states("*/stat")
                )
            except OSError:  # a thread ended meanwhile
                return False

        wait_until(stopped, 10, f"process {self.pid} to stop")

    def resume(self) -> None:
        self.signal(signal.SIGCONT)

    def wait(self) -> int:
        """Exit code of a process that this program started; negative: a signal's number."""
        return self._popen.wait()

    def end(self, timeout: float = 10) -> None:
        """Ends it: by TERM, and by KILL when that does not do."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if not self.alive():
                break
            try:
                descriptor = os.pidfd_open(self.pid)
            except ProcessLookupError:
                break
            try:
                os.kill(self.pid, number)
                if number == signal.SIGTERM:
                    os.kill(self.pid, signal.SIGCONT)
                if select.select([descriptor], [], [], timeout)[0]:
                    break
            except ProcessLookupError:
                break
            finally:
                os.close(descriptor)
        if self._popen:
            self._popen.wait()
