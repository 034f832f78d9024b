"""Steps of the wall clock, and a process that is suspended, while scpd runs: what is due is due in real time.

The clock of the programs under test is libfaketime's; the servers and these tests keep the machine's.
"""

from __future__ import annotations

import re
import time

import pytest

from scplab.clock import DAY, HOUR, WallClock
from scplab.process import wait_until
from scplab.runner import Daemon
from scplab.world import Marker, World
from test_daemon import DEADLINE, change, cycles, feeds, follows, watching
from test_metrics import scrape

RESYNC = 0.2  # seconds
WATCHDOG = {"WATCHDOG_USEC": "400000"}  # fed each 100 ms


@pytest.fixture
def clock(scratch) -> WallClock:
    return WallClock(scratch)


@pytest.fixture(autouse=True)
def by_socket(world: World) -> None:
    """No certificate ends when the clock is far off."""
    world.settings["log"] = {"level": "debug"}
    world.settings["metrics"] = {"listen": "127.0.0.1:0"}
    world.settings["daemon"] |= {"resync": "1h", "debounce": "100ms"}
    world.forest_settings["auth"] = {"mechanism": "external"}
    world.forest_settings["servers"] = [world.lab.server("corp").ldapi]
    world.forest_settings["global_catalog"] = [world.lab.server("gc").ldapi]
    for dns, domain in world.forest_settings["domains"].items():
        domain["servers"] = [world.lab.server(dns).ldapi]


def start(world: World, scpd, clock: WallClock) -> Daemon:
    daemon = scpd(world.lab, config=world.config(), environment=clock.environment | WATCHDOG).wait_ready()
    follows(daemon, world, "corp")
    watching(daemon)
    return daemon


def settle(daemon: Daemon) -> int:
    """Until nothing is due but the resync; how many cycles there have been."""
    before = -1
    while before != len(cycles(daemon)):  # each watch begins by a look, and our own writes are seen
        before = len(cycles(daemon))
        feeds(daemon)  # longer than the debounce: nothing else tells that nothing comes
        daemon.wait(lambda: "cycle (" in daemon.log().rsplit("cycle begins", 1)[-1], "the cycle's end", DEADLINE)
    return before


def some_cycles(daemon: Daemon, more: int = 4) -> float:
    """How long they took, in real time."""
    before, began = len(cycles(daemon)), time.monotonic()
    daemon.wait(lambda: len(cycles(daemon)) >= before + more, f"{more} cycles", DEADLINE)
    return time.monotonic() - began


STEPS = {
    "an hour ahead": lambda clock: clock.step(HOUR),
    "a day ahead": lambda clock: clock.step(DAY),
    "beyond 2038": lambda clock: clock.step_to(2040),
    "an hour behind": lambda clock: clock.step(-HOUR),
    "a day behind": lambda clock: clock.step(-DAY),
    "to 1970": lambda clock: clock.step_to(1970),
    "back": lambda clock: clock.step(0),
}


def test_after_each_step_a_change_is_followed_and_nothing_else_happens(world: World, scpd, clock):
    """No resync is due for an hour of real time: what comes, comes of the watches."""
    daemon = start(world, scpd, clock)
    for what, step in STEPS.items():
        before = settle(daemon)
        step(clock)
        feeds(daemon)
        assert len(cycles(daemon)) == before, f"{what}: {cycles(daemon)}"
        began = time.monotonic()
        change(world, what)
        follows(daemon, world, "corp")
        assert time.monotonic() - began > 0.1, f"{what}: not gathered"
    assert settle(daemon) <= before + 2, "a cycle for the change, one for our own write"
    assert daemon.stop() == 0, daemon.log()


def test_cycles_go_on_in_real_time(world: World, scpd, clock):
    world.settings["daemon"]["resync"] = f"{RESYNC * 1000:.0f}ms"
    daemon = start(world, scpd, clock)
    for what, step in STEPS.items():
        step(clock)
        took = some_cycles(daemon)
        assert took > 3 * RESYNC, f"{what}: a storm"
        shown = scrape(daemon)
        seen = shown['scpd_domain_last_seen_timestamp_seconds{domain="emea.corp.test"}']
        assert abs(seen - clock.now()) < 60, what
        assert shown["scpd_state"] == 1, what
    assert daemon.stop() == 0, daemon.log()


def test_a_certificate_that_is_not_valid_now_is_told_and_taken_when_the_clock_is_back(world: World, scpd, clock):
    world.settings["forests"] = world.lab.settings()["forests"]
    world.settings["daemon"]["resync"] = f"{RESYNC * 1000:.0f}ms"
    daemon = start(world, scpd, clock)
    for step, said in (
        (lambda: clock.step_to(2040), r"has expired"),
        (lambda: clock.step_to(1970), r"is not valid yet"),
    ):
        step()
        daemon.wait_log(rf"forest corp is incomplete: .*certificate.* {said}", DEADLINE)
        assert some_cycles(daemon) > 3 * RESYNC, "a storm"
        feeds(daemon)
        clock.step(0)
        change(world, said)
        follows(daemon, world, "corp")
    assert world.copy() and daemon.stop() == 0, daemon.log()


# ---- retire


def marked(world: World) -> str | None:
    """Since when, as its marker says."""
    copy = world.copy()
    return Marker.of(copy).get("gone") if copy else None


@pytest.fixture
def retiring(world: World) -> World:
    world.rule["mode"] = "sync"
    world.settings["daemon"]["resync"] = f"{RESYNC * 1000:.0f}ms"
    return world


def test_a_leap_does_not_end_a_grace(retiring: World, scpd, clock):
    """The mark's time is the wall clock's; what passed of its grace is counted again from the leap on."""
    world = retiring
    daemon = start(world, scpd, clock)
    world.emea.delete(world.source_dn)
    daemon.wait(lambda: marked(world), "its mark", DEADLINE)
    for days in (2, 4):
        clock.step(days * DAY)
        some_cycles(daemon, 6)  # more than the confirmations
        assert marked(world), daemon.log()
    clock.step(0)
    some_cycles(daemon)
    assert marked(world), daemon.log()


def test_a_grace_goes_on_in_real_time_after_a_leap(retiring: World, scpd, clock):
    world = retiring
    world.rule["prune"] = {"grace": "2s"}
    daemon = start(world, scpd, clock)
    world.emea.delete(world.source_dn)
    daemon.wait(lambda: marked(world), "its mark", DEADLINE)
    clock.step(DAY)
    began = time.monotonic()
    daemon.wait(lambda: not world.copy(), "its end", DEADLINE)
    assert time.monotonic() - began > 1, "it had its grace"  # whole seconds are counted


# ---- a process that is suspended


def test_a_suspended_process_goes_on_with_one_cycle(world: World, scpd, clock):
    """Its connections end meanwhile, all of its intervals are over several times, and a day has passed for people."""
    world.settings["daemon"] |= {"resync": "1s", "poll": "300ms"}
    world.rule["mode"] = "sync"
    world.rule["prune"] = {"grace": "0s", "confirmations": 1}
    daemon = start(world, scpd, clock)
    daemon.process.pause()
    stopped = time.monotonic()
    for key in ("emea", "corp", "apac", "tree"):
        world.stop(key)
        world.start(key)
    change(world, "while=suspended")
    clock.step(DAY)
    wait_until(lambda: time.monotonic() - stopped > 4, DEADLINE, "four times its resync")
    before, began = len(cycles(daemon)), time.monotonic()
    daemon.process.resume()
    daemon.wait(lambda: len(cycles(daemon)) > before, "the cycle that was due", DEADLINE)
    follows(daemon, world, "corp")
    # One that was due, one for its own write, one for the new watches; from then on by the resync.
    daemon.wait(lambda: daemon.log().count("watching emea.corp.test by") >= 2, "its watch", DEADLINE)
    assert len(cycles(daemon)) - before <= 4 + (time.monotonic() - began), daemon.log()
    assert "source-" not in "".join(re.findall(r"(?m)^.* held: .*$", daemon.log())), daemon.log()
    assert world.copy() and not marked(world)
    assert daemon.stop() == 0, daemon.log()
