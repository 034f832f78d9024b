"""SCPs at the edges of what a directory takes: odd names, no values, very many, very long, alike but for letter case."""

from __future__ import annotations

import pytest

from scplab import forest
from scplab.world import World, content

KEYWORDS = [forest.PRODUCT_KEYWORD, "QmmEx"]

NAMES = {
    "every special character": 'a,b+c"d\\e<f>g;h=i#j/k*l(m)n&o|p!q~r',
    "a leading number sign": "#leading",
    "leading and trailing spaces": " both ",
    "only spaces within": "a  b",
    "filter characters": "*)(objectClass=*",
    "64 characters": "x" * 64,
    "64 characters of two bytes": "\u00e9" * 64,
    "64 characters of three bytes": "\u4e16" * 64,
    "characters beyond the first plane": "\U0001f512 lock",
    "upper and lower case": "MiXeD CaSe \u0130\u0131\u00df",
    "like a conflict object": "x CNF:11111111-2222-3333-4444-555555555555",
    "like a DN": "CN=x,DC=corp,DC=test",
    "a percent sign": "%s%n%00",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_name(world: World, name: str):
    """Created, found again, followed, repaired; and a second run does nothing."""
    source = world.like_source("emea", name=name)

    def copy():
        found = [one for one in world.corp.copies() if one["cn"] == [name]]
        assert len(found) == 1, [one.dn for one in world.corp.copies()]
        return found[0]

    assert world.sync().exit == 0
    assert content(copy()) == content(world.emea.get(source))
    assert world.plan().exit == 0
    world.emea.modify(source, {"serviceBindingInformation": ["Port=1"]})
    world.corp.modify(copy().dn, {"vendor": "edited"})
    done = world.sync()
    assert done.exit == 0 and len(done.changes) == 1, done
    assert content(copy()) == content(world.emea.get(source))
    assert world.plan().exit == 0
    assert world.run("show", copy().dn).returncode == 0
    assert world.run("show", source).returncode == 0


@pytest.mark.parametrize("first", NAMES.values(), ids=NAMES)
def test_a_name_becomes_another(world: World, first: str):
    source = world.like_source("emea", name=first)
    assert world.sync().exit == 0
    world.emea.rename(source, "CN=plain")
    done = world.sync()
    assert done.exit == 0 and done.changes == [("rename", "renamed", "corp")], done
    assert world.copy(name="plain") and len(world.corp.copies()) == 2
    assert world.plan().exit == 0


def test_names_that_differ_in_case_alone_are_one_identity(world: World):
    world.like_source("emea", name="Same")
    world.like_source("apac", name="sAME")
    done = world.sync()
    assert done.exit == 0 and len(done.changes) == 2, done
    assert len(world.corp.copies()) == 2
    assert world.plan().exit == 0


def test_without_keywords_it_is_no_source_and_in_nobodys_way(world: World):
    world.emea.add_scp("bare")
    world.corp.add_scp("bare")
    world.emea.add_scp("no-keywords", bindings=["Port=1"])
    done = world.sync()
    assert done.exit == 0 and len(done.changes) == 1, done


def test_without_bindings_it_is_mirrored_as_it_is(world: World):
    world.emea.add_scp("bare", KEYWORDS)
    assert world.sync().exit == 0
    copy = world.copy(name="bare")
    assert copy["keywords"] == KEYWORDS and "serviceBindingInformation" not in copy
    assert world.plan().exit == 0
    world.emea.modify("CN=bare,CN=System", {"serviceBindingInformation": ["Port=1"]})
    assert world.sync().exit == 0
    assert world.copy(name="bare")["serviceBindingInformation"] == ["Port=1"]


BIG = {
    "1,200 bindings": [f"tcp://host{number}.example:{number}" for number in range(1200)],
    "a binding of 1 MB": ["x" * 1_000_000],
    "1,200 keywords": None,
    "a binding of every byte that is a character": ["".join(map(chr, range(1, 0x300)))],
    "an odd length at a limit": ["y" * 65535, "z" * 65536],
}


@pytest.mark.parametrize("bindings", BIG.values(), ids=BIG)
def test_many_and_long_values(world: World, bindings: list[str] | None):
    keywords = KEYWORDS if bindings else KEYWORDS + [f"keyword {number}" for number in range(1198)]
    source = world.emea.add_scp("big", keywords, bindings or ["Port=1"])
    done = world.sync()
    assert done.exit == 0, done.held
    assert content(world.copy(name="big")) == content(world.emea.get(source))
    assert world.plan().exit == 0
    for verb in (
        ["show", source],
        ["list"],
        ["diff"],
        ["plan"],
        ["-o", "json", "show", source],
        ["-o", "ldif", "show", source],
    ):
        assert world.run(*verb).returncode == 0, verb

    world.emea.modify(source, add={"serviceBindingInformation": "one more"})
    done = world.sync()
    assert done.exit == 0 and done.changes == [("update", "source-changed", "corp")], done.held
    assert content(world.copy(name="big")) == content(world.emea.get(source))
    world.emea.modify(source, {"serviceBindingInformation": ["Port=1"]})
    assert world.sync().exit == 0
    assert world.copy(name="big")["serviceBindingInformation"] == ["Port=1"]


@pytest.mark.parametrize(
    "before, after",
    [
        (["https://Host"], ["https://host"]),
        (["A", "b", "C"], ["a", "b", "c"]),
        (["stra\u00dfe"], ["STRASSE"]),
        (["\u00c9"], ["\u00e9"]),
        (["a  b"], ["a b"]),
        ([" a"], ["a"]),
        (["a"], ["a", "b"]),
    ],
    ids=str,
)
def test_values_that_a_directory_takes_for_equal_are_still_followed(
    world: World, before: list[str], after: list[str]
):
    source = world.emea.add_scp("alike", KEYWORDS, before)
    assert world.sync().exit == 0
    assert sorted(world.copy(name="alike")["serviceBindingInformation"]) == sorted(before)
    world.emea.modify(source, {"serviceBindingInformation": after})
    expected = sorted(world.emea.get(source)["serviceBindingInformation"])
    done = world.sync()
    assert done.exit == 0 and done.changes == [("update", "source-changed", "corp")], done
    assert sorted(world.copy(name="alike")["serviceBindingInformation"]) == expected
    assert world.plan().exit == 0


@pytest.mark.parametrize(
    "keyword",
    [
        "a*b",
        "(x)",
        "back\\slash",
        "*",
        "\u00e9\u4e16",
        "sp  ace",
        " lead",
        "trail ",
        "a" * 256,
        "&|!=~<>",
        "\\2a",
        "nul-like \\00",
    ],
    ids=ascii,
)
def test_keywords_that_a_filter_must_escape(world: World, keyword: str):
    """Only what has the very keyword is matched."""
    world.emea.add_scp("right", [keyword], ["Port=1"])
    world.emea.add_scp("wrong", ["anything else"], ["Port=2"])
    world.rule["match"] = {"keywords": [keyword]}
    done = world.sync()
    assert done.exit == 0 and done.changes == [("create", "missing", "corp")], done
    assert [copy["cn"] for copy in world.corp.copies()] == [["right"]]
    assert world.plan().exit == 0
