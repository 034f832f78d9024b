"""Several hosts, one instance, and a storm: the same end state, no duplicate, no endless exchange.

Each host has its own state and its own path to every server. $SCP_STORM_SEEDS, numbers with spaces between, repeats a
storm that failed or makes it rage more often; the steps of a seed are the same each time, what meets what is not.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scplab import Lab
from scplab.hosts import Host
from scplab.process import LabError, wait_until
from scplab.snapshot import Snapshot
from storm import SECOND_DCS, SERVERS, TARGETS, Storm

SEEDS = [int(seed) for seed in os.environ.get("SCP_STORM_SEEDS", "1 2").split()]
STEPS = 60
REST = 150  # seconds, at most, from the last step until all is as it should be
ROUNDS = 3  # cycles of each host over which nothing is written


def settings_of(lab: Lab) -> dict:
    settings = lab.settings()
    settings["forests"][0]["timeouts"] = {"connect": "1s", "operation": "2s"}
    settings["log"] = {"level": "debug"}
    settings["daemon"] |= {"resync": "1s"}
    settings["limits"] = {"changes": 1000, "deletes": 1000, "delete_percent": 100}
    settings["rules"] = [
        {"name": keyword, "match": {"keywords": [keyword]}, "targets": {"domains": [
            f"{key}.corp.test" if key == "apac" else f"{key}.test" for key in targets]},
         "accounts": [], "mode": "sync", "prune": {"grace": grace, "confirmations": reads}}
        for (keyword, targets), grace, reads in zip(TARGETS.items(), ("1s", "0s"), (2, 1))]
    return settings


@contextlib.contextmanager
def begun(scratch: Path, seed: int, hosts: int) -> Iterator[Storm]:
    """Hosts of a forest that still is at peace."""
    with Lab(second_dcs=SECOND_DCS, gc=False) as lab:
        settings = settings_of(lab)
        storm = Storm(lab, [Host(lab, scratch, number + 1, settings) for number in range(hosts)], seed)
        try:
            for host in storm.hosts:
                host.start()
            for host in storm.hosts:
                host.daemon.wait_ready()
            yield storm
        finally:
            print(f"the storm of seed {seed}:", *storm.told, sep="\n  ")
            print(f"{storm.writes()} writes for {storm.cells_touched} cells touched, {storm.faults} faults")
            for host in [host for host in storm.hosts if host.daemon]:
                print(f"--- host {host.number}", host.log(), sep="\n")
                host.daemon.close()


def comes_to_rest(storm: Storm) -> None:
    try:
        wait_until(lambda: not storm.wrong(), REST, "all as it should be", interval=0.2)
    except LabError as error:
        raise AssertionError("\n".join([str(error), *storm.wrong()])) from None


def stays_quiet(storm: Storm) -> None:
    """No write anywhere while every daemon has gone round some times more; what was begun may be finished."""
    deadline = time.monotonic() + 60

    def state():
        storm.listen()
        return Snapshot.take(storm.lab, list(SERVERS)), [host.history() for host in storm.hosts], [
            host.writes() for host in storm.hosts]

    now, since = state(), [host.cycles() for host in storm.hosts]
    while not all(host.cycles() > before + ROUNDS for host, before in zip(storm.hosts, since)):
        time.sleep(0.1)
        later = state()
        differences = now[0].differences(later[0])
        if differences or later[1:] != now[1:]:
            assert time.monotonic() < deadline, f"they never stop writing: {differences}"
            since = [host.cycles() for host in storm.hosts]
        now = later


def in_sync_by_every_host(storm: Storm) -> None:
    cells = sum(len(source.cells) for source in storm.sources.values())
    before = Snapshot.take(storm.lab, list(SERVERS))
    for host in storm.hosts:
        assert host.run("config", "check").returncode == 0
        for verb in (["plan"], ["diff"], ["sync", "--yes"]):
            done = host.run(*verb, "-o", "json")
            assert (done.returncode, done.json["changes"], done.json["held"]) == (0, [], []), done
        assert done.json["complete"] and not done.json["changed"] and done.json["in_sync"] >= cells, done
    assert before.differences(Snapshot.take(storm.lab, list(SERVERS))) == []


def few_writes(storm: Storm) -> None:
    """What a step touches takes a mark, a swap and a delete at most; each host may try it once more after each fault.
    Hosts that undo each other's writes would go on without any step."""
    assert storm.writes() <= 3 * storm.cells_touched + 3 * len(storm.hosts) * storm.faults


@pytest.mark.parametrize("seed", SEEDS)
def test_the_storm_passes_and_all_is_as_one_host_would_have_left_it(scratch: Path, seed: int):
    with begun(scratch, seed, hosts=2 + seed % 2) as storm:
        storm.rage(STEPS)
        storm.abate()
        comes_to_rest(storm)
        stays_quiet(storm)
        few_writes(storm)
        in_sync_by_every_host(storm)
        now = Snapshot.take(storm.lab, list(SERVERS))
        assert storm.others(storm.before).differences(storm.others(now)) == []


def test_a_source_that_only_one_of_them_still_sees_is_no_endless_exchange(scratch: Path):
    """One host marks the copies, as its DC has no such source any more; the other, whose DC still has it, takes the
    marks off. Whoever would take away waits longer each time. When both see the same, the copies go."""
    with begun(scratch, seed=0, hosts=2) as storm:
        first = storm.hosts[0]
        victim = storm.make("storm-one", "emea", "victim")
        comes_to_rest(storm)
        storm.part()
        since = time.monotonic()
        storm.delete(victim)
        mark = re.compile(r"done: mark cn=victim,cn=scpd,cn=system,dc=(\w+).*source-deleted", re.IGNORECASE)
        taken_off = "somebody took that back"
        wait_until(lambda: storm.listen() or taken_off in first.log(), 60, "a mark that was taken off")
        begun_at = first.cycles()
        wait_until(lambda: storm.listen() or first.cycles() >= begun_at + 12, 60, "a dozen cycles more")
        at_most = 1 + math.log2(1 + (time.monotonic() - since) / 10)
        assert len(mark.findall(first.log())) / len(victim.cells) <= at_most, first.log()
        storm.part()
        comes_to_rest(storm)
        stays_quiet(storm)
