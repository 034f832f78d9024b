"""The flap guard on a real server: a copy that somebody changes back again and again is parked, not fought over."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from scplab import forest
from scplab.runner import Daemon
from scplab.world import Marker, World, content

DEADLINE = 30
COPY_DN = f"{World.copy_rdn},{forest.BY_KEY['corp'].nc}"
REPAIR = [("update", "edited-by-hand", "corp")]
PARKING = [("mark", "parked", "corp")]


def history_files(world: World) -> list[Path]:
    return sorted((world.scpctl.scratch / "state" / "scpd" / "history").glob("*.jsonl"))


def edit(world: World, value: str = "by hand") -> None:
    world.corp.modify(COPY_DN, {"serviceBindingInformation": [value]})


def fight(world: World) -> None:
    """Three rounds: changed by hand, and put right."""
    for number in range(3):
        edit(world, f"by hand {number}")
        assert world.sync().changes == REPAIR


def test_the_fourth_time_a_copy_is_parked(world: World):
    world.mirror()
    fight(world)
    edit(world, "by hand 4")
    planned = world.plan()
    assert (planned.exit, planned.changes, planned.held) == (1, PARKING, [])
    one, = planned.json["changes"]
    assert one["attributes"] == {}
    assert one["detail"].startswith("somebody has changed it back 3 times within an hour; it was put right at 20")
    assert one["detail"].count("(serviceBindingInformation)") == 3
    elsewhere = world.snapshot()

    done = world.sync()
    assert (done.exit, done.changes) == (0, PARKING)
    assert done.json["changes"][0]["result"] == "done"
    copy = world.copy()
    assert copy["serviceBindingInformation"] == ["by hand 4"]
    assert "parked" in Marker.of(copy)
    changed = {line.split(": ")[1].lower() for line in elsewhere.differences(world.snapshot())}
    assert changed - {"entrycsn", "modifytimestamp", "modifiersname", "whenchanged", "usnchanged"} == {"msds-settings"}

    edit(world, "by hand 5")
    parked = world.snapshot()
    after = world.sync()
    assert (after.exit, after.changes, after.held) == (3, [], [("parked", "corp")])
    held, = after.json["held"]
    assert held["detail"].startswith(f"parked since {Marker.of(copy)['parked']}: somebody has changed it back 3 times")
    assert held["detail"].count("(serviceBindingInformation)") == 3
    assert "scpctl resume" in held["hint"]
    text = world.run("sync", "--yes")
    assert text.returncode == 3
    assert "put right at 20" in text.stdout and "scpctl resume" in text.stdout
    assert parked.differences(world.snapshot()) == []

    assert world.run("resume", COPY_DN).returncode == 0
    assert world.sync().changes == REPAIR
    assert content(world.copy()) == content(world.source())
    edit(world)
    assert world.sync().changes == REPAIR, "what was before it was resumed counts no more"


def test_resumed_by_somebody_else(world: World):
    """Another host, or another user with a history of his own: this one's history does not know of it."""
    world.mirror()
    fight(world)
    edit(world)
    assert world.sync().changes == PARKING
    marker = Marker.of(world.copy())
    del marker["parked"]
    world.corp.modify(COPY_DN, {"msDS-Settings": [str(marker)]})
    assert world.sync().changes == REPAIR


def test_other_settings_of_another_scpd(world: World):
    """Two scpd of one instance copy different attributes: each takes the other's settings for changed ones."""
    world.mirror()
    ours, theirs = world.rule.get("attributes"), ["serviceBindingInformation", "description"]
    seen = []
    for _ in range(4):
        world.rule["attributes"] = theirs
        seen += world.sync().changes
        world.rule.pop("attributes") if ours is None else world.rule.update(attributes=ours)
        seen += world.sync().changes
    assert seen[:6] == [("update", "settings-changed", "corp")] * 6
    assert seen[6:] == PARKING
    assert world.sync().held == [("parked", "corp")]


def age(world: World, by: timedelta) -> None:
    """As if all of the history had been written so much earlier."""
    for file in history_files(world):
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        for line in lines:
            if "at" in line:
                at = datetime.fromisoformat(line["at"].replace("Z", "+00:00")) - by
                line["at"] = at.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_what_is_over_an_hour_ago_counts_no_more(world: World):
    world.mirror()
    fight(world)
    age(world, timedelta(hours=1))
    edit(world)
    assert world.sync().changes == REPAIR


@pytest.mark.parametrize("broken, says", [("garbage\n", "a line of the history cannot be read"), (None, "cannot be opened")])
def test_a_history_that_cannot_be_read_parks_nothing_and_says_so(world: World, broken: str | None, says: str):
    world.mirror()
    fight(world)
    for file in history_files(world):
        if broken is None:
            file.unlink()
            file.symlink_to("nowhere.jsonl")
        else:
            file.write_text(broken)
    edit(world)
    done = world.run("sync", "--yes", "-o", "json")
    assert done.returncode == 0
    assert [(one["op"], one["reason"]) for one in done.json["changes"]] == [("update", "edited-by-hand")]
    assert says in done.json["warning"]["message"] and "parked" in done.json["warning"]["message"]
    assert says in done.stderr
    assert content(world.copy()) == content(world.source())


def test_a_history_of_which_nothing_is_wanted_is_not_read(world: World):
    world.mirror()
    for file in history_files(world):
        file.write_text("garbage\n")
    done = world.run("sync", "--yes", "-o", "json")
    assert done.returncode == 0 and "warning" not in done.json and done.stderr == ""


def test_the_daemon_parks_too(world: World, scpd):
    world.mirror()
    world.settings["daemon"] = world.settings.get("daemon", {}) | {"resync": "1h"}
    daemon: Daemon = scpd(world.lab, config=world.config()).wait_ready()
    for number in range(3):
        edit(world, f"by hand {number}")
        # The next edit may come before this repair is read back: overtaken, it counts all the same.
        daemon.wait(lambda: content(world.copy()) == content(world.source()), f"repair {number}", DEADLINE)
    edit(world, "by hand 4")
    daemon.wait(lambda: "parked" in Marker.of(world.copy()), "the parking", DEADLINE)
    assert world.copy()["serviceBindingInformation"] == ["by hand 4"]
    daemon.wait_log(r"done: mark .*parked.*somebody has changed it back 3 times within an hour", DEADLINE)
    daemon.wait_log(r"held: .*parked since .*put right at 20", DEADLINE)
    assert daemon.stop() == 0
