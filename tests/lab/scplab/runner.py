"""The programs under test: found, run in an environment of their own, and ended."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

from .lab import Lab
from .process import LabError, Process, wait_until

SOURCE_ROOT = Path(__file__).resolve().parents[3]


def build_directory() -> Path:
    """$SCP_BUILD_DIR, else build/dev in the source tree."""
    return Path(os.environ.get("SCP_BUILD_DIR") or SOURCE_ROOT / "build" / "dev").absolute()


def program(name: str) -> Path:
    """scpctl or scpd as built; LabError if it has not been."""
    path = build_directory() / {"scpctl": "scpctl/scpctl", "scpd": "daemon/scpd"}[name]
    if not path.exists():
        raise LabError(f"{path} does not exist: build it, or set SCP_BUILD_DIR")
    return path


class Done:
    """What a run of scpctl left: returncode, stdout, stderr, and stdout as JSON."""

    def __init__(self, done: subprocess.CompletedProcess):
        self.command = done.args
        self.returncode = done.returncode
        self.stdout_bytes, self.stderr_bytes = done.stdout, done.stderr
        self.stdout = done.stdout.decode("utf-8", "backslashreplace")
        self.stderr = done.stderr.decode("utf-8", "backslashreplace")

    @property
    def json(self) -> dict:
        try:
            return json.loads(self.stdout)
        except ValueError:
            raise AssertionError(f"not one JSON document: {self!r}") from None

    def __repr__(self) -> str:
        return (
            f"<{' '.join(map(str, self.command))}: exit {self.returncode}\n"
            f"--- stdout\n{self.stdout}"
            f"--- stderr\n{self.stderr}>"
        )


class Scpctl:
    """`scpctl("plan", "-o", "json", lab=lab)`: each call is one run."""

    def __init__(self, scratch: Path):
        self.scratch = scratch

    def environment(self, lab: Lab | None) -> dict[str, str]:
        base = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.scratch),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "XDG_STATE_HOME": str(self.scratch / "state"),
            # No test meets the scpd of this machine.
            "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.scratch}/no-bus",
        }
        base |= {
            name: os.environ[name]
            for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS")
            if name in os.environ
        }
        return base | (lab.kdc.client_environment() if lab and lab.kdc else {})

    def command(
        self, *arguments: str, lab: Lab | None = None, config: str | Path | None = None
    ) -> list[str]:
        chosen = config or (lab.scpd_yaml if lab else None)
        return [
            str(program("scpctl")),
            *(["-c", str(chosen)] if chosen else []),
            *map(str, arguments),
        ]

    def __call__(
        self,
        *arguments: str,
        lab: Lab | None = None,
        config: str | Path | None = None,
        stdin: str | bytes = b"",
        environment: dict[str, str] | None = None,
        timeout: float = 60,
    ) -> Done:
        """lab: with its scpd.yaml and, if any, its krb5.conf; config: with other settings."""
        data = stdin.encode() if isinstance(stdin, str) else stdin
        return Done(
            subprocess.run(
                self.command(*arguments, lab=lab, config=config),
                input=data,
                capture_output=True,
                env=self.environment(lab) | (environment or {}),
                cwd=self.scratch,
                timeout=timeout,
            )
        )


class Daemon:
    """One scpd, with a notify socket in systemd's place."""

    def __init__(
        self,
        scratch: Path,
        config: str | Path,
        environment: dict[str, str],
        arguments: tuple[str, ...],
        prefix: Sequence[str] = (),
        stderr: int | None = None,
    ):
        self.log_file = scratch / "scpd.log"
        self._notify_path = scratch / "notify"
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(str(self._notify_path))
        self._notify.setblocking(False)
        self.notifications: list[str] = []  # lines as sent: READY=1, STATUS=…
        state = scratch / "state"
        state.mkdir(exist_ok=True)
        self.process = Process.start(
            [*prefix, str(program("scpd")), "-c", str(config), *map(str, arguments)],
            self.log_file,
            environment | {"NOTIFY_SOCKET": str(self._notify_path), "STATE_DIRECTORY": str(state)},
            die_with_parent=True,
            stderr=stderr,
        )

    @property
    def pid(self) -> int:
        return self.process.pid

    def log(self) -> str:
        return self.log_file.read_text(errors="backslashreplace")

    def wait(self, condition, what: str, timeout: float = 20):
        """Until the condition holds; fails at once, with the log, if the daemon ends meanwhile."""

        def held():
            self.read_notifications()
            value = condition()
            if not value and not self.process.alive():
                raise LabError(f"scpd ended while waiting for {what}:\n{self.log()}")
            return value

        try:
            return wait_until(held, timeout, what, interval=0.01)
        except LabError as error:
            raise LabError(f"{error}\n--- its log\n{self.log()}") from None

    def wait_ready(self, timeout: float = 20) -> Daemon:
        self.wait(lambda: "READY=1" in self.notifications, "READY=1", timeout)
        return self

    def wait_log(self, pattern: str, timeout: float = 20) -> str:
        return self.wait(
            lambda: re.search(pattern, self.log()), f"a log line like {pattern!r}", timeout
        ).group()

    def wait_status(self, pattern: str, timeout: float = 20) -> str:
        def found():
            return next(
                (
                    line
                    for line in reversed(self.notifications)
                    if line.startswith("STATUS=") and re.search(pattern, line)
                ),
                None,
            )

        return self.wait(found, f"a status like {pattern!r}", timeout)

    def signal(self, number: int) -> None:
        self.process.signal(number)

    def reload(self) -> None:
        self.signal(signal.SIGHUP)

    def kill(self) -> None:
        """KILL, as a power cut would."""
        self.process.signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, timeout: float = 10) -> int:
        """TERM; its exit code (negative: the signal that ended it)."""
        if self.process.alive():
            self.process.signal(signal.SIGTERM)
            wait_until(lambda: not self.process.alive(), timeout, "scpd to end after TERM")
        self.read_notifications()
        return self.process.wait()

    def close(self) -> None:
        self.process.end(timeout=5)
        self._notify.close()
        self._notify_path.unlink(missing_ok=True)

    def read_notifications(self) -> None:
        """What has come. A daemon waits for whoever does not read, after some ten datagrams."""
        while True:
            try:
                self.notifications += self._notify.recv(65536).decode(errors="replace").splitlines()
            except BlockingIOError:
                return


class Scpd:
    """`scpd(lab)` starts a daemon; all of them are ended by close()."""

    def __init__(self, scratch: Path):
        self.scratch = scratch
        self._daemons: list[Daemon] = []

    def __call__(
        self,
        lab: Lab | None = None,
        *arguments: str,
        config: str | Path | None = None,
        environment: dict[str, str] | None = None,
        prefix: Sequence[str] = (),
        stderr: int | None = None,
    ) -> Daemon:
        """prefix: a command that runs scpd in its own place; stderr: a descriptor instead of the log file."""
        directory = self.scratch / f"scpd-{len(self._daemons)}"
        directory.mkdir()
        base = Scpctl(directory).environment(lab) | (environment or {})
        daemon = Daemon(directory, config or lab.scpd_yaml, base, arguments, prefix, stderr)
        self._daemons.append(daemon)
        return daemon

    def close(self) -> None:
        for daemon in self._daemons:
            daemon.close()
