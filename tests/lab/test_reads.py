"""Reads that end before their end: nothing is ever written because something was not seen.

A fault proxy stands in front of one domain, once the source's and once a target's. It spoils the answer to the search
for SCPs (or all that the domain says), and the other domains must be served as if nothing were the matter.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from scplab import forest, message, scripted
from scplab.scripted import FaultProxy
from scplab.world import World, content

SCP_SEARCH = b"serviceConnectionPoint"  # in a search's filter


class ScpSearches:
    """Actions that apply to the answers of searches for SCPs alone."""

    def __init__(self, proxy: FaultProxy):
        self._ids: set[tuple[int, int]] = set()
        proxy.on("search-request", self._note, times=None)

    async def _note(self, exchange: scripted.Exchange) -> None:
        if SCP_SEARCH.lower() in exchange.message.body.lower():
            self._ids.add((exchange.connection.number, exchange.message.id))
        await exchange.forward()

    def only(self, action: scripted.Action) -> scripted.Action:
        async def act(exchange: scripted.Exchange) -> None:
            if (exchange.connection.number, exchange.message.id) in self._ids:
                await action(exchange)
            else:
                await exchange.forward()

        return act


@dataclass(frozen=True)
class Fault:
    name: str
    install: Callable[[FaultProxy], None]
    hangs: bool = False

    def __str__(self) -> str:
        return self.name


def answered(action: scripted.Action, keep_entries: bool = False) -> Callable[[FaultProxy], None]:
    """Spoils the end of each search for SCPs; its entries are lost too, unless they are to be kept."""

    def install(proxy: FaultProxy) -> None:
        searches = ScpSearches(proxy)
        if not keep_entries:
            proxy.on("search-entry", searches.only(scripted.swallow()), times=None)
        proxy.on("search-done", searches.only(action), times=None)

    return install


def at_entry(action: scripted.Action) -> Callable[[FaultProxy], None]:
    def install(proxy: FaultProxy) -> None:
        proxy.on("search-entry", ScpSearches(proxy).only(action), times=None)

    return install


def on(operation: str, action: scripted.Action) -> Callable[[FaultProxy], None]:
    return lambda proxy: proxy.on(operation, action, times=None) and None


REFERENCE = scripted.before(
    lambda id: message.search_reference(id, "ldap://x.example/DC=x,DC=example")
)

FAULTS = [
    *(
        Fault(f"result {code}", answered(scripted.result(code, "the lab says no")))
        for code in (1, 3, 4, 10, 11, 12, 32, 50, 51, 52, 53, 80)
    ),
    Fault("result 4 after all entries", answered(scripted.result(4), keep_entries=True)),
    Fault(
        "a referral with an address",
        answered(scripted.result(10, referrals=("ldap://x.example/DC=x",))),
    ),
    Fault("a reference to somewhere else", answered(REFERENCE)),
    Fault("no paging control", answered(scripted.strip_controls())),
    Fault("dropped at the first entry", at_entry(scripted.drop())),
    Fault("reset at the first entry", at_entry(scripted.drop(reset=True))),
    Fault("dropped at the end", answered(scripted.drop())),
    Fault(
        "garbage",
        answered(scripted.garbage(b"\x30\x84\xff\xff\xff\xff" + b"\x41" * 64)),
        hangs=True,
    ),
    Fault(
        "good-bye",
        answered(scripted.reply(lambda m: message.notice_of_disconnection())),
        hangs=True,
    ),
    Fault("hung at the first entry", at_entry(scripted.freeze()), hangs=True),
    Fault("hung at the end", answered(scripted.freeze()), hangs=True),
    Fault("hung within a message", answered(scripted.truncate(9)), hangs=True),
    Fault("hung at connect", on("connect", scripted.freeze()), hangs=True),
    Fault("hung at the bind", on("bind-request", scripted.freeze()), hangs=True),
    Fault("dropped at connect", on("connect", scripted.drop())),
    Fault("the bind refused", on("bind-response", scripted.result(49, "80090308: data 52e"))),
    Fault("connection refused", FaultProxy.refuse),
]


@pytest.fixture
def proxy(world: World):
    made: list[FaultProxy] = []

    def make(domain: str) -> FaultProxy:
        made.append(world.lab.proxy(domain))
        world.through(made[-1], domain)
        return made[-1]

    yield make
    for one in made:
        one.close()


def three_sources(world: World) -> None:
    """Two in emea, one in tree; copies of all in corp and apac. Then tree's one changes."""
    world.rule["targets"]["domains"] = ["apac.corp.test"]
    world.like_source("emea", name="kept")
    world.like_source("tree", name="other")
    world.mirror("corp", "apac")
    world.tree.modify("CN=other,CN=System", {"serviceBindingInformation": ["Port=1"]})


def impatient(world: World) -> None:
    world.forest_settings["timeouts"] = {"connect": "2s", "operation": "1s"}


def domains_of(planned) -> dict[str, bool]:
    return {one["domain"]: one["complete"] for one in planned.json["domains"]}


def check_incomplete(
    world: World, spoilt: str, expected: list[tuple[str, str, str]], hangs: bool
) -> None:
    """The run writes what is expected of other domains, says so, and exits with 4; --partial lifts that."""
    before = world.snapshot()
    done = world.sync()
    assert done.exit == 4, done
    assert done.changes == expected, done
    complete = domains_of(done)
    assert [name for name, whole in complete.items() if not whole] == [
        forest.find_domain(spoilt).dns
    ], done
    after = world.snapshot()
    assert before.not_ours().differences(after.not_ours()) == []
    assert before.gone(after) == []
    assert len(after.entries) == len(
        before.entries
    ), "nothing was created on the strength of absence"
    touched = {change["dn"] for change in done.json["changes"]}
    for difference in before.differences(after):
        assert any(dn in difference for dn in touched), difference
    if not hangs:
        partial = world.plan("--partial")
        assert partial.exit == 1 and partial.changes == [], partial


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_the_sources_domain_is_read_badly(world: World, proxy, fault: Fault, monkeypatch):
    if fault.name == "good-bye":  # libldap's own leak, known by its stack: tests/tools/lsan.supp
        options = os.environ.get("ASAN_OPTIONS", "")
        monkeypatch.setenv("ASAN_OPTIONS", f"{options}:fast_unwind_on_malloc=0".lstrip(":"))
    three_sources(world)
    if fault.hangs:
        impatient(world)
    world.emea.delete(world.source_dn)  # absent indeed: but who proves it?
    fault.install(proxy("emea"))
    check_incomplete(
        world, "emea", [("update", "source-changed", key) for key in ("apac", "corp")], fault.hangs
    )


# Hanging costs seconds: one of them does for the targets.
@pytest.mark.parametrize(
    "fault", [one for one in FAULTS if not one.hangs or one.name == "hung at the end"], ids=str
)
def test_a_target_domain_is_read_badly(world: World, proxy, fault: Fault):
    three_sources(world)
    if fault.hangs:
        impatient(world)
    fault.install(proxy("apac"))
    check_incomplete(world, "apac", [("update", "source-changed", "corp")], fault.hangs)
    assert content(world.copy("corp", "other")) == content(world.tree.get("CN=other,CN=System"))


def test_an_answer_that_lost_its_entries_on_the_way_writes_nothing_for_them(world: World, proxy):
    """Success, with nothing in it: the copies' sources are looked for one by one, and found."""
    three_sources(world)
    one = proxy("emea")
    one.on("search-entry", ScpSearches(one).only(scripted.swallow()), times=None)
    before = world.snapshot()
    done = world.sync()
    assert done.changes == [("update", "source-changed", key) for key in ("apac", "corp")], done
    after = world.snapshot()
    assert before.gone(after) == [] and len(before.entries) == len(after.entries)


def deny(world: World, domain: str, base: str) -> None:
    """Takes scpd's account the right to read a subtree; the server is started anew with that."""
    server = world.lab.server(domain)
    home = world.lab.domain(domain)
    whole, suffix = home.dn(base), f'suffix "{home.dn("")}"\n'
    world.lab.stop(domain)
    text = server.paths.conf.read_text()
    assert text.count(suffix) == 1
    before, own = text.split(suffix)
    first = "add_content_acl on\n"  # the head of the domain's own access rules
    assert first in own
    rule = f'access to dn.subtree="{whole}" by dn.exact="{forest.SVC.dn}" none by * break\n'
    server.paths.conf.write_text(before + suffix + own.replace(first, first + rule, 1))
    world.lab.start(domain)


@pytest.mark.parametrize(
    "base",
    ["", "CN=System", "CN=Quest Software,CN=System"],
    ids=["the whole domain", "CN=System", "the product's container"],
)
@pytest.mark.parametrize("domain", ["emea", "apac"])
def test_a_read_right_is_lost(fresh_lab, scpctl, domain: str, base: str):
    """Success with nothing in it, for good: no copy is made or taken away for what cannot be seen."""
    world = World(fresh_lab, scpctl)
    three_sources(world)
    deny(world, domain, base)
    before = world.snapshot()
    done = world.sync("--partial")
    spoilt = base != "CN=Quest Software,CN=System"
    expected = [
        ("update", "source-changed", key)
        for key in ("apac", "corp")
        if not (spoilt and key == domain)
    ]
    assert done.changes == expected, done
    after = world.snapshot()
    assert before.gone(after) == [] and len(before.entries) == len(after.entries)
    assert before.not_ours().differences(after.not_ours()) == []


def test_more_entries_than_a_page_are_all_read(world: World):
    """A first page of a thousand would hide the rest from who does not page."""
    world.settings["limits"] = {"changes": 2000}
    for number in range(1100):
        world.emea.add_scp(f"n{number:05}", [forest.PRODUCT_KEYWORD, "QmmEx"], ["Port=1"])
    planned = world.plan()
    assert len(planned.changes) == 1101 and planned.exit == 1, planned.exit
    assert all(one["complete"] for one in planned.json["domains"])


def test_a_domain_down_at_discovery_stops_no_other(world: World):
    three_sources(world)
    world.stop("emea")
    done = world.sync()
    assert done.exit == 4, done
    assert done.changes == [("update", "source-changed", key) for key in ("apac", "corp")], done
    world.start("emea")
    again = world.plan()
    assert (again.exit, again.changes) == (0, []), again


def test_the_answer_to_a_write_is_lost(world: World, proxy):
    """It was done all the same: the next run finds it so, and makes no second."""
    one = proxy("corp")
    one.on("add-response", scripted.drop())
    done = world.sync()
    assert done.exit in (0, 4, 5), done
    assert content(world.copy()) == content(world.source())
    again = world.sync()
    assert (again.exit, again.changes, again.in_sync) == (0, [], 1), again
    assert len(world.corp.copies()) == 1


@pytest.mark.parametrize(
    "code, exits", [(50, {3, 5}), (51, {5}), (68, {0, 3, 5}), (19, {3, 5}), (53, {3, 5})]
)
def test_a_write_is_refused(world: World, proxy, code: int, exits: set[int]):
    three_sources(world)
    one = proxy("corp")
    one.on("modify-response", scripted.result(code, "the lab says no"), times=None)
    one.on(
        "modify-request",
        scripted.reply(
            lambda m: message.response(m.id, "modify-response", code, "the lab says no")
        ),
        times=None,
    )
    done = world.sync()
    assert done.exit in exits | {3, 5}, done
    assert content(world.copy("apac", "other")) == content(world.tree.get("CN=other,CN=System"))
    results = {key: one["result"] for one in done.json["changes"] for key in [one["domain"]]}
    assert results["apac.corp.test"] == "done", done
    assert results.get("corp.test", "failed") != "done", done
