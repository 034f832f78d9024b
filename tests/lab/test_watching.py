"""How scpd notices what happens on OpenLDAP: RFC 4533, reading again; a busy server, a silent one, a wrong kind."""

from __future__ import annotations

import threading
import time

import pytest

from scplab.world import World
from test_daemon import DEADLINE, change, cycles, following, follows, watching

SYSTEM = "CN=System"
POLICIES = "CN=Policies,CN=System"  # trust.exclude has it


@pytest.fixture(autouse=True)
def quick(world: World) -> None:
    world.settings["log"] = {"level": "debug"}
    world.settings["daemon"] |= {"resync": "1h", "debounce": "20ms", "max_wait": "200ms"}


@pytest.mark.parametrize("how, poll", [("syncrepl", "1h"), ("poll", "200ms")])
def test_all_that_happens_to_a_source_is_followed(world: World, scpd, how: str, poll: str):
    """Added, changed, renamed, moved out of trust and back, deleted."""
    world.settings["daemon"] |= {"watch": how, "poll": poll}
    if not world.apac.get(POLICIES):
        world.apac.add_container(POLICIES)
    daemon = scpd(world.lab, config=world.config()).wait_ready()
    watching(daemon)
    world.like_source("apac", name="new")
    daemon.wait(lambda: world.copy(name="new"), "its copy", DEADLINE)
    world.apac.modify(f"CN=new,{SYSTEM}", {"serviceBindingInformation": ["Port=2"]})
    daemon.wait(
        lambda: world.copy(name="new")["serviceBindingInformation"] == ["Port=2"], "its change", DEADLINE
    )
    world.apac.rename(f"CN=new,{SYSTEM}", "CN=newer")
    daemon.wait(lambda: world.copy(name="newer") and not world.copy(name="new"), "its new name", DEADLINE)
    world.apac.rename(f"CN=newer,{SYSTEM}", "CN=newer", POLICIES)
    daemon.wait_log(r"held: [^\n]*source-untrusted", DEADLINE)
    world.apac.rename(f"CN=newer,{POLICIES}", "CN=newer", SYSTEM)
    daemon.wait_log(r"no longer held: [^\n]*source-untrusted", DEADLINE)
    world.apac.delete(f"CN=newer,{SYSTEM}")
    daemon.wait_log(r"held: [^\n]*source-deleted", DEADLINE)
    assert world.copy(name="newer"), "mode upsert deletes nothing"


def test_a_busy_domain_costs_no_cycle(world: World, scpd):
    """Another object changes as fast as the server can; the filter of the watch is the class."""
    daemon = scpd(world.lab, config=world.config()).wait_ready()
    watching(daemon)
    follows(daemon, world, "corp")
    before = -1
    while before != len(cycles(daemon)):  # what begins with the watches, and our own write
        before = len(cycles(daemon))
        daemon.wait(lambda: "cycle (" in daemon.log().rsplit("cycle begins", 1)[-1], "the cycle's end", DEADLINE)
        time.sleep(0.3)  # longer than the debounce: nothing else tells that nothing comes
    made, stop = 0, threading.Event()

    def noise() -> None:
        nonlocal made
        admin = world.lab.domain("emea")
        while not stop.is_set():
            admin.modify("CN=Users", {"description": [f"change {made}"]})
            made += 1

    thread = threading.Thread(target=noise)
    began = time.monotonic()
    thread.start()
    try:
        daemon.wait(lambda: made >= 1000, "a thousand changes", DEADLINE)
        print(f"{made / (time.monotonic() - began):.0f} changes a second")
        assert len(cycles(daemon)) == before, daemon.log()
        world.lab.domain("corp").modify(world.copy_rdn, {"vendor": "edited"})
        daemon.wait(lambda: following(world), "the repair", DEADLINE)
    finally:
        stop.set()
        thread.join()
        world.emea.modify("CN=Users", {"description": []})


def test_a_server_that_falls_silent_is_noticed_by_the_sign_of_life(world: World, scpd):
    """It takes everything and answers nothing: within daemon.poll and timeouts.operation."""
    world.settings["daemon"]["poll"] = "500ms"
    world.forest_settings["timeouts"] = {"connect": "1s", "operation": "1s"}
    daemon = scpd(world.lab, config=world.config()).wait_ready()
    watching(daemon)
    world.lab.pause("emea")
    try:
        daemon.wait_log(r"no longer watching emea\.corp\.test: cannot watch DC=emea,DC=corp,DC=test on \S+: "
                        r"no answer in time \(1s\); trying again", 1 + 0.5 + 2)
    finally:
        world.lab.resume("emea")
    daemon.wait(lambda: daemon.log().count("watching emea.corp.test by syncrepl") >= 2, "its watch", DEADLINE)
    change(world, "after=silence")
    follows(daemon, world, "corp")


def test_a_kind_that_a_server_lacks_is_refused_with_what_to_set(world: World, scpd):
    world.settings["daemon"] |= {"watch": "notify", "resync": "300ms"}
    daemon = scpd(world.lab, config=world.config()).wait_ready()
    line = daemon.wait_log(r"(?m)^.*not watching emea\.corp\.test: .*$", DEADLINE)
    assert ("the server has no change notifications (notify), as AD has them — set daemon.watch: auto, which takes "
            "what each server has; trying again") in line, line
    change(world, "found=by-resync")
    follows(daemon, world, "corp")
    daemon.wait(lambda: len(cycles(daemon)) > 10, "some cycles", DEADLINE)
    assert daemon.log().count("not watching emea") == 1, "it is said once"
