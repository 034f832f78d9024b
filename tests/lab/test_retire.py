"""Retire on real servers: confirmed, marked, deleted after its grace; limits, and what takes it back."""

from __future__ import annotations

import json

import pytest

from scplab.world import Marker, World, content

MARK = [("mark", "source-deleted", "corp")]
DELETE = [("delete", "source-deleted", "corp")]


@pytest.fixture
def retiring(world: World) -> World:
    """A mirrored source, and a rule that retires without a grace."""
    world.mirror()
    world.rule["mode"] = "sync"
    world.rule["prune"] = {"grace": "0s"}
    return world


def is_marked(world: World, domain: str = "corp") -> bool:
    return "gone" in Marker.of(world.copy(domain))


def test_a_source_that_is_gone_takes_its_copy_along(retiring: World):
    world = retiring
    before = world.copy()
    world.emea.delete(world.source_dn)

    done = world.sync()
    assert (done.exit, done.changes, done.held) == (0, MARK, [])
    assert is_marked(world)
    assert content(world.copy()) == content(before)

    planned = world.plan()
    assert (planned.exit, planned.changes) == (1, DELETE)
    assert world.copy(), "plan writes nothing"

    done = world.sync()
    assert (done.exit, done.changes) == (0, DELETE)
    assert world.copy() is None
    again = world.plan()
    assert (again.exit, again.changes, again.held) == (0, [], [])

    history = [json.loads(line) for file in (world.scpctl.scratch / "state/scpd/history").iterdir()
               for line in file.read_text().splitlines()]
    deletes = [line for line in history if line.get("op") == "delete"]
    assert deletes and deletes[0]["before"]["serviceBindingInformation"], "its pre-image is kept"


def test_within_the_grace_it_stays_and_a_new_source_takes_the_mark_off(retiring: World):
    world = retiring
    world.rule["prune"] = {"grace": "24h"}
    source = world.source()
    world.emea.delete(world.source_dn)
    assert world.sync().changes == MARK
    done = world.sync()
    assert (done.exit, done.changes, done.held) == (3, [], [("grace", "corp")])

    world.emea.add_scp(world.name, source.raw("keywords"), source.raw("serviceBindingInformation"),
                       world.source_dn.split(",", 1)[1].split(",DC=", 1)[0])
    done = world.sync()
    assert (done.exit, done.changes) == (0, [("update", "source-replaced", "corp")])
    assert not is_marked(world)


@pytest.mark.parametrize("mode", ["observe", "create-only", "upsert"])
def test_no_other_mode_deletes(retiring: World, mode: str):
    world = retiring
    world.emea.delete(world.source_dn)
    assert world.sync().changes == MARK
    world.rule["mode"] = mode
    done = world.sync()
    assert (done.exit, done.changes, done.held) == (3, [], [("source-deleted", "corp")])
    assert is_marked(world)


def test_a_source_domain_that_is_down_retires_nothing(retiring: World):
    world = retiring
    world.emea.delete(world.source_dn)
    assert world.sync().changes == MARK
    world.stop("emea")
    done = world.sync()
    assert (done.exit, done.changes) == (4, [])
    assert ("source-not-seen", "corp") in done.held
    world.start("emea")
    assert world.sync().changes == DELETE


def test_all_copies_at_once_wait_for_a_person(retiring: World):
    """Two of two are over the limit, however few they are; exactly that plan may be approved."""
    world = retiring
    world.rule["targets"] = world.rule.get("targets", {}) | {"domains": ["apac.corp.test"]}
    world.mirror("corp", "apac")
    world.emea.delete(world.source_dn)
    assert sorted(change[2] for change in world.sync().changes) == ["apac", "corp"]

    held = world.sync()
    assert (held.exit, held.changes) == (3, [])
    assert held.held == [("limit-exceeded", "apac"), ("limit-exceeded", "corp")]
    assert world.sync("--approve", "sha256:" + "0" * 64).exit == 3
    assert is_marked(world) and is_marked(world, "apac")

    done = world.sync("--approve", held.hash)
    assert (done.exit, len(done.changes)) == (0, 2)
    assert world.copy() is None and world.copy("apac") is None


def test_an_account_that_left_takes_its_domains_copy_along(retiring: World):
    world = retiring
    world.rule["accounts"] = []
    world.rule["targets"] = world.rule.get("targets", {}) | {"domains": ["apac.corp.test"]}
    done = world.sync()
    assert done.changes == [("create", "missing", "apac"), ("mark", "not-a-target", "corp")]
    assert world.sync().changes == [("delete", "not-a-target", "corp")]
    assert world.copy("apac") and world.copy() is None


def test_the_daemon_confirms_by_its_own_reads(retiring: World, scpd):
    world = retiring
    world.settings["daemon"] = world.settings.get("daemon", {}) | {"resync": "200ms"}
    world.rule["prune"] = {"grace": "1s", "confirmations": 2}
    daemon = scpd(world.lab, config=world.config()).wait_ready()
    world.emea.delete(world.source_dn)
    daemon.wait_log(r"source-deleted", 20)
    daemon.wait(lambda: world.copy() is None, "the copy goes", 20)
