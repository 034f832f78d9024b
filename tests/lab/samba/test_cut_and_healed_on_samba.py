"""Replication between two domain controllers is cut and healed, with changes on both sides, and a daemon at each: what a
person and the daemons did meanwhile becomes one state, nothing is there twice, and nobody writes for ever.

Both daemons reach both DCs: only the DCs do not reach each other. What two DCs do otherwise is in test_two_dcs_on_samba.py.
"""

import contextlib
import time

import ldap
import pytest

from moments import history
from objects import until
from scene import NAME
from story import BINDING, DC1, DC2, SCP, Downwards

CALM = 2.0  # seconds; several cycles of both daemons


@pytest.fixture
def sites(story):
    one = Downwards(story)
    story.settings = {"daemon": {"poll": "200ms", "resync": "500ms"}}
    yield one
    for dc in ("dc1", "dc2"):
        story.samba.rejoin(dc)
    story.end_watches()
    one.clean()
    with contextlib.suppress(ldap.NO_SUCH_OBJECT):
        story.samba.connect_admin("em1").delete_s(story.source.replace(NAME, "fresh"))


def writes(story) -> dict[str, tuple[str, str, str]]:
    """(op, name, result) of all that both daemons wrote, or tried to, by ID."""
    lines = history(story.work / "history")
    begun = {line["id"]: (line["op"], line["dn"].split(",")[0].removeprefix("CN=")) for line in lines if "op" in line}
    return {line["id"]: (*begun[line["id"]], line["result"]) for line in lines if "result" in line}


class Since:
    """What is written from one quiet moment to the next."""

    def __init__(self, story):
        self.story, self.seen = story, set()

    def quiet(self) -> list[tuple[str, str, str]]:
        deadline = time.monotonic() + 60
        last, since = writes(self.story), time.monotonic()
        while time.monotonic() - since < CALM:
            time.sleep(0.05)
            if (now := writes(self.story)) != last:
                last, since = now, time.monotonic()
            assert time.monotonic() < deadline, f"they never stop writing: {last}"
        new = [last[one] for one in last if one not in self.seen]
        self.seen |= set(last)
        return new


def another_second() -> None:
    """Of two changes the later one wins, and DCs count seconds."""
    then = int(time.time())
    until(lambda: int(time.time()) > then, "another second")


def test_changes_on_both_sides_become_one_state(sites, story):
    samba = sites.samba
    sites.publish("both", b"Server=0", "dc1")
    until(lambda: sites.sources("dc2"), "it at dc2")
    for order in ([DC1, DC2], [DC2, DC1]):
        story.servers["servers"] = order
        story.watch(story.config(f"at-{len(story.watches) + 1}.yaml"))
    (_, at_1), (_, at_2) = story.watches
    until(lambda: story.agent_finds("dc2") and sites.copies() == {"both": [b"Server=0"]}, "the copies")
    since = Since(story)
    since.quiet()

    for dc in ("dc1", "dc2"):
        samba.isolate(dc)
    one, two = samba.connect_admin("dc1"), samba.connect_admin("dc2")
    # A source that is made at both DCs under one name.
    sites.publish("twin", b"Twin=1", "dc1")
    until(lambda: "twin" in sites.copies(), "the copy of dc1's twin")
    said = story.says(at_2, f"held: CN=twin,{sites.container} (source-not-seen, rule down, ")
    assert f"{DC2} has no object " in said
    assert f", and {DC1} has it: replication lags behind, or an old state was put back" in said
    sites.publish("twin", b"Twin=2", "dc2")
    # A source that is renewed at both.
    sites.renew("both", b"Server=1", "dc1")
    another_second()
    sites.renew("both", b"Server=2", "dc2")
    # A copy that is edited at one, while its source is renewed.
    two.modify_s(story.copy_dn, [(2, BINDING, [b"by=hand"])])
    story.publish("Server=new")
    # A copy that is made at one, and then somebody makes something of its name at the other.
    fresh = f"CN=fresh,{samba.container}"
    samba.connect_admin("em1").add_s(story.source.replace(NAME, "fresh"), SCP + [("keywords", b"QmmEx"), (BINDING, b"new")])
    until(lambda: fresh in story.copies("dc1"), "the copy at dc1")
    another_second()
    two.add_s(fresh, SCP + [(BINDING, b"a person's")])

    until(lambda: sites.copies()["both"] == [b"Server=2"], "the writes on both sides")
    for dc in ("dc1", "dc2"):
        until(lambda: story.agent_finds(dc) == [(story.copy_dn, {b"Server=new"})], f"the copy at {dc}")
    story.says(at_1, "held: update CN=both,")
    assert "(source-older, rule down, " in story.says(at_1, "the source was read in version ")
    story.says(at_2, f"held: create {fresh} (name-collision, rule mage, ")
    cut = since.quiet()
    assert len([one for one in cut if one[2] == "done"]) <= 7, cut
    assert not [one for one in cut if one[0] == "delete"], cut

    # While only one of the DCs knows of the conflict, each daemon would take the other's twin for gone, and the copy would
    # be parked as one that two fight for (test_fights.py): the daemon at dc1 comes back when both know.
    story.end_watch(0)
    for dc in ("dc1", "dc2"):
        samba.rejoin(dc)
    until(lambda: all("CNF:" in str(seen("dc1")) and seen("dc1") == seen("dc2") for seen in (sites.sources, story.copies)),
          "the same at both, with two conflict objects", 60)
    healed = since.quiet()
    assert healed == [("update", "twin", "done")]
    story.servers["servers"] = [DC1, DC2]
    story.says(story.watch(story.config("at-1.yaml")), "replication conflict object")
    assert since.quiet() == []
    sources = sites.sources("dc1")
    conflict, = (name for name in sources if "CNF:" in name)
    assert sites.copies() == {name: value for name, value in sources.items() if name != conflict}
    assert sources["both"] == [b"Server=2"] and sorted(map(sorted, sources.values())) == [[b"Server=2"], [b"Twin=1"], [b"Twin=2"]]
    assert story.agent_finds("dc1") == story.agent_finds("dc2") == [(story.copy_dn, {b"Server=new"})]

    # The conflict objects are told, and left to a person: one is a source that is none, one is our copy.
    held = {one["dn"]: one for one in story.run("plan", exit=1)["held"]}
    twin = sites.source(conflict)
    assert {dn: one["reason"] for dn, one in held.items()} == {fresh: "name-collision", twin: "name-collision"}
    assert held[twin]["detail"] == "a replication conflict object (CNF): never a source"
    assert (held[fresh]["op"], held[fresh]["detail"]) == ("rename", "the name is taken by another object")
    assert "CNF:" in held[fresh]["attributes"]["CN"]["remove"][0]
    one.delete_s(fresh)
    until(lambda: set(story.copies("dc1")) == set(story.copies("dc2")) == {story.copy_dn, fresh}, "the copy's own name", 60)
    assert [op for op, *_ in since.quiet()] in (["rename"], ["rename", "rename"])  # at each DC, at most
