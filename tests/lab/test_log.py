"""The log of scpd: JSON, the journal's fields and catalogue, and readers of the log that stand still."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from scplab.process import wait_until
from scplab.runner import SOURCE_ROOT, Daemon
from scplab.world import World, content

DEADLINE = 30  # seconds; what is waited for here takes milliseconds on an idle machine
CATALOG = SOURCE_ROOT / "packaging" / "scpd.catalog"


def following(world: World) -> bool:
    copy, source = world.copy(), world.source()
    return copy is not None and content(copy) == content(source)


def change(world: World, value: str) -> None:
    world.emea.modify(world.source_dn, {"serviceBindingInformation": [value, "Port=1433"]})


def catalog_ids() -> dict[str, str]:
    """Subject → MESSAGE_ID."""
    return {
        subject: number
        for number, subject in re.findall(
            r"^-- ([0-9a-f]{32})\nSubject: (.*)$", CATALOG.read_text(), re.M
        )
    }


# ---- JSON


def test_json_is_an_object_a_line_with_the_journals_fields(world: World, scpd):
    world.settings["log"] = {"format": "json", "level": "debug"}
    daemon = scpd(world.lab, config=world.config()).wait_ready()
    daemon.wait_log("done: create", DEADLINE)
    assert daemon.stop() == 0
    lines = [json.loads(line) for line in daemon.log().splitlines()]
    for line in lines:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["TIMESTAMP"]), line
        assert line["SYSLOG_IDENTIFIER"] == "scpd" and line["MESSAGE"], line
        assert int(line["PRIORITY"]) in range(8), line
        if int(line["PRIORITY"]) <= 6:
            assert line["MESSAGE_ID"] in catalog_ids().values(), line
    done, = (line for line in lines if line["MESSAGE"].startswith("done: create"))
    assert done["SCPD_RULE"] == "mage" and done["SCPD_DOMAIN"] == "corp.test"
    assert done["SCPD_OP"] == "create" and done["SCPD_REASON"] == "missing"
    assert done["SCPD_DN"].lower() == f"{world.copy_rdn},DC=corp,DC=test".lower()
    assert re.fullmatch("[0-9a-f]{12}", done["SCPD_CHANGE_ID"])
    assert done["MESSAGE_ID"] == catalog_ids()["A write was done"] and done["PRIORITY"] == "6"
    assert lines[-1]["MESSAGE"] == "stopped"


def test_the_form_changes_with_a_reload(world: World, scpd):
    daemon = scpd(world.lab, config=world.config()).wait_ready()
    world.settings["log"] = {"format": "json"}
    world.config()
    daemon.reload()
    line = daemon.wait_log(r"(?m)^\{.*new settings loaded.*\}$", DEADLINE)
    assert json.loads(line)["MESSAGE_ID"] == catalog_ids()["New settings are in force"]


def test_hostile_values_stay_in_their_line(world: World, scpd):
    world.settings["log"] = {"format": "json"}
    world.like_source("emea", container="CN=System", name="a\u202eb\u009b31m")
    daemon = scpd(world.lab, config=world.config()).wait_ready()
    daemon.wait_log("held: |done: create", DEADLINE)
    assert daemon.stop() == 0
    raw = daemon.log_file.read_bytes()
    assert all(byte == 0x0A or 0x20 <= byte < 0x7F for byte in raw), raw
    texts = [value for line in raw.splitlines() for value in json.loads(line).values()]
    assert not any("\u202e" in text or "\u009b" in text for text in texts), texts
    assert any("u{202E}" in text or "u{202e}" in text for text in texts), texts


# ---- nobody reads


class FullPipe:
    """A pipe that is full before scpd says its first word."""

    def __init__(self):
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.writer, False)
        self.filled = 0
        try:
            while True:
                self.filled += os.write(self.writer, b"." * 4096)
        except BlockingIOError:
            pass
        try:
            while True:
                self.filled += os.write(self.writer, b".")
        except BlockingIOError:
            pass
        os.set_blocking(self.writer, True)  # as systemd and shells hand it over

    def make_room(self, size: int) -> None:
        while size > 0:
            taken = len(os.read(self.reader, size))
            self.filled -= taken
            size -= taken

    def read(self) -> str:
        """What scpd wrote until it ended."""
        os.close(self.writer)
        with os.fdopen(self.reader, "rb") as stream:
            return stream.read()[self.filled :].decode()

    def close(self) -> None:
        for descriptor in (self.reader, self.writer):
            try:
                os.close(descriptor)
            except OSError:
                pass


@pytest.fixture
def full_pipe():
    pipe = FullPipe()
    yield pipe
    pipe.close()


def works_and_ends(daemon: Daemon, world: World) -> None:
    daemon.wait_ready()
    daemon.wait(lambda: following(world), "the copy", DEADLINE)
    for number in range(3):
        change(world, f"change={number}")
        daemon.wait(lambda: following(world), "the copy", DEADLINE)
    daemon.reload()
    daemon.wait(lambda: daemon.notifications.count("READY=1") == 2, "READY after RELOADING")
    assert daemon.stop(timeout=10) == 0


def test_a_full_pipe_blocks_neither_cycles_nor_signals(world: World, scpd, full_pipe: FullPipe):
    world.settings["log"] = {"level": "debug"}
    world.settings["daemon"] |= {"poll": "1s"}
    daemon = scpd(world.lab, config=world.config(), stderr=full_pipe.writer)
    works_and_ends(daemon, world)


def test_what_waited_is_told_once_somebody_reads(world: World, scpd, full_pipe: FullPipe):
    daemon = scpd(world.lab, config=world.config(), stderr=full_pipe.writer).wait_ready()
    daemon.wait(lambda: following(world), "the copy", DEADLINE)
    full_pipe.make_room(32768)  # for all that it says, however long it takes on a slow machine
    wait_until(lambda: readable(full_pipe.reader) > full_pipe.filled, DEADLINE, "its first words")
    assert daemon.stop() == 0
    said = full_pipe.read()
    assert said.index("started with") < said.index("done: create") < said.index("stopped"), said


def readable(descriptor: int) -> int:
    """Bytes that wait in a pipe."""
    termios_fionread = 0x541B
    return int.from_bytes(fcntl.ioctl(descriptor, termios_fionread, b"\0" * 4), "little")


# ---- the journal


class Journal:
    """A socket in journald's place, seen by scpd alone, in a mount namespace of its own."""

    def __init__(self, folder: Path):
        self.folder = folder / "journal"
        self.folder.mkdir()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.folder / "socket"))
        self.socket.setblocking(False)
        self.entries: list[dict[str, str]] = []

    @property
    def prefix(self) -> list[str]:
        script = (
            "mount -t tmpfs none /run && mkdir -p /run/systemd/journal && "
            'mount --bind "$1" /run/systemd/journal && shift && exec "$@"'
        )
        user = [] if os.geteuid() == 0 else ["-r"]
        return ["unshare", *user, "-m", "sh", "-c", script, "sh", str(self.folder)]

    def read(self) -> list[dict[str, str]]:
        """All that has come so far (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/)."""
        while True:
            try:
                data = self.socket.recv(1 << 20)
            except BlockingIOError:
                return self.entries
            entry = {}
            while data:
                line, data = data.split(b"\n", 1)
                name, equals, value = line.partition(b"=")
                if not equals:  # a value with line breaks: its length, then itself
                    size = int.from_bytes(data[:8], "little")
                    value, data = data[8 : 8 + size], data[9 + size :]
                entry[name.decode()] = value.decode()
            self.entries.append(entry)

    def fill(self) -> int:
        """Until it takes nothing more from anybody; how many entries wait then."""
        count = 0
        while True:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)
                before = count
                try:
                    while True:
                        sender.sendto(b"MESSAGE=waiting\n", str(self.folder / "socket"))
                        count += 1
                except BlockingIOError:
                    if count == before:
                        return count

    def close(self) -> None:
        self.socket.close()


@pytest.fixture
def journal(scratch: Path):
    one = Journal(scratch)
    yield one
    one.close()


def test_the_journal_gets_the_fields(world: World, scpd, journal: Journal):
    world.settings["log"] = {"target": "journal"}
    world.rule["trust"] = {"domains": ["emea.corp.test"]}
    world.another_rule("watched", mode="observe", match={"keywords": ["watched"]})
    world.emea.add_scp("watched", ["watched"], ["its=own"], "CN=System")
    daemon = scpd(world.lab, config=world.config(), prefix=journal.prefix).wait_ready()

    def entry(message: str) -> dict[str, str] | None:
        return next((one for one in journal.read() if message in one["MESSAGE"]), None)

    done = daemon.wait(lambda: entry("done: create"), "what was done", DEADLINE)
    held = daemon.wait(lambda: entry("held: "), "what is held", DEADLINE)
    assert done["MESSAGE_ID"] == catalog_ids()["A write was done"]
    assert done["PRIORITY"] == "6" and done["SYSLOG_IDENTIFIER"] == "scpd"
    assert {name for name in done if name.startswith("SCPD_")} == {
        "SCPD_RULE", "SCPD_DOMAIN", "SCPD_DN", "SCPD_OP", "SCPD_REASON", "SCPD_CHANGE_ID",
    }
    assert done["SCPD_DOMAIN"] == "corp.test" and done["SCPD_OP"] == "create"
    assert held["MESSAGE_ID"] == catalog_ids()["A change is held"] and held["PRIORITY"] == "4"
    assert held["SCPD_RULE"] == "watched" and held["SCPD_REASON"] == "mode-forbids", held
    assert daemon.stop() == 0
    assert journal.read()[-1]["MESSAGE_ID"] == catalog_ids()["scpd has stopped"]
    assert "info" not in daemon.log(), daemon.log()


def test_a_journal_that_stands_still_blocks_neither_cycles_nor_signals(
    world: World, scpd, journal: Journal
):
    world.settings["log"] = {"target": "journal", "level": "debug"}
    waiting = journal.fill()
    daemon = scpd(world.lab, config=world.config(), prefix=journal.prefix)
    works_and_ends(daemon, world)
    assert len(journal.read()) == waiting, "the journal was not full all the time"


def test_no_journal_where_it_is_asked_for(world: World, scpd, scratch: Path):
    world.settings["log"] = {"target": "journal"}
    empty = Journal(scratch)
    empty.close()
    (empty.folder / "socket").unlink()
    daemon = scpd(world.lab, config=world.config(), prefix=empty.prefix).wait_ready()
    daemon.wait_log("warning log.target: journal: there is no .*stderr", DEADLINE)
    daemon.wait_log("done: create", DEADLINE)


# ---- the catalogue


def test_journalctl_takes_the_catalogue(scratch: Path):
    folder = scratch / "usr" / "lib" / "systemd" / "catalog"
    folder.mkdir(parents=True)
    (scratch / "var" / "lib" / "systemd" / "catalog").mkdir(parents=True)
    shutil.copy(CATALOG, folder)

    def journalctl(*arguments: str) -> str:
        done = subprocess.run(
            ["journalctl", f"--root={scratch}", *arguments], capture_output=True, text=True
        )
        assert done.returncode == 0 and not done.stderr, done
        return done.stdout

    journalctl("--update-catalog")
    listed = dict(line.split(" ", 1) for line in journalctl("--list-catalog").splitlines())
    assert listed == {
        number: f"scpd: {subject}" for subject, number in catalog_ids().items()
    }
    for subject, number in catalog_ids().items():
        said = journalctl("--dump-catalog", number)
        assert f"Subject: {subject}" in said and "man:scpd(8)" in said
        assert len(said.split("\n\n", 1)[1].strip().splitlines()) >= 2, said
