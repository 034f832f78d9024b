"""Every row of the decision table (DESIGN.md), as scpctl carries it out against real servers.

Each case starts from the lab's first state: the product's SCP in emea, its agent's account in corp. Around each one the
promises hold: what is not ours is byte for byte as before (1), nothing is gone (2), and a second run plans nothing (3).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from scplab.process import wait_until
from scplab.snapshot import Snapshot
from scplab.world import MARKER, Marker, Planned, World, content

CREATE = ("create", "missing", "corp")
SERVERS = "OU=Servers"  # not below CN=System: no trusted place


@dataclass
class Case:
    name: str
    setup: Callable[[World], object]
    changes: list[tuple[str, str, str]] = field(default_factory=list)
    held: list[tuple[str, str]] = field(default_factory=list)
    in_sync: int | None = None
    after: Callable[[World], bool] | None = None
    incomplete: bool = False  # a domain that the rule needs is not read: exit 4, and 0 or 3 with --partial

    def __str__(self) -> str:
        return self.name


# ---- what is so afterwards


def follows(world: World) -> bool:
    """corp's copy is what its source is."""
    return content(world.copy()) == content(world.source())


def no_copy(world: World) -> bool:
    return world.corp.copies() == []


# ---- setups


def bindings(world: World, *values: str) -> None:
    world.emea.modify(world.source_dn, {"serviceBindingInformation": list(values)})


def mirrored(*steps: Callable[[World], object]) -> Callable[[World], None]:
    """First a sync that creates the copy in corp, then the steps."""
    def run(world: World) -> None:
        world.mirror()
        for step in steps:
            step(world)
    return run


def changed(world: World) -> None:
    bindings(world, "SqlServer=elsewhere", "Port=1434")


def targets(*domains: str) -> Callable[[World], None]:
    def run(world: World) -> None:
        world.rule["targets"]["domains"] = list(domains)
    return run


def accounts(*names: str) -> Callable[[World], None]:
    def run(world: World) -> None:
        world.rule["accounts"] = list(names)
    return run


def setting(key: str, value) -> Callable[[World], None]:
    def run(world: World) -> None:
        world.rule[key] = value
    return run


def keywords(*values: str) -> Callable[[World], None]:
    return setting("match", {"keywords": list(values)})


def mark(**fields: str) -> Callable[[World], None]:
    """Changes fields of the copy's marker."""
    def run(world: World) -> None:
        copy = world.copy()
        world.corp.modify(copy.dn, {MARKER: str(Marker.of(copy).but(**fields))})
    return run


def twin(name: str) -> Callable[[World], str]:
    """A second copy of ours, of the same source."""
    def run(world: World) -> str:
        return world.like_source("corp", "CN=scpd,CN=System", name,
                                 msDS_Settings=str(Marker.of(world.copy())))
    return run


def beside(domain: str, container: str = "CN=System", **different) -> Callable[[World], object]:
    """Another SCP of the source's identity."""
    return lambda world: world.like_source(domain, container, **different)


def move_source(container: str) -> Callable[[World], None]:
    def run(world: World) -> None:
        world.emea.rename(world.source_dn, f"CN={world.name}", container)
    return run


def stop(domain: str) -> Callable[[World], None]:
    return lambda world: world.stop(domain)


def no_catalog(world: World) -> None:
    world.forest_settings["global_catalog"] = "off"


def catalog_shows(number: int, domain: str) -> Callable[[World], None]:
    """Waits until the global catalog has so many SCPs of the source's name in a domain: it lags."""
    def run(world: World) -> None:
        nc = world.lab.server(domain).domain.nc
        catalog = world.lab.domain("gc")
        wait_until(lambda: len(catalog.search(f"(cn={world.name})", nc)) == number, 30,
                   f"{number} SCPs of {domain} at the global catalog")
    return run


def delete_source(world: World) -> None:
    world.emea.delete(world.source_dn)


def delete_copy(world: World) -> None:
    world.corp.delete(world.copy_rdn)


def steps(*each: Callable[[World], object]) -> Callable[[World], None]:
    def run(world: World) -> None:
        for step in each:
            step(world)
    return run


def twins_without_the_first(world: World) -> None:
    for name in ("one", "two"):
        twin(name)(world)
    delete_copy(world)


def one_of_the_twins_remains_renamed(world: World) -> bool:
    names = {copy.one("cn") for copy in world.corp.copies()}
    return follows(world) and len(names) == 2 and len(names & {"one", "two"}) == 1


def edit_keywords(world: World) -> None:
    """By hand, so that no search by keywords finds the copy any more."""
    world.corp.modify(world.copy_rdn, {"keywords": "edited", "serviceBindingInformation": "edited"})


def other_setting_stays(world: World) -> bool:
    return follows(world) and "Key=Value" in world.copy()[MARKER]


def second_source(world: World) -> None:
    """Another project of the same name, which the rule matches too."""
    world.like_source("apac", keywords=["77F6F69F-AD86-437c-B47E-9A2F161E7E61", "QmmEx", "another"])


def new_name(world: World) -> None:
    world.emea.rename(world.source_dn, "CN=renamed")


def followed_by_name(world: World) -> bool:
    source = world.emea.search("(cn=renamed)")[0]
    return world.copy() is None and content(world.copy(name="renamed")) == content(source)


def moved_within(world: World) -> None:
    world.corp.add_container("CN=sub,CN=scpd,CN=System")
    world.corp.rename(world.copy_rdn, f"CN={world.name}", "CN=sub,CN=scpd,CN=System")


def instance(name: str) -> Callable[[World], None]:
    def run(world: World) -> None:
        world.settings["instance"] = name
    return run


def source_gets_a_marker(world: World) -> None:
    marker = Marker.of(world.copy()).but(i="another")
    world.emea.modify(world.source_dn, add={MARKER: str(marker)})


def limit_of_one(world: World) -> None:
    targets("apac.corp.test")(world)
    world.settings["limits"] = {"changes": 1}


def as_administrators(world: World) -> None:
    """With the rights of the domain's administrator in corp."""
    world.forest_settings["domains"]["corp.test"] = {"auth": {
        "mechanism": "simple", "bind_dn": world.lab.server("corp").domain.administrator,
        "password_file": str(world.lab.password_file("svc"))}}


def container(name: str, create: bool = False) -> Callable[[World], None]:
    def run(world: World) -> None:
        world.rule["targets"] |= {"container": name, "create_containers": create}
    return run


def containers_made(world: World) -> bool:
    made = world.corp.get(f"CN={world.name},CN=b,CN=a,CN=System")
    return content(made) == content(world.source())


AGENT_APAC = "svc-mage-apac@apac.corp.test"
NOBODY = "CORP\\nobody-of-that-name"
ONLY_EMEA = {"domains": ["emea.corp.test"]}
FEWER = ["serviceBindingInformation", "serviceClassName"]

CASES = [
    Case("1 target incomplete, the others go on",
         steps(setting("trust", ONLY_EMEA), targets("apac.corp.test"),
               lambda w: w.mirror("corp", "apac"), stop("apac"), changed),
         [("update", "source-changed", "corp")], [("domain-incomplete", "apac")],
         after=follows, incomplete=True),
    Case("2 the copy's rule is gone", mirrored(setting("name", "other"), keywords("else")),
         held=[("rule-gone", "corp")]),
    Case("2 the rule's filter was changed", mirrored(keywords("else")),
         held=[("filter-changed", "corp")]),
    Case("2 the rule's name glob was changed",
         mirrored(setting("match", {"keywords": ["QmmEx"], "name": "x*"})),
         held=[("filter-changed", "corp")]),
    Case("2 the rule was only renamed", mirrored(setting("name", "other")), in_sync=1),
    Case("3 parked", mirrored(mark(parked="2026-01-01T00:00:00Z"), changed),
         held=[("parked", "corp")]),
    Case("4 no target, an account unresolved", mirrored(accounts(NOBODY)),
         held=[("account-unresolved", ""), ("account-unresolved", "corp")]),
    Case("4 an account unresolved stops no other's copy", accounts(NOBODY, "CORP\\svc-mage"),
         [CREATE], [("account-unresolved", "")], after=follows),
    Case("5 no target any more", mirrored(accounts(AGENT_APAC)),
         [("create", "missing", "apac")], [("not-a-target", "corp")]),
    Case("6 two copies", mirrored(twin("twin"), changed),
         [("update", "source-changed", "corp")], [("duplicate", "corp")], after=follows),
    Case("6 a conflict object of ours", mirrored(
        twin("90e49231-3838\nCNF:11111111-2222-3333-4444-555555555555")),
         held=[("duplicate", "corp")], in_sync=1),
    Case("6 two copies, none at its place", mirrored(twins_without_the_first),
         [("rename", "renamed", "corp")], [("duplicate", "corp")],
         after=one_of_the_twins_remains_renamed),
    Case("7 an untrusted native", beside("corp", SERVERS),
         held=[("untrusted-native", "corp"), ("untrusted-place", "corp")], after=no_copy),
    Case("7 an untrusted native beside our copy", mirrored(beside("corp", SERVERS), changed),
         [("update", "source-changed", "corp")],
         [("untrusted-native", "corp"), ("untrusted-place", "corp")], after=follows),
    Case("8 a native that serves", beside("corp"), in_sync=1, after=no_copy),
    Case("8 a native that serves, beside our copy", mirrored(beside("corp")),
         held=[("duplicate", "corp")]),
    Case("8 a native that serves, keywords in another order and case",
         lambda w: w.like_source("corp", keywords=[k for k in reversed(w.source()["keywords"])]),
         in_sync=1, after=no_copy),
    Case("9 a native that differs", beside("corp", serviceBindingInformation=["Port=1"]),
         held=[("native-differs", "corp")], after=no_copy),
    Case("9 a native that differs, beside our copy",
         mirrored(beside("corp", serviceBindingInformation=["Port=1"]), changed),
         held=[("native-differs", "corp")]),
    Case("10 a foreign copy that serves", mirrored(mark(i="another")), in_sync=1),
    Case("10 a foreign copy that differs", mirrored(mark(i="another"), changed),
         held=[("foreign-owner", "corp")]),
    Case("11 source deleted", mirrored(delete_source), held=[("source-deleted", "corp")]),
    Case("11 source's keywords no longer match", mirrored(
        lambda w: w.emea.modify(w.source_dn, {"keywords": ["else"]})),
         held=[("source-unmatched", "corp")]),
    Case("11 source moved to where it is not trusted", mirrored(move_source(SERVERS)),
         held=[("source-untrusted", "corp"), ("untrusted-place", "emea")]),
    Case("11 source moved to an excluded container",
         mirrored(move_source("CN=Policies,CN=System")),
         held=[("source-untrusted", "corp"), ("untrusted-place", "emea")]),
    Case("11 source's domain incomplete", mirrored(delete_source, stop("emea")),
         held=[("source-not-seen", "corp")], incomplete=True),
    Case("12 sources disagree, no copy yet",
         beside("apac", serviceBindingInformation=["Port=1"]),
         held=[("sources-disagree", "corp")], after=no_copy),
    Case("12 sources disagree, the copy is frozen",
         mirrored(beside("apac", serviceBindingInformation=["Port=1"]), changed),
         held=[("sources-disagree", "corp")]),
    Case("12 sources disagree, one domain preferred",
         steps(setting("on_conflict", {"prefer": ["emea.corp.test"]}),
               beside("apac", serviceBindingInformation=["Port=1"])), [CREATE], after=follows),
    Case("12 sources agree", beside("apac"), [CREATE], after=follows),
    Case("12 the preferred domain is incomplete",
         steps(setting("on_conflict", {"prefer": ["tree.test"]}),
               mirrored(beside("apac", serviceBindingInformation=["Port=1"]), stop("tree"))),
         held=[("sources-disagree", "corp")], incomplete=True),
    Case("13 source replaced by another domain's",
         mirrored(beside("apac"), delete_source), [("update", "source-replaced", "corp")],
         after=lambda w: Marker.of(w.copy())["o"] == "apac.corp.test"),
    Case("13 source replaced, with other bindings",
         mirrored(beside("emea", "CN=System", serviceBindingInformation=["Port=1"]), delete_source),
         [("update", "source-replaced", "corp")],
         after=lambda w: w.copy()["serviceBindingInformation"] == ["Port=1"]),
    Case("14 source lost its bindings", mirrored(bindings), held=[("source-empty", "corp")]),
    Case("14 source never had bindings", bindings, [CREATE], after=follows),
    Case("15 source older than what was copied",
         mirrored(mark(v="c:20991231000000.000000z#000000#002#000000"), changed),
         held=[("source-older", "corp")]),
    Case("16 the name is taken by a container",
         lambda w: w.corp.add_container(w.copy_rdn), held=[("name-collision", "corp")]),
    Case("16 the name is taken by another SCP",
         lambda w: w.corp.add_scp(w.name, "else", "else", "CN=scpd,CN=System"),
         held=[("name-collision", "corp")]),
    Case("16 two sources want the name", second_source,
         held=[("name-collision", "corp")] * 2, after=no_copy),
    Case("16a a copy moved out of its place",
         mirrored(lambda w: w.corp.rename(w.copy_rdn, f"CN={w.name}", SERVERS)),
         [CREATE], [("suspect-marker", "corp")], after=follows),
    Case("17 no copy", lambda w: None, [CREATE], after=follows),
    Case("17 no copy, a source domain incomplete, a global catalog shows none there",
         steps(catalog_shows(0, "apac"), stop("apac")),
         [CREATE], after=follows, incomplete=True),
    Case("17 no copy, a source domain incomplete, a global catalog shows one there",
         steps(beside("apac"), catalog_shows(1, "apac"), stop("apac")),
         held=[("domain-incomplete", "apac")], after=no_copy, incomplete=True),
    Case("17 no copy, a source domain incomplete, the global catalog is down",
         steps(stop("apac"), stop("gc")),
         held=[("domain-incomplete", "apac")], after=no_copy, incomplete=True),
    Case("17 no copy, a source domain incomplete, no global catalog", steps(no_catalog, stop("apac")),
         held=[("domain-incomplete", "apac")], after=no_copy, incomplete=True),
    Case("17 no copy, what only a global catalog shows is no source", stop("emea"),
         after=no_copy, incomplete=True),
    Case("17 no copy, a domain incomplete that is not trusted",
         steps(setting("trust", ONLY_EMEA), stop("apac")), [CREATE], after=follows),
    Case("17 no copy in several domains", targets("apac.corp.test", "tree.test"),
         [("create", "missing", domain) for domain in ("apac", "corp", "tree")], after=follows),
    Case("17 no container", container("CN=nothere,CN=System"), held=[("parent-missing", "corp")]),
    Case("17 containers created", steps(as_administrators, container("CN=b,CN=a,CN=System", True)),
         [CREATE] + [("create-container", "missing", "corp")] * 2, after=containers_made),
    Case("18 source renamed", mirrored(new_name), [("rename", "renamed", "corp")],
         after=followed_by_name),
    Case("18 source renamed and changed", mirrored(changed, new_name),
         [("rename", "renamed", "corp")], after=followed_by_name),
    Case("19 source changed", mirrored(changed), [("update", "source-changed", "corp")],
         after=follows),
    Case("19 source changed in letter case alone", steps(
        lambda w: bindings(w, "https://Host"), mirrored(lambda w: bindings(w, "https://host"))),
         [("update", "source-changed", "corp")], after=follows),
    Case("19 source's keywords changed",
         mirrored(lambda w: w.emea.modify(w.source_dn, add={"keywords": "one more"})),
         [("update", "source-changed", "corp")], after=follows),
    Case("19 copy edited by hand",
         mirrored(lambda w: w.corp.modify(w.copy_rdn, {"serviceBindingInformation": "edited"})),
         [("update", "edited-by-hand", "corp")], after=follows),
    Case("19 copy edited so that only its marker finds it", mirrored(edit_keywords),
         [("update", "edited-by-hand", "corp")], after=follows),
    Case("19 copy edited, another setting beside the marker", mirrored(
        lambda w: w.corp.modify(w.copy_rdn, {"vendor": "edited"}, add={MARKER: "Key=Value"})),
         [("update", "edited-by-hand", "corp")], after=other_setting_stays),
    Case("19 the attribute list was changed", mirrored(setting("attributes", FEWER)),
         [("update", "settings-changed", "corp")],
         after=lambda w: content(w.copy(), FEWER) == content(w.source(), FEWER)),
    Case("19 the match was widened", mirrored(keywords("QmmEx")),
         [("update", "settings-changed", "corp")], after=follows),
    Case("20 equal", mirrored(), in_sync=1),
    Case("20 moved within its place", mirrored(moved_within), in_sync=1),
    Case("observe creates nothing", setting("mode", "observe"), held=[("mode-forbids", "corp")],
         after=no_copy),
    Case("observe updates nothing", mirrored(setting("mode", "observe"), changed),
         held=[("mode-forbids", "corp")]),
    Case("create-only creates", setting("mode", "create-only"), [CREATE], after=follows),
    Case("create-only updates nothing", mirrored(setting("mode", "create-only"), changed),
         held=[("mode-forbids", "corp")]),
    Case("create-only renames nothing", mirrored(setting("mode", "create-only"), new_name),
         held=[("mode-forbids", "corp")]),
    Case("a retire in mode observe keeps its reason",
         mirrored(setting("mode", "observe"), delete_source), held=[("source-deleted", "corp")]),
    Case("sync creates", setting("mode", "sync"), [CREATE], after=follows),
    Case("sync updates", mirrored(setting("mode", "sync"), changed),
         [("update", "source-changed", "corp")], after=follows),
    Case("two rules that differ", lambda w: w.another_rule(attributes=FEWER),
         held=[("rules-overlap", "corp")], after=no_copy),
    Case("two rules alike: the union of their targets",
         lambda w: w.another_rule(accounts=[AGENT_APAC]),
         [("create", "missing", "apac"), CREATE], after=follows),
    Case("two accounts in one domain", accounts("CORP\\svc-mage", "CORP\\svc-mage2"), [CREATE]),
    Case("a source that acquires a marker", mirrored(source_gets_a_marker),
         held=[("source-marked", "corp")]),
    Case("the instance was renamed", mirrored(instance("renamed")), in_sync=1),
    Case("the instance was renamed, then the source changed",
         mirrored(instance("renamed"), changed), held=[("foreign-owner", "corp")]),
    Case("a source in a domain that is not trusted",
         setting("trust", {"domains": ["apac.corp.test"]}), held=[("untrusted-domain", "emea")],
         after=no_copy),
    Case("more changes than the limit", limit_of_one,
         held=[("limit-exceeded", "apac"), ("limit-exceeded", "corp")], after=no_copy),
    Case("no right to write", container("CN=System"), [CREATE], after=no_copy),
]


def exit_of_plan(case: Case) -> int:
    return 4 if case.incomplete else 1 if case.changes or case.held else 0


def exit_of_sync(case: Case) -> int:
    return 4 if case.incomplete else 3 if case.held else 0


def check(case: Case, planned: Planned) -> None:
    assert (planned.changes, planned.held) == (sorted(case.changes), sorted(case.held)), planned
    if case.in_sync is not None:
        assert planned.in_sync == case.in_sync, planned


@pytest.mark.parametrize("case", CASES, ids=str)
def test_decision(world: World, case: Case):
    case.setup(world)
    before = world.snapshot()

    planned = world.plan()
    check(case, planned)
    assert planned.exit == exit_of_plan(case), planned
    assert before.differences(world.snapshot()) == [], "plan must not write"

    done = world.sync(*(["--partial"] if case.incomplete else []))
    check_promises(world, before, done)
    if case.name == "no right to write":
        assert done.exit in (3, 5) and "no-rights" in done.done.stdout, done
        assert case.after(world)
        return
    check(case, done)
    assert done.exit == (3 if case.held else 0), done
    assert all(one["result"] == "done" for one in done.json["changes"]), done
    if not case.changes:
        assert before.differences(world.snapshot()) == [], "there was nothing to write"
    if case.after:
        assert case.after(world), world.corp.copies()

    again = world.plan()
    assert (again.changes, again.held) == ([], sorted(case.held)), again


def check_promises(world: World, before: Snapshot, done: Planned) -> None:
    after = world.snapshot()
    made = {one["dn"].lower() for one in done.json["changes"] if one["op"].startswith("create")}
    untouched = after.not_ours().without(lambda key, _values: key[1].lower() in made)
    assert before.not_ours().differences(untouched) == []
    assert before.gone(after) == []
