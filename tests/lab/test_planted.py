"""SCPs that an attacker planted: any computer account may create them below itself, some containers are delegated.

None is ever mirrored, none makes a good copy go away or stale, none is ever written to, whatever marker it carries.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from scplab import forest
from scplab.snapshot import Snapshot
from scplab.world import Marker, World, content

PLACES = {
    "below a computer": "CN=AGENT1,CN=Computers",
    "below a domain controller": "CN=DC1,OU=Domain Controllers",
    "below CN=Policies": "CN=Policies,CN=System",
    "below CN=MicrosoftDNS": "CN=MicrosoftDNS,CN=System",
    "in an organizational unit": "OU=Servers",
    "at the head of the domain": "",
}
EVIL = ["SqlServer=evil.example", "Port=666"]


def forged(world: World, **fields: str) -> str:
    """A marker as scpd would write it, naming the real source, but for some fields."""
    return str(Marker.of(world.copy()).but(**fields))


@dataclass(frozen=True)
class Mark:
    name: str
    make: Callable[[World], dict]  # attributes

    def __str__(self) -> str:
        return self.name


MARKS = [
    Mark("no marker", lambda w: {}),
    Mark("our marker", lambda w: {"msDS_Settings": forged(w)}),
    Mark("another instance's marker", lambda w: {"msDS_Settings": forged(w, i="another")}),
    Mark(
        "a marker of no source",
        lambda w: {"msDS_Settings": forged(w, s="0" * 8 + "-0000" * 3 + "-" + "0" * 12)},
    ),
    Mark("a malformed marker", lambda w: {"msDS_Settings": "scpd1;i=lab;r=mage"}),
    Mark("two markers", lambda w: {"msDS_Settings": [forged(w), forged(w, i="another")]}),
]


def unharmed(world: World, before: Snapshot) -> None:
    """The good copy is what its source is, and nothing that is not ours was touched."""
    assert content(world.copy()) == content(world.source())
    after = world.snapshot()
    assert before.not_ours().differences(after.not_ours()) == []
    assert before.gone(after) == []
    assert not [
        key
        for key, values in after.entries.items()
        if EVIL[0].encode() in values.get("servicebindinginformation", [])
        and key not in before.entries
    ]


@pytest.mark.parametrize("domain", ["emea", "apac", "corp"])
@pytest.mark.parametrize("mark", MARKS, ids=str)
def test_planted_beside_a_good_copy(world: World, domain: str, mark: Mark):
    """In every untrusted place of the source's domain, of the target's and of a third at once."""
    world.mirror()
    for place in PLACES.values():
        world.like_source(domain, place, serviceBindingInformation=EVIL, **mark.make(world))
    before = world.snapshot()

    done = world.sync()
    assert done.changes == [], done
    unharmed(world, before)
    planted = {
        dn.lower()
        for dn in (
            entry.dn
            for entry in world.lab.domain(domain).search(f"(serviceBindingInformation={EVIL[0]})")
        )
    }
    assert len(planted) == len(PLACES)
    told = {one["dn"].lower() for one in done.json["held"]}
    assert planted & told, f"the planted ones are told of: {done}"

    # The source goes on being followed.
    world.emea.modify(world.source_dn, {"serviceBindingInformation": ["Port=1444"]})
    before = world.snapshot()
    followed = world.sync()
    assert followed.changes == [("update", "source-changed", "corp")], followed
    unharmed(world, before)


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_planted_where_there_is_no_source(world: World, place: str):
    """Also not when it is all that there is."""
    world.like_source("emea", place, serviceBindingInformation=EVIL)
    world.emea.delete(world.source_dn)
    before = world.snapshot()
    done = world.sync()
    assert done.changes == [] and done.held == [("untrusted-place", "emea")], done
    assert before.differences(world.snapshot()) == []


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_planted_in_the_target_domain_it_serves_nobody(world: World, place: str):
    """It is no native that would make a copy needless; and what is not understood is not overwritten."""
    world.like_source("corp", place, serviceBindingInformation=EVIL)
    before = world.snapshot()
    done = world.sync()
    assert done.changes == [] and ("untrusted-native", "corp") in done.held, done
    assert before.differences(world.snapshot()) == []


def test_planted_with_a_real_sources_guid_is_not_paired_with_it(world: World):
    """Markers are what anyone can write: one in the wrong place is neither a copy nor in a copy's way."""
    world.mirror()
    marker = forged(world)
    world.corp.delete(world.copy_rdn)
    planted = world.like_source(
        "corp", PLACES["below a computer"], serviceBindingInformation=EVIL, msDS_Settings=marker
    )
    before = world.snapshot()
    done = world.sync()
    assert done.changes == [("create", "missing", "corp")], done
    assert done.held == [("suspect-marker", "corp")], done
    unharmed(world, before)
    assert world.corp.get(planted)["serviceBindingInformation"] == EVIL


def test_a_forged_copy_in_the_copies_container_never_becomes_a_source(world: World):
    """Where servers have no owners, what is marked in our place counts as ours: it is repaired, not spread."""
    world.rule["targets"]["domains"] = ["apac.corp.test"]
    world.mirror("corp", "apac")
    for key in ("corp", "apac"):
        world.lab.domain(key).modify(world.copy_rdn, {"serviceBindingInformation": EVIL})
    done = world.sync()
    assert done.changes == [("update", "edited-by-hand", key) for key in ("apac", "corp")], done
    assert world.source()["serviceBindingInformation"] != EVIL
    for key in ("corp", "apac"):
        assert content(world.copy(key)) == content(world.source())


def test_an_unmarked_twin_in_the_copies_container_is_not_overwritten(world: World):
    """It lies where a copy would: somebody made it by hand, and its content decides."""
    dn = world.like_source("corp", forest.COPY_CONTAINER, serviceBindingInformation=EVIL)
    before = world.snapshot()
    done = world.sync()
    assert done.changes == [] and done.held == [("native-differs", "corp")], done
    assert before.differences(world.snapshot()) == []
    assert world.corp.get(dn)["serviceBindingInformation"] == EVIL


def test_another_project_cannot_take_a_copys_name(world: World):
    """A planted source of the same cn, but other keywords, in a trusted place: neither is written over the other."""
    world.mirror()
    world.like_source(
        "apac", keywords=[forest.PRODUCT_KEYWORD, "QmmEx", "mine"], serviceBindingInformation=EVIL
    )
    before = world.snapshot()
    done = world.sync()
    assert done.changes == [] and done.held == [("name-collision", "corp")], done
    unharmed(world, before)
