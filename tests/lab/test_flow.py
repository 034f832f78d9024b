"""The main job, end to end: an agent that finds nothing finds its SCP, and goes on finding what its source says."""

from __future__ import annotations

import random
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from scplab import forest
from scplab.process import wait_until
from scplab.world import MARKER, Marker, Planned, World, content

COPY_CREATED = ("create", "missing", "corp")


def agent_finds(world: World) -> list[str] | None:
    """The bindings that the agent gets; None if it finds no SCP."""
    result = world.lab.agent_search()
    assert result.returncode == 0, result
    assert result.found <= 1, result
    return sorted(result.bindings) if result.found else None


def source_bindings(world: World) -> list[str]:
    return sorted(world.source()["serviceBindingInformation"])


# ---- the story, as a person lives it


def test_an_agent_that_finds_nothing_finds_its_scp(world: World):
    assert agent_finds(world) is None
    explained = world.run("explain", "--account", "CORP\\svc-mage", "--rule", "mage")
    assert explained.returncode == 1, explained

    done = world.sync()
    assert done.exit == 0 and done.changes == [COPY_CREATED], done
    assert agent_finds(world) == source_bindings(world)
    assert world.run("explain", "--account", "CORP\\svc-mage", "--rule", "mage").returncode == 0

    again = world.sync()
    assert (again.exit, again.changes, again.held, again.in_sync) == (0, [], [], 1), again
    assert again.json["changed"] is False


def test_a_change_at_the_source_is_shown_and_followed(world: World):
    world.mirror()
    world.emea.modify(
        world.source_dn,
        remove={"serviceBindingInformation": "Port=1433"},
        add={"serviceBindingInformation": "Port=1444"},
    )
    difference = world.run("diff")
    assert difference.returncode == 1, difference
    assert "Port=1444" in difference.stdout and "Port=1433" in difference.stdout, difference
    planned = world.plan()
    (change,) = planned.json["changes"]
    assert change["attributes"]["serviceBindingInformation"] == {
        "add": ["Port=1444"],
        "remove": ["Port=1433"],
    }
    assert change["source"]["domain"] == "emea.corp.test"
    assert "Port=1433" in agent_finds(world)

    assert world.sync().exit == 0
    assert agent_finds(world) == source_bindings(world)
    assert world.run("diff").returncode == 0 and world.plan().exit == 0


@pytest.mark.parametrize(
    "edit",
    [
        {"serviceBindingInformation": ["Port=1"]},
        {"serviceBindingInformation": []},
        {"keywords": ["nothing that any rule asks for"]},
        {"keywords": []},
        {"serviceClassName": [], "vendor": ["edited"]},
    ],
    ids=["a binding", "no binding", "other keywords", "no keywords", "other attributes"],
)
def test_a_copy_edited_by_hand_is_repaired(world: World, edit: dict):
    world.mirror()
    world.corp.modify(world.copy_rdn, edit)
    planned = world.plan()
    assert planned.changes == [("update", "edited-by-hand", "corp")], planned
    assert world.sync().exit == 0
    assert content(world.copy()) == content(world.source())
    assert agent_finds(world) == source_bindings(world)


def test_a_copy_deleted_by_hand_is_made_again(world: World):
    first = world.mirror().guid
    world.corp.delete(world.copy_rdn)
    assert world.plan().changes == [COPY_CREATED]
    assert world.mirror().guid != first


def one_off(world: World, *arguments: str) -> list[str]:
    """The command line of a person without a settings file. No DNS knows the lab, so each domain's server is named."""
    svc = world.lab.document()["accounts"]["svc"]
    servers = [
        flag
        for domain in forest.DOMAINS
        for flag in ("--server", world.lab.server(domain.key).ldaps)
    ]
    return [
        *arguments,
        *servers,
        "--ca-file",
        str(world.lab.ca_file),
        "--bind-dn",
        svc["dn"],
        "--password-file",
        svc["password_file"],
        "--keyword",
        forest.PRODUCT_KEYWORD,
        "--keyword",
        "QmmEx",
        "--account",
        "CORP\\svc-mage",
    ]


def test_the_one_off_form_needs_no_settings_file(world: World):
    assert agent_finds(world) is None
    planned = Planned(world.scpctl(*one_off(world, "plan", "-o", "json")))
    assert planned.changes == [COPY_CREATED] and planned.exit == 1, planned
    done = world.scpctl(*one_off(world, "sync", "--yes"))
    assert done.returncode == 0 and agent_finds(world) == source_bindings(world), done
    assert Marker.of(world.copy())["i"] == "cli"
    again = Planned(world.scpctl(*one_off(world, "plan", "-o", "json")))
    assert (again.exit, again.changes, again.in_sync) == (0, [], 1), again


def test_one_off_flags_over_a_settings_file(world: World):
    world.settings["rules"] = []
    flags = ["--keyword", forest.PRODUCT_KEYWORD, "--account", "CORP\\svc-mage"]
    assert world.run("plan").returncode == 2, "no rule to plan with"
    assert world.plan(*flags).changes == [COPY_CREATED]
    done = world.sync(*flags)
    assert done.exit == 0 and agent_finds(world) == source_bindings(world), done
    assert world.sync(*flags).changes == []


@pytest.mark.parametrize(
    "account, expected",
    [
        ("CORP\\svc-mage", ["corp"]),
        ("corp\\SVC-MAGE", ["corp"]),
        ("svc-mage@corp.test", ["corp"]),
        (forest.AGENT.dn, ["corp"]),
        (forest.sid_text(forest.AGENT.sid), ["corp"]),
        ("svc-mage-apac@apac.corp.test", ["apac"]),
        ({"forest": "corp", "account": "TREE\\svc-mage-tree"}, ["tree"]),
        ({"group": forest.GROUPS["agents_apac"].dn}, ["apac"]),
        ({"filter": "(servicePrincipalName=mage/agent1)"}, ["corp"]),
    ],
    ids=str,
)
def test_an_account_is_named_in_every_form(world: World, account, expected):
    world.rule["accounts"] = [account]
    planned = world.plan()
    assert planned.changes == [("create", "missing", domain) for domain in expected], planned
    assert planned.held == []


def test_a_group_reaches_over_domains_and_a_cycle_ends(world: World):
    world.rule["accounts"] = [{"group": forest.GROUPS["everywhere"].dn}]
    planned = world.plan()  # emea holds the source itself
    assert planned.changes == [
        ("create", "missing", key) for key in ("apac", "corp", "tree")
    ], planned
    assert planned.in_sync == 1


def test_a_plan_kept_in_a_file_is_carried_out_only_while_it_is_the_same(world: World):
    file = world.scpctl.scratch / "kept.plan"
    assert world.run("plan", "--out", str(file)).returncode == 1
    world.emea.modify(world.source_dn, add={"serviceBindingInformation": "New=1"})
    refused = world.run("sync", "--yes", "--plan", str(file))
    assert refused.returncode == 3 and world.copy() is None, refused
    assert world.run("plan", "--out", str(file)).returncode == 1
    assert world.run("sync", "--yes", "--plan", str(file)).returncode == 0
    assert world.copy() is not None


def test_every_write_is_in_the_history_with_what_was_before(world: World):
    history = world.scpctl.scratch / "history"
    world.run("--history", str(history), "sync", "--yes")
    world.emea.modify(world.source_dn, {"serviceBindingInformation": ["Port=1"]})
    before = world.copy()
    world.run("--history", str(history), "sync", "--yes")
    written = "".join(path.read_text() for path in history.rglob("*") if path.is_file())
    assert before.one(MARKER) in written and "Port=1433" in written
    assert all(path.stat().st_mode & 0o077 == 0 for path in history.rglob("*") if path.is_file())


# ---- promise 3: the order of input changes nothing; applying a plan leaves none


@pytest.mark.parametrize("seed", range(3))
def test_any_directory_is_planned_empty_after_a_sync(world: World, seed: int):
    chance = random.Random(seed)
    print("seed", seed)
    world.rule["targets"]["domains"] = chance.sample(
        ["apac.corp.test", "tree.test", "emea.corp.test"], 2
    )
    world.mirror()
    for number in range(12):
        domain = world.lab.domain(chance.choice([one.key for one in forest.DOMAINS]))
        name = chance.choice(["one", "Two", "three"])
        values = {
            "serviceBindingInformation": [f"Port={chance.randrange(2)}"] * chance.randrange(2)
        }
        where = chance.choice(["CN=System", "CN=scpd,CN=System", "CN=Policies,CN=System"])
        if domain.get(f"CN={name},{where}") is None:
            world.like_source(domain.name, where, name, **values)
        else:
            domain.modify(f"CN={name},{where}", values)
        if chance.random() < 0.4:
            for copy in world.corp.copies()[:1]:
                world.corp.modify(copy.dn, {"vendor": f"edited {number}"})
    first = world.sync()
    again = world.plan()
    assert again.changes == [] and again.held == first.held, (first, again)


# ---- promise 4: several at once, or killed at any instruction


def many(world: World) -> None:
    """Eight writes in two domains: creates, updates and a rename."""
    world.rule["targets"]["domains"] = ["apac.corp.test"]
    for name in ("stale", "old-name"):
        world.like_source("emea", name=name)
    world.mirror("corp", "apac")
    world.emea.modify("CN=stale,CN=System", {"serviceBindingInformation": ["Port=1"]})
    world.emea.rename("CN=old-name,CN=System", "CN=new-name")
    for name in ("fresh1", "fresh2"):
        world.like_source("emea", name=name)


def outcome(world: World) -> dict[str, dict]:
    """All copies as they stand, without what differs from run to run: who is who, and when."""
    return {
        copy.dn.lower(): content(copy)
        | {"marker": [Marker.of(copy).but(v="", s="")], "markers": len(copy[MARKER])}
        for key in ("corp", "apac")
        for copy in world.lab.domain(key).copies()
    }


@pytest.fixture
def undisturbed(world: World) -> dict[str, dict]:
    """What one run that nothing disturbs makes of `many`; the world is left as it was before that run."""
    many(world)
    before = world.snapshot()
    assert world.sync().exit == 0
    expected = outcome(world)
    before.put_back(world.lab)
    assert outcome(world) != expected
    return expected


def test_two_syncs_at_once_do_what_one_does(world: World, undisturbed: dict):
    config = world.config()
    with ThreadPoolExecutor(4) as pool:
        runs = [
            pool.submit(world.scpctl, "sync", "--yes", "-o", "json", lab=world.lab, config=config)
            for _ in range(4)
        ]
    codes = {run.result().returncode for run in runs}
    assert codes <= {0, 3, 5}, [run.result() for run in runs]
    assert world.sync().exit == 0
    assert outcome(world) == undisturbed and world.plan().exit == 0


def test_a_daemon_and_a_sync_at_once_do_what_one_does(world: World, undisturbed: dict, scpd):
    daemon = scpd(world.lab, config=world.config())
    codes = [world.sync().exit for _ in range(3)]
    daemon.wait(lambda: outcome(world) == undisturbed, "the copies")
    assert set(codes) <= {0, 3, 5} and world.plan().exit == 0


def freeze_at_write(number: int, done: bool):
    """The n-th write of a run (from 1) never arrives, or is done but its answer never comes; nothing passes after it."""
    from scplab.message import WRITES

    seen = 0

    async def act(exchange) -> None:
        nonlocal seen
        if seen >= number:
            exchange.connection.frozen = True
            return
        if exchange.message.operation in WRITES:
            seen += 1
        if seen < number or done:
            await exchange.forward()
        if seen >= number:
            exchange.connection.frozen = True

    return act


WRITES_IN_CORP = 4  # a domain's part of `many`


@pytest.mark.parametrize("number", range(1, WRITES_IN_CORP + 1))
@pytest.mark.parametrize("done", [False, True], ids=["lost", "done"])
def test_killed_at_any_write_another_run_finishes(
    world: World, undisturbed: dict, number: int, done: bool
):
    direct = world.config().read_text()
    proxy = world.lab.proxy("corp")
    world.through(proxy, "corp")
    proxy.on("request", freeze_at_write(number, done), times=None)
    run = subprocess.Popen(
        world.scpctl.command("sync", "--yes", lab=world.lab, config=world.config()),
        env=world.scpctl.environment(world.lab),
        cwd=world.scpctl.scratch,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: proxy.count() >= number, 30, f"{number} writes")
    finally:
        run.send_signal(signal.SIGKILL)
        run.wait()
        proxy.close()
    (world.scpctl.scratch / "direct.yaml").write_text(direct)
    finished = world.scpctl(
        "sync", "--yes", "-o", "json", lab=world.lab, config=world.scpctl.scratch / "direct.yaml"
    )
    assert finished.returncode == 0, finished
    assert outcome(world) == undisturbed
    again = world.scpctl("plan", lab=world.lab, config=world.scpctl.scratch / "direct.yaml")
    assert again.returncode == 0, again


def test_many_writes_as_often_as_is_said_here(world: World):
    """So that the test above reaches each of them."""
    many(world)
    done = world.sync()
    assert [one[2] for one in done.changes].count("corp") == WRITES_IN_CORP, done
