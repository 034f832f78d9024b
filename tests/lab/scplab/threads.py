"""Stops single threads of a program, as a hung call would: by ptrace, from one thread of ours."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from .process import wait_until

_SEIZE, _INTERRUPT, _DETACH = 0x4206, 0x4207, 17
_WALL = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


def _ptrace(request: int, thread: int) -> None:
    if _libc.ptrace(request, thread, None, None) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"ptrace({request:#x}) of thread {thread}: {os.strerror(number)}")


class StoppedThreads:
    """All threads of a process but its main one and the one that writes the log, stopped; all go on afterwards."""

    def __init__(self, pid: int):
        self._pid = pid
        self._stopped: list[int] = []

    def __enter__(self) -> StoppedThreads:
        try:
            for task in Path(f"/proc/{self._pid}/task").iterdir():
                if int(task.name) != self._pid and not self._writes_log(task):
                    self._stop(int(task.name))
        except BaseException:
            self.__exit__()
            raise
        return self

    @staticmethod
    def _writes_log(task: Path) -> bool:
        try:
            return (task / "comm").read_text() == "scpd-log\n"
        except FileNotFoundError:  # it has ended meanwhile
            return False

    def _stop(self, thread: int) -> None:
        try:
            _ptrace(_SEIZE, thread)
        except ProcessLookupError:  # it has ended meanwhile
            return
        _ptrace(_INTERRUPT, thread)
        self._stopped.append(thread)
        wait_until(lambda: os.waitpid(thread, os.WNOHANG | _WALL)[0] == thread, 10, f"thread {thread} to stop")

    def __exit__(self, *_) -> None:
        for thread in self._stopped:
            try:
                _ptrace(_DETACH, thread)
            except ProcessLookupError:  # the program was killed meanwhile
                pass
        self._stopped.clear()
