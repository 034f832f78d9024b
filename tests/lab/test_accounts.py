"""Accounts that are disabled, missing or ambiguous, and long groups; Samba's part is in samba/test_accounts_on_samba.py."""

from __future__ import annotations

import pytest

from scplab import forest, scripted
from scplab.scripted import FaultProxy
from scplab.world import World

DEADLINE = 30  # seconds
DISABLED = (r"CORP\\svc-mage: cn=svc-mage,cn=Users,dc=corp,dc=test cannot log in; its domain is a target all the same "
            "(rule mage)")
CREATED = ("create", "missing", "corp")


class Counted:
    """A server by way of a proxy that counts the searches for a UPN."""

    def __init__(self, world: World, name: str):
        self.proxy: FaultProxy = world.lab.proxy(name)
        self.searches = 0
        self.proxy.on("search-request", self._count, times=None)

    async def _count(self, exchange: scripted.Exchange) -> None:
        self.searches += b"userprincipalname" in exchange.message.body.lower()
        await exchange.forward()


def disable(world: World) -> None:
    world.corp.modify(forest.AGENT.dn, {"userAccountControl": ["514"]})


def test_a_disabled_account_is_named_and_served(world: World):
    assert DISABLED not in world.run("plan").stdout
    disable(world)
    planned = world.plan()
    assert planned.changes == [CREATED] and planned.held == []
    disabled = {one["domain"]: one["disabled"] for one in planned.json["domains"] if one["disabled"]}
    assert disabled == {"corp.test": ["cn=svc-mage,cn=Users,dc=corp,dc=test"]}
    for verb in (["plan"], ["diff"], ["sync", "--yes"]):
        assert f"disabled {DISABLED}" in world.run(*verb).stdout
    assert world.copy() is not None
    explained = world.run("explain", "--account", "CORP\\svc-mage", "--rule", "mage")
    assert "the account is disabled: it cannot log in" in explained.stdout, explained


def test_the_daemon_names_a_disabled_account_once(world: World, scpd):
    world.settings |= {"log": {"level": "debug"}, "daemon": world.settings["daemon"] | {"resync": "200ms"}}
    disable(world)
    daemon = scpd(world.lab, config=world.config()).wait_ready()
    daemon.wait(lambda: daemon.log().count("cycle begins (") > 3, "three cycles", DEADLINE)
    assert daemon.log().count(f"disabled: {DISABLED}") == 1
    assert world.copy() is not None


def test_an_account_that_two_bear_is_named_with_both_and_one_that_nobody_bears_too(world: World):
    twins = [forest.ACCOUNTS[f"ambiguous_{key}"].dn for key in ("apac", "emea")]
    for key, dn in zip(("apac", "emea"), twins):
        world.lab.domain(key).modify(dn, {"userPrincipalName": ["twice@agents.example"]})
    world.wait_for_catalog("(userPrincipalName=twice@agents.example)", 2)
    world.rule["accounts"] = ["twice@agents.example", "nobody@agents.example"]
    held, = (one for one in world.plan().json["held"] if not one["domain"])
    assert held["reason"] == "account-unresolved"
    why = ("nobody@agents.example: no account matches it; twice@agents.example: twice@agents.example is ambiguous: "
           f"{twins[0]}; {twins[1]}")
    assert held["detail"].lower() == why.lower()


def test_a_long_member_list_is_read_to_its_end(world: World):
    """1,600 members; only the last one lives where a copy is needed. Lists in ranges: test_directory_ad.py."""
    many = [world.emea.add(f"CN=member{number:04},CN=Users", {"objectClass": "container"}) for number in range(1600)]
    group = world.emea.add("CN=many,CN=Users", {"objectClass": "group", "sAMAccountName": "many", "groupType": "8",
                                                "member": [*many, forest.AGENT.dn]})
    world.rule["accounts"] = [{"group": group}]
    planned = world.plan()
    assert planned.changes == [CREATED] and planned.held == []
    world.emea.delete(many[-1])  # a reference that dangles: slapd keeps it, as AD would not
    assert f"{many[-1]} is not there".lower() in world.plan().json["held"][0]["detail"].lower()


@pytest.fixture
def counted(world: World):
    """The global catalog and one domain; the agent's UPN is in the rule, and the catalog has heard of it."""
    upn = "agent@agents.example"
    world.corp.modify(forest.AGENT.dn, {"userPrincipalName": [upn]})
    world.rule["accounts"] = [upn]
    catalog, tree = Counted(world, "gc"), Counted(world, "tree")
    world.forest_settings["global_catalog"] = [catalog.proxy.uri]
    world.forest_settings["timeouts"] = {"connect": "2s", "operation": "5s"}
    world.through(tree.proxy, "tree")
    world.wait_for_catalog(f"(userPrincipalName={upn})", 1)
    yield catalog, tree
    catalog.proxy.close()
    tree.proxy.close()


def test_the_catalog_is_asked_in_place_of_the_domains(world: World, counted):
    catalog, tree = counted
    assert world.plan().changes == [CREATED]
    assert (catalog.searches, tree.searches) == (1, 0)


@pytest.mark.parametrize("fault", ["refuses", "is silent", "is off"])
def test_without_a_catalog_every_domain_is_asked(world: World, counted, fault: str):
    catalog, tree = counted
    if fault == "refuses":
        catalog.proxy.refuse()
    elif fault == "is silent":
        catalog.proxy.on("connect", scripted.freeze(), times=None)
    else:
        world.forest_settings["global_catalog"] = "off"
    planned = world.plan()
    assert planned.changes == [CREATED] and planned.held == [], planned
    assert (catalog.searches, tree.searches) == (0, 1)
