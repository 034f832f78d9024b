"""The runners of scpctl and scpd, tried on small programs in their place."""

import signal

import pytest

from scplab import LabError
from scplab.runner import Scpctl, Scpd

FAKE_SCPCTL = """#!/bin/sh
echo "$XDG_STATE_HOME" >&2
if [ "$1" = say ]; then cat; else printf '{"arguments": "%s"}' "$*"; fi
exit 3
"""
FAKE_SCPD = """#!/usr/bin/python3
import os, signal, socket, sys, time
mode = sys.argv[3]
def tell(text):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.sendto(text.encode(), os.environ["NOTIFY_SOCKET"])
signal.signal(signal.SIGTERM, lambda *_: (tell("STOPPING=1"), sys.exit(0)))
print("begins", flush=True)
if mode == "dies":
    sys.exit("no such thing")
tell("READY=1\\nSTATUS=4 domains, in sync")
while True:
    time.sleep(60)
"""


@pytest.fixture
def fakes(scratch, monkeypatch):
    for path, text in (("scpctl/scpctl", FAKE_SCPCTL), ("daemon/scpd", FAKE_SCPD)):
        program = scratch / "build" / path
        program.parent.mkdir(parents=True)
        program.write_text(text)
        program.chmod(0o755)
    monkeypatch.setenv("SCP_BUILD_DIR", str(scratch / "build"))


def test_scpctl_gives_code_streams_and_json(fakes, scpctl: Scpctl, scratch):
    done = scpctl("plan", "-o", "json", config="some.yaml")
    assert (done.returncode, done.json) == (3, {"arguments": "-c some.yaml plan -o json"})
    assert done.stderr == f"{scratch}/state\n"
    assert scpctl("say", stdin="a\xff").stdout == "a\xff"
    with pytest.raises(AssertionError, match="not one JSON document"):
        scpctl("say").json


def test_scpd_is_waited_for_and_stopped(fakes, scpd: Scpd):
    daemon = scpd(None, "runs", config="some.yaml").wait_ready()
    assert daemon.wait_status("in sync") == "STATUS=4 domains, in sync"
    assert daemon.wait_log("beg.ns") == "begins"
    assert daemon.stop() == 0 and "STOPPING=1" in daemon.notifications
    killed = scpd(None, "runs", config="some.yaml").wait_ready()
    killed.kill()
    assert killed.stop() == -signal.SIGKILL


def test_a_scpd_that_ends_early_is_told_with_its_log(fakes, scpd: Scpd):
    with pytest.raises(LabError, match="(?s)ended while waiting for READY.*no such thing"):
        scpd(None, "dies", config="some.yaml").wait_ready()


def test_a_program_that_was_not_built_is_named(scpctl: Scpctl, scratch, monkeypatch):
    monkeypatch.setenv("SCP_BUILD_DIR", str(scratch))
    with pytest.raises(LabError, match="scpctl does not exist: build it"):
        scpctl("plan")
