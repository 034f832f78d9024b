"""Pauses, approvals, bindings and first use on real servers: by scpctl, and by a daemon that notices at once."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path

import pytest

from scplab.runner import Daemon, Done
from scplab.world import Marker, World, content

DEADLINE = 30
CREATE = [("create", "missing", "corp")]
UPDATE = [("update", "source-changed", "corp")]


def state_file(world: World) -> Path:
    return world.scpctl.scratch / "state" / "scpd" / "state.json"


def change(world: World, value: str) -> None:
    world.emea.modify(world.source_dn, {"serviceBindingInformation": [value]})


def held(world: World, reason: str) -> str:
    """What sync holds for that reason, and nothing else; its hash."""
    done = world.sync()
    assert (done.exit, done.changes, done.held) == (3, [], [(reason, "corp")])
    return done.hash


# ---- by scpctl


def test_a_paused_rule_is_planned_but_not_written(world: World):
    world.mirror()
    assert world.run("pause", "mage", "--reason", "db1 moves").returncode == 0
    change(world, "Port=1")
    before = world.snapshot()
    held(world, "paused")
    planned = world.plan()
    assert (planned.exit, planned.changes) == (1, [])
    one, = planned.json["held"]
    assert one["op"] == "update" and one["attributes"]
    assert "rule mage is paused since 20" in one["detail"] and one["detail"].endswith(": db1 moves")
    assert before.differences(world.snapshot()) == []

    assert world.run("resume", "mage").returncode == 0
    assert world.sync().changes == UPDATE
    assert content(world.copy()) == content(world.source())


def test_all_rules_and_only_them(world: World):
    world.rule["match"] |= {"name": world.name}
    world.another_rule("second", match=copy.deepcopy(world.rule["match"]) | {"name": "other"})
    world.like_source("emea", name="other")
    assert world.run("pause").returncode == 0
    assert {reason for reason, _ in world.sync().held} == {"paused"}
    assert world.run("resume").returncode == 0
    assert world.run("pause", "second").returncode == 0
    done = world.sync()
    assert (done.exit, done.held) == (3, [("paused", "corp")])
    assert done.changes == CREATE
    assert world.copy() and world.copy("corp", "other") is None


def test_an_approval_is_for_one_plan_once(world: World):
    world.mirror()
    bindings = world.source()["serviceBindingInformation"]
    world.settings["limits"] = {"changes": 0}
    change(world, "Port=1")
    first = held(world, "limit-exceeded")
    assert world.run("approve", first).returncode == 0
    change(world, "Port=2")
    second = held(world, "limit-exceeded")
    assert second != first
    change(world, "Port=1")
    done = world.sync()
    assert (done.exit, done.changes) == (0, UPDATE)
    assert json.loads(state_file(world).read_text())["approvals"] == []

    world.emea.modify(world.source_dn, {"serviceBindingInformation": bindings})
    back = held(world, "limit-exceeded")
    assert world.run("approve", back).returncode == 0
    assert world.plan().changes == UPDATE, "a plan shows what would go out, and uses nothing up"
    assert world.sync().changes == UPDATE
    change(world, "Port=1")
    assert held(world, "limit-exceeded") == first, "the same plan again is approved no more"


@pytest.mark.parametrize("text", ["", "{", '{"pauses": []}', "\x1b[31m", "[" * 100000])
def test_a_state_that_cannot_be_read_lets_nothing_be_written(world: World, text: str):
    world.mirror()
    file = state_file(world)
    file.write_text(text)
    change(world, "Port=1")
    before = world.snapshot()
    done = world.run("sync", "--yes", "-o", "json")
    assert done.returncode == 3
    assert [one["reason"] for one in done.json["held"]] == ["paused"]
    assert str(file) in done.json["error"]["message"] and str(file) in done.stderr
    assert "mend the file" in done.stderr and "\x1b" not in done.stderr + done.stdout
    assert world.plan().exit == 1
    assert before.differences(world.snapshot()) == []
    assert world.run("pause").returncode == 5
    assert file.read_text() == text
    file.unlink()
    assert world.sync().changes == UPDATE


def test_a_state_that_others_may_write_is_none(world: World):
    world.mirror()
    assert world.run("pause").returncode == 0
    state_file(world).chmod(0o666)
    change(world, "Port=1")
    done = world.run("sync", "--yes")
    assert done.returncode == 3 and "written by others" in done.stderr
    assert world.plan().held == [("paused", "corp")]


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_root_writes_for_the_services_user(world: World):
    """/var/lib/scpd is the service's: what root writes there, scpd must be able to read and to write."""
    folder = state_file(world).parent
    folder.mkdir(parents=True)
    os.chown(folder, 65534, 65534)
    assert world.run("pause").returncode == 0
    for file in (state_file(world), folder / "state.lock"):
        assert (file.stat().st_uid, file.stat().st_mode & 0o777) == (65534, 0o600)
    assert world.run("resume").returncode == 0


def test_bindings_hold_what_they_do_not_let_pass(world: World):
    names = sorted({value.split("=")[0] for value in world.source()["serviceBindingInformation"]})
    world.rule["bindings"] = {"allow": [f"({'|'.join(names)})=.*"]}
    world.mirror()
    world.emea.modify(world.source_dn, {"serviceBindingInformation": ["Port=1", "Evil=\x1b[31m"]})
    before = world.snapshot()
    held(world, "binding-not-allowed")
    text = world.run("sync", "--yes")
    assert text.returncode == 3
    assert r"Evil=\x1b[31m" in text.stdout and "\x1b[31m" not in text.stdout
    assert before.differences(world.snapshot()) == []

    world.rule["bindings"] = {"deny": [r"Port=1\d*"]}
    done = world.plan()
    assert done.held == [("binding-not-allowed", "corp")]
    assert "bindings.deny" in done.json["held"][0]["detail"]
    world.rule["bindings"] = {"deny": [r"Port=2\d*"]}
    assert world.sync().changes == UPDATE


def test_a_new_source_waits_and_one_in_anothers_place_too(world: World):
    world.rule["trust"] = world.rule.get("trust", {}) | {"first_use": "approve"}
    first = held(world, "awaiting-approval")
    assert world.sync("--approve", "sha256:" + "0" * 64).exit == 3
    note = world.run("sync", "--yes").stderr
    assert f"scpctl sync --approve {first}" in note and "new source" in note
    assert first in world.run("plan").stderr
    assert world.sync("--approve", first).changes == CREATE

    # From now on it is known: changes go out, and so do copies elsewhere.
    change(world, "Port=1")
    assert world.sync().changes == UPDATE
    world.rule["targets"] = world.rule.get("targets", {}) | {"domains": ["apac.corp.test"]}
    assert world.sync().changes == [("create", "missing", "apac")]

    source = world.source()
    world.emea.delete(world.source_dn)
    world.emea.add_scp(world.name, source.raw("keywords"), ["Port=666"],
                       world.source_dn.split(",", 1)[1].split(",DC=", 1)[0])
    before = world.copy()
    done = world.sync()
    assert (done.exit, done.changes) == (3, [])
    assert done.held == [("awaiting-approval", "apac"), ("awaiting-approval", "corp")]
    assert content(world.copy()) == content(before)
    assert world.run("approve", done.hash).returncode == 0
    assert len(world.sync().changes) == 2
    assert world.plan().exit == 0


# ---- parked copies


def test_resume_takes_parked_off_a_copy(world: World):
    world.mirror()
    marker = Marker.of(world.copy())
    parked = marker.but(parked="2026-01-02T03:04:05Z")
    world.corp.modify(world.copy_rdn, {"msDS-Settings": ["another value", str(parked)]})
    change(world, "Port=1")
    held(world, "parked")
    dn = world.copy().dn
    done = world.run("resume", dn, "-o", "json")
    assert done.returncode == 0, done
    assert done.json["schema"] == "scpd.write/1" and done.json["changed"] is True
    write, = done.json["writes"]
    assert (write["op"], write["reason"], write["result"]) == ("mark", "by-hand", "done")
    assert Marker.of(world.copy()) == marker
    assert "another value" in world.copy()["msDS-Settings"]
    records = json.loads(world.run("history", "-o", "json").stdout)["writes"]
    assert [one for one in records if one["op"] == "mark" and one["result"] == "done"]
    assert world.sync().changes == UPDATE

    again = world.run("resume", dn)
    assert again.returncode == 0 and "is not parked" in again.stdout
    assert world.run("resume", world.source_dn).returncode == 3
    assert world.run("resume", "CN=nobody,CN=scpd,CN=System,DC=corp,DC=test").returncode == 1
    assert world.run("resume", "=,").returncode == 2


def test_an_undone_create_needs_the_rule_paused(world: World):
    world.mirror()
    create, = [one["id"] for one in json.loads(world.run("history", "-o", "json").stdout)["writes"]
               if one["op"] == "create"]
    assert world.run("undo", "--yes", create).returncode == 3
    assert world.copy()
    assert world.run("pause", "mage").returncode == 0
    assert world.run("undo", "--yes", create).returncode == 0
    assert world.copy() is None
    held(world, "paused")
    assert world.copy() is None


# ---- and by the daemon


def tell(daemon: Daemon, world: World, *arguments: str) -> Done:
    """scpctl on the daemon's own state."""
    state = daemon.log_file.parent / "state"
    done = world.run(*arguments, environment={"STATE_DIRECTORY": str(state)})
    assert done.returncode == 0, done
    return done


@pytest.fixture
def daemon(world: World, scpd) -> Daemon:
    world.settings["log"] = {"level": "debug"}
    world.settings["daemon"] = world.settings.get("daemon", {}) | {"resync": "1h"}
    return scpd(world.lab, config=world.config()).wait_ready()


def test_the_daemon_notices_pauses_and_resumes(world: World, daemon: Daemon):
    daemon.wait(lambda: world.copy(), "the copy", DEADLINE)
    tell(daemon, world, "pause", "mage", "--reason", "db1 moves")
    daemon.wait_log(r"cycle begins \(state\)", DEADLINE)
    change(world, "Port=1")
    daemon.wait_log(r"held: .*paused.*db1 moves", DEADLINE)
    assert "Port=1" not in world.copy()["serviceBindingInformation"]
    tell(daemon, world, "resume", "mage")
    daemon.wait(lambda: content(world.copy()) == content(world.source()), "the update", DEADLINE)
    assert daemon.stop() == 0


def test_the_daemon_goes_by_an_approval_once(world: World, scpd):
    world.settings["limits"] = {"changes": 0}
    world.settings["daemon"] = world.settings.get("daemon", {}) | {"resync": "1h"}
    daemon = scpd(world.lab, config=world.config()).wait_ready()
    daemon.wait_log(r"held: .*limit-exceeded", DEADLINE)
    told = daemon.wait_log(r"scpctl approve sha256:[0-9a-f]{64}", DEADLINE)
    assert told.endswith(world.plan().hash)
    tell(daemon, world, "approve", told.split()[-1])
    daemon.wait(lambda: world.copy(), "the copy", DEADLINE)
    state = daemon.log_file.parent / "state" / "state.json"
    assert json.loads(state.read_text())["approvals"] == []


def test_the_daemon_writes_nothing_while_its_state_is_unreadable(world: World, daemon: Daemon):
    daemon.wait(lambda: world.copy(), "the copy", DEADLINE)
    state = daemon.log_file.parent / "state" / "state.json"
    state.write_text("{")
    daemon.wait_log(r"(?m) error nothing is written: .*state\.json.*mend the file", DEADLINE)
    change(world, "Port=1")
    daemon.wait_log(r"held: .*paused", DEADLINE)
    daemon.wait_status("all is held", DEADLINE)
    assert "Port=1" not in world.copy()["serviceBindingInformation"]
    state.unlink()
    daemon.wait(lambda: content(world.copy()) == content(world.source()), "the update", DEADLINE)
    daemon.wait_log("can be read again", DEADLINE)
