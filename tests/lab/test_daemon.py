"""scpd as systemd runs it: ready at once, following changes, patient with domains that are down, gone when told to."""

from __future__ import annotations

import re
import signal

import pytest

from scplab.process import LabError, wait_until
from scplab.runner import Daemon
from scplab.snapshot import Snapshot
from scplab.threads import StoppedThreads
from scplab.world import World, content

ONLY_EMEA = {"domains": ["emea.corp.test"]}
DEADLINE = 30  # seconds; what is waited for here takes milliseconds on an idle machine


@pytest.fixture(autouse=True)
def verbose(world: World) -> None:
    world.settings["log"] = {"level": "debug"}


def following(world: World, domain: str = "corp", name: str = World.name) -> bool:
    """The copy is there and as its source is."""
    copy, source = world.copy(domain, name), world.source()
    return copy is not None and content(copy) == content(source)


def change(world: World, value: str) -> None:
    world.emea.modify(world.source_dn, {"serviceBindingInformation": [value, "Port=1433"]})


def watching(daemon: Daemon, domains: int = 4) -> None:
    """Until all of the domains are watched: from here on changes are told, not found by a cycle of the start."""
    daemon.wait(
        lambda: len(set(re.findall(r"watching (\S+) by", daemon.log()))) >= domains,
        f"watches of {domains} domains",
        DEADLINE,
    )


def cycles(daemon: Daemon) -> list[str]:
    """The triggers of the cycles that have begun."""
    return re.findall(r"cycle begins \((\S+)\)", daemon.log())


def follows(daemon: Daemon, world: World, *domains: str) -> None:
    daemon.wait(
        lambda: all(following(world, key) for key in domains), f"copies in {domains}", DEADLINE
    )


# ---- life and death


def test_ready_once_first_cycle_at_once_and_a_clean_end(world: World, scpd):
    daemon = scpd(world.lab, config=world.config()).wait_ready()
    follows(daemon, world, "corp")
    daemon.wait_status("1 in sync", DEADLINE)
    assert daemon.stop() == 0
    told = daemon.notifications
    assert told.count("READY=1") == 1 and told.count("STOPPING=1") == 1, told
    assert told.index("READY=1") < told.index("STOPPING=1")
    assert cycles(daemon)[0] == "start" or cycles(daemon), daemon.log()
    assert daemon.log().rstrip().endswith("stopped")


def test_the_log_is_on_stderr_a_line_a_fact(world: World, scpd):
    daemon = scpd(world.lab, config=world.config()).wait_ready()
    line = daemon.wait_log(r"(?m)^\S+ info done: create (?i:cn)=.*$", DEADLINE)
    assert world.name in line and "missing" in line and "rule mage" in line
    assert all(
        re.match(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:?\d\d) \w+ ", one)
        for one in daemon.log().splitlines()
    ), daemon.log()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    "hung",
    [[], ["apac"], ["corp", "emea", "apac", "tree"]],
    ids=["all well", "one hangs", "all hang"],
)
def test_it_ends_in_time(world: World, scpd, number: int, hung: list[str]):
    daemon = scpd(world.lab, config=world.config()).wait_ready()
    watching(daemon)
    before = len(cycles(daemon))
    for key in hung:
        world.lab.pause(key)
    try:
        daemon.reload()  # a cycle that meets the hanging servers
        daemon.wait(lambda: len(cycles(daemon)) > before, "a cycle", DEADLINE)
        daemon.signal(number)
        wait_until(lambda: not daemon.process.alive(), 10, "the end of scpd")
        assert daemon.stop() == 0, daemon.log()
        assert "STOPPING=1" in daemon.notifications
    finally:
        for key in hung:
            world.lab.resume(key)


def test_killed_and_started_again_it_goes_on(world: World, scpd):
    first = scpd(world.lab, config=world.config()).wait_ready()
    follows(first, world, "corp")
    first.kill()
    change(world, "while=dead")
    second = scpd(world.lab, config=world.config()).wait_ready()
    follows(second, world, "corp")
    assert len(world.corp.copies()) == 1


# ---- the watchdog

WATCHDOG = {"WATCHDOG_USEC": "800000"}


def fed(daemon: Daemon) -> int:
    daemon.read_notifications()
    return daemon.notifications.count("WATCHDOG=1")


def feeds(daemon: Daemon) -> None:
    before = fed(daemon)
    daemon.wait(lambda: fed(daemon) >= before + 3, "the watchdog to be fed", DEADLINE)


def starves(daemon: Daemon) -> None:
    """Not once in twice the time that systemd would wait."""
    before = fed(daemon)
    with pytest.raises(LabError, match="not within"):
        wait_until(lambda: fed(daemon) > before, 1.6, "food")


def test_the_watchdog_is_fed_between_cycles_and_while_servers_hang(world: World, scpd):
    world.forest_settings["timeouts"] = {"connect": "1s", "operation": "1s"}
    daemon = scpd(world.lab, config=world.config(), environment=WATCHDOG).wait_ready()
    follows(daemon, world, "corp")
    watching(daemon)
    feeds(daemon)
    world.lab.pause("emea")
    try:
        before = len(cycles(daemon))
        daemon.reload()
        daemon.wait(lambda: len(cycles(daemon)) > before, "a cycle", DEADLINE)
        feeds(daemon)  # every call ends by its time-out, which is progress
    finally:
        world.lab.resume("emea")


def test_a_stopped_daemon_does_not_feed(world: World, scpd):
    daemon = scpd(world.lab, config=world.config(), environment=WATCHDOG).wait_ready()
    feeds(daemon)
    daemon.process.pause()
    starves(daemon)
    daemon.process.resume()
    feeds(daemon)


def test_a_hung_worker_stops_the_feeding(world: World, scpd):
    world.forest_settings["timeouts"] = {"connect": "500ms", "operation": "500ms"}
    daemon = scpd(world.lab, config=world.config(), environment=WATCHDOG).wait_ready()
    follows(daemon, world, "corp")
    watching(daemon)
    world.lab.pause("emea")  # so that a cycle is under way for a while
    try:
        before = len(cycles(daemon))
        daemon.reload()
        daemon.wait(lambda: len(cycles(daemon)) > before, "a cycle", DEADLINE)
        with StoppedThreads(daemon.pid):
            feeds(daemon)  # that long nothing need come of a cycle
            daemon.wait_log(r"critical the cycle has made no progress for \d+ s", DEADLINE)
            starves(daemon)
        feeds(daemon)
    finally:
        world.lab.resume("emea")


# ---- changes


@pytest.mark.parametrize(
    "how, poll", [("auto", "30s"), ("syncrepl", "30s"), ("usn", "200ms"), ("poll", "200ms")]
)
def test_a_change_is_followed(world: World, scpd, how: str, poll: str):
    if how == "usn" and not world.lab.has_plugin:
        pytest.skip("slapd has no USNs without the plugin")
    world.settings["daemon"] |= {"watch": how, "poll": poll, "resync": "1h"}
    daemon = scpd(world.lab, config=world.config()).wait_ready()
    watching(daemon)
    assert f"by {'syncrepl' if how == 'auto' else how}" in daemon.log()
    follows(daemon, world, "corp")
    for number in range(3):
        change(world, f"change={number}")
        follows(daemon, world, "corp")
    assert "change" in cycles(daemon)


def test_a_copy_edited_or_deleted_by_hand_comes_back(world: World, scpd):
    daemon = scpd(world.lab, config=world.config()).wait_ready()
    follows(daemon, world, "corp")
    watching(daemon)
    world.corp.modify(world.copy_rdn, {"serviceBindingInformation": "edited", "keywords": "edited"})
    follows(daemon, world, "corp")
    world.corp.delete(world.copy_rdn)
    follows(daemon, world, "corp")


def test_a_new_source_and_its_end_are_seen(world: World, scpd):
    daemon = scpd(world.lab, config=world.config()).wait_ready()
    watching(daemon)
    world.like_source("apac", name="new")
    daemon.wait(lambda: world.copy("corp", "new"), "its copy", DEADLINE)
    world.apac.delete("CN=new,CN=System")
    daemon.wait_log(r"held: .*source-deleted", DEADLINE)
    assert world.copy("corp", "new"), "mode upsert deletes nothing"


def test_the_resync_finds_what_no_watch_told(world: World, scpd):
    world.settings["daemon"] |= {"watch": "poll", "poll": "1h", "resync": "300ms"}
    daemon = scpd(world.lab, config=world.config()).wait_ready()
    watching(daemon)
    change(world, "found=by-resync")
    follows(daemon, world, "corp")
    daemon.wait(lambda: "resync" in cycles(daemon), "a resync", DEADLINE)


def test_it_is_quiet_when_nothing_happens(world: World, scpd):
    """Its own writes and watches do not keep it busy: cycles are counted over events that are waited for."""
    world.settings["daemon"] |= {"resync": "1h"}
    daemon = scpd(world.lab, config=world.config()).wait_ready()
    watching(daemon)
    for number in range(6):
        change(world, f"change={number}")
        follows(daemon, world, "corp")
    daemon.wait(lambda: daemon.log().count("done: update") == 6, "what was done in the log")
    # Each change: a cycle that copies it, one more for our own write, at most one for each watch at the start.
    assert len(cycles(daemon)) <= 6 * 2 + 1 + 4 + 2, cycles(daemon)


def test_many_changes_at_once_are_few_cycles(world: World, scpd):
    world.settings["daemon"] |= {"debounce": "300ms", "max_wait": "5s", "resync": "1h"}
    daemon = scpd(world.lab, config=world.config()).wait_ready()
    watching(daemon)
    follows(daemon, world, "corp")
    before = len(cycles(daemon))
    for number in range(100):
        change(world, f"change={number}")
    follows(daemon, world, "corp")
    assert len(cycles(daemon)) - before < 30


# ---- domains that are down


def both(world: World) -> None:
    world.rule["targets"]["domains"] = ["apac.corp.test"]
    world.rule["trust"] = ONLY_EMEA


def test_a_domain_that_is_down_stops_no_other_and_comes_back(world: World, scpd):
    both(world)
    daemon = scpd(world.lab, config=world.config()).wait_ready()
    follows(daemon, world, "corp", "apac")
    watching(daemon)
    world.stop("apac")
    change(world, "while=down")
    follows(daemon, world, "corp")
    daemon.wait_log(r"domain apac\.corp\.test is incomplete", DEADLINE)
    daemon.wait_status(r"incomplete: apac\.corp\.test", DEADLINE)
    change(world, "while=down-still")
    follows(daemon, world, "corp")
    world.start("apac")
    follows(daemon, world, "apac")
    daemon.wait_log(r"domain apac\.corp\.test is read to the end again", DEADLINE)
    # It is watched again, too.
    daemon.wait(lambda: daemon.log().count("watching apac.corp.test by") >= 2, "its watch", 70)
    world.apac.modify(world.copy_rdn, {"vendor": "edited"})
    follows(daemon, world, "apac")


def test_a_domain_that_hangs_stops_no_other_and_comes_back(world: World, scpd):
    both(world)
    world.forest_settings["timeouts"] = {"connect": "2s", "operation": "2s"}
    daemon = scpd(world.lab, config=world.config()).wait_ready()
    follows(daemon, world, "corp", "apac")
    watching(daemon)
    world.lab.pause("apac")
    try:
        for value in ("while=hung", "while=hung-still"):
            change(world, value)
            follows(daemon, world, "corp")
        daemon.wait_log(r"domain apac\.corp\.test is incomplete", DEADLINE)
        change(world, "while=known-to-hang")
        follows(daemon, world, "corp")
    finally:
        world.lab.resume("apac")
    daemon.wait(lambda: following(world, "apac"), "apac's copy", 70)


def test_the_sources_domain_goes_and_comes_back(world: World, scpd):
    world.rule["targets"]["domains"] = ["apac.corp.test"]
    world.like_source("tree", name="other")
    daemon = scpd(world.lab, config=world.config()).wait_ready()
    follows(daemon, world, "corp", "apac")
    watching(daemon)
    before = Snapshot.take(world.lab, ["corp", "apac", "tree"])
    world.stop("emea")
    world.tree.modify("CN=other,CN=System", {"serviceBindingInformation": ["Port=1"]})
    daemon.wait(
        lambda: world.copy("apac", "other")["serviceBindingInformation"] == ["Port=1"],
        "tree's change in apac",
        DEADLINE,
    )
    assert before.gone(Snapshot.take(world.lab, ["corp", "apac", "tree"])) == []
    world.start("emea")
    change(world, "after=all")
    daemon.wait(lambda: following(world), "emea's change in corp", 70)


@pytest.mark.parametrize(
    "down", [["apac"], ["corp", "emea", "apac", "tree"]], ids=["a target", "all"]
)
def test_down_when_it_starts(world: World, scpd, down: list[str]):
    both(world)
    for key in down:
        world.stop(key)
    daemon = scpd(world.lab, config=world.config()).wait_ready()
    if down == ["apac"]:
        follows(daemon, world, "corp")
    daemon.wait_log(r"is incomplete", DEADLINE)
    for key in down:
        world.start(key)
    daemon.wait(lambda: following(world) and following(world, "apac"), "all copies", 70)


def test_a_connection_cut_under_the_watch(world: World, scpd):
    proxy = world.lab.proxy("emea")
    world.through(proxy, "emea")
    try:
        daemon = scpd(world.lab, config=world.config()).wait_ready()
        watching(daemon)
        proxy.refuse()
        proxy.cut()
        daemon.wait_log(r"no longer watching emea\.corp\.test", DEADLINE)
        change(world, "while=cut")
        proxy.accept()
        follows(daemon, world, "corp")
    finally:
        proxy.close()


# ---- new settings


def test_good_new_settings_are_taken(world: World, scpd):
    daemon = scpd(world.lab, config=world.config()).wait_ready()
    follows(daemon, world, "corp")
    world.rule["targets"]["domains"] = ["apac.corp.test"]
    world.config()
    daemon.reload()
    follows(daemon, world, "apac")
    daemon.wait(lambda: daemon.notifications.count("READY=1") == 2, "READY after RELOADING")
    told = daemon.notifications
    assert told.index("RELOADING=1") > told.index("READY=1"), told
    assert any(line.startswith("MONOTONIC_USEC=") for line in told), told
    watching(daemon)
    change(world, "after=reload")
    follows(daemon, world, "corp", "apac")


@pytest.mark.parametrize(
    "break_it, said",
    [
        (lambda text: text.replace("mode: upsert", "mode: upset"), r"rules\[mage\]\.mode"),
        (lambda text: text + "\nnonsense: 1\n", "nonsense"),
        (lambda text: text + "\n]", r":\d+:\d+"),
        (lambda text: "", r"scpd-\d+\.yaml"),
    ],
    ids=["a wrong value", "an unknown key", "no YAML", "empty"],
)
def test_bad_new_settings_are_told_and_left(world: World, scpd, break_it, said: str):
    path = world.config()
    daemon = scpd(world.lab, config=path).wait_ready()
    follows(daemon, world, "corp")
    watching(daemon)
    path.write_text(break_it(path.read_text()))
    daemon.reload()
    daemon.wait_log(rf"(?m)^\S+ error .*{said}", DEADLINE)
    daemon.wait_status("the old ones stay in force", DEADLINE)
    daemon.wait(lambda: daemon.notifications.count("READY=1") == 2, "READY after RELOADING")
    change(world, "after=bad-settings")
    follows(daemon, world, "corp")
    world.config()  # good ones again
    daemon.reload()
    daemon.wait_log("new settings loaded", DEADLINE)


# ---- several


def test_two_daemons_of_one_instance_make_one_copy(world: World, scpd):
    daemons = [scpd(world.lab, config=world.config()).wait_ready() for _ in range(2)]
    for daemon in daemons:
        follows(daemon, world, "corp")
        watching(daemon)
    guid = world.copy().guid
    for number in range(4):
        change(world, f"change={number}")
        follows(daemons[0], world, "corp")
    assert [copy.guid for copy in world.corp.copies()] == [guid]

    def done() -> int:
        return sum(daemon.log().count("done: update") for daemon in daemons)
    # Whoever comes second finds done what it was about to do.
    daemons[0].wait(lambda: done() >= 4, "what was done in the logs")
    assert done() <= 8
