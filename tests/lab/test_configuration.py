"""The Configuration NC as a source, and as a target: copied, repaired, retired, watched, and what people are told."""

from __future__ import annotations

import ldap
import pytest

from scplab import forest
from scplab.admin import Admin, Found
from scplab.forest import CONFIGURATION, CONFIGURATION_CONTAINER
from scplab.runner import Done
from scplab.world import Marker, World, content

POINTER = "67661d7F-8FC4-4fa7-BFAC-E1D7794C1F68"  # the keyword of Exchange's pointers to another forest
NAME = "source.test"
NAME_OF_NC = "configuration:corp.test"
PRODUCT = f"CN=Microsoft Exchange Autodiscover,CN=Services,{CONFIGURATION}"
SOURCE = f"CN={NAME},{PRODUCT}"
COPIES = f"{CONFIGURATION_CONTAINER},{CONFIGURATION}"
COPY = f"CN={NAME},{COPIES}"
COPY_RDN = f"CN={NAME},{forest.COPY_CONTAINER}"
WARNING = (
    "copies in the Configuration NC are not seen by agents that search their domain, as most do (a search without"
    " a base DN never leaves the domain); right only for software that looks in the Configuration NC"
)
DEADLINE = 30


class Pointers:
    """An SCP of Exchange's kind, in the Configuration NC or in emea, and one rule about it."""

    def __init__(self, world: World):
        self.world = world
        self.rule = world.rule
        self.rule.clear()
        self.rule |= {"name": "autodiscover", "match": {"keywords": [POINTER]}, "mode": "sync"}
        self.rule["prune"] = {"grace": "0s", "confirmations": 1}
        world.settings["limits"] = {"deletes": 5, "delete_percent": 100}
        self.corp.add_container(PRODUCT)

    @property
    def corp(self) -> Admin:
        """Its server holds the Configuration NC that is written to."""
        return self.world.corp

    def close(self) -> None:
        self.corp.delete_tree(PRODUCT)
        for copy in self.corp.search("(objectClass=serviceConnectionPoint)", COPIES):
            self.corp.delete(copy.dn)

    def publish(self, where: str = PRODUCT, binding: str = "LDAP://dc1.source.test") -> None:
        domain = self.corp if where.endswith(CONFIGURATION) else self.world.emea
        domain.add_scp(NAME, [POINTER, "Domain=source.test"], [binding], where)

    def from_configuration(self) -> None:
        """A source there, a copy in apac."""
        self.publish()
        self.rule["match"]["in"] = ["configuration"]
        self.rule["targets"] = {"domains": ["apac.corp.test"]}

    def to_configuration(self) -> None:
        """A source in emea, a copy there."""
        self.publish("CN=System")
        self.rule["targets"] = {"domains": ["apac.corp.test"], "container": "configuration"}

    def copy(self) -> Found | None:
        return self.corp.get(COPY)

    def copy_in_apac(self) -> Found | None:
        return self.world.apac.get(COPY_RDN)


@pytest.fixture
def pointers(world: World):
    one = Pointers(world)
    yield one
    one.close()


def test_a_source_there_is_copied_repaired_and_retired(pointers: Pointers):
    world = pointers.world
    pointers.from_configuration()
    planned = world.plan()
    (change,) = planned.json["changes"]
    assert (change["op"], change["reason"], change["domain"]) == ("create", "missing", "apac.corp.test")
    source = pointers.corp.get(SOURCE)
    assert change["source"] == {"dn": source.dn, "domain": NAME_OF_NC, "guid": source.guid}
    assert world.sync().exit == 0
    assert content(pointers.copy_in_apac()) == content(source)
    assert Marker.of(pointers.copy_in_apac())["o"] == NAME_OF_NC

    pointers.corp.modify(SOURCE, {"serviceBindingInformation": ["LDAP://new.source.test"]})
    assert world.sync().changes == [("update", "source-changed", "apac")]
    world.apac.modify(COPY_RDN, {"serviceBindingInformation": ["edited"]})
    assert world.sync().changes == [("update", "edited-by-hand", "apac")]
    assert content(pointers.copy_in_apac()) == content(pointers.corp.get(SOURCE))
    assert (world.plan().exit, world.plan().in_sync) == (0, 1)

    pointers.corp.delete(SOURCE)
    assert world.sync().changes == [("mark", "source-deleted", "apac")]
    assert world.sync().changes == [("delete", "source-deleted", "apac")]
    assert pointers.copy_in_apac() is None


def test_a_copy_there_is_made_repaired_and_retired(pointers: Pointers):
    world = pointers.world
    pointers.to_configuration()
    planned = world.plan()
    (change,) = planned.json["changes"]
    assert (change["op"], change["domain"], change["nc"]) == ("create", NAME_OF_NC, CONFIGURATION)
    assert change["dn"].lower() == COPY.lower()
    assert NAME_OF_NC in [one["domain"] for one in planned.json["domains"]]
    assert world.sync().exit == 0
    source = world.emea.get(f"CN={NAME},CN=System")
    assert content(pointers.copy()) == content(source)
    assert Marker.of(pointers.copy())["o"] == "emea.corp.test"
    assert (world.plan().exit, world.plan().in_sync) == (0, 1)

    pointers.corp.modify(COPY, {"serviceBindingInformation": ["edited"]})
    assert world.sync().changes == [("update", "edited-by-hand", "configuration")]
    assert content(pointers.copy()) == content(source)

    last = world.run("history", "-o", "json").json["writes"][-1]
    assert (last["domain"], last["dn"].lower()) == (NAME_OF_NC, COPY.lower())
    world.rule["targets"]["exclude"] = ["apac.corp.test"]
    assert world.sync().changes == [("mark", "not-a-target", "configuration")]
    assert world.sync().changes == [("delete", "not-a-target", "configuration")]
    assert pointers.copy() is None


def test_a_change_of_match_in_deletes_nothing(pointers: Pointers):
    world = pointers.world
    pointers.from_configuration()
    assert world.sync().exit == 0
    pointers.rule["match"].pop("in")
    world.another_rule("other", match={"keywords": ["of another rule"], "in": ["configuration"]})
    done = world.sync()
    assert (done.changes, done.held) == ([], [("filter-changed", "apac")])
    world.settings["rules"].pop()  # now nobody reads the Configuration NC
    done = world.sync()
    assert (done.changes, done.held) == ([], [("filter-changed", "apac")])
    assert "gone" not in Marker.of(pointers.copy_in_apac())


def test_a_native_there_is_left_alone(pointers: Pointers):
    world = pointers.world
    pointers.to_configuration()
    pointers.publish(binding="LDAP://native.source.test")
    done = world.sync()
    assert (done.exit, done.changes, done.held) == (3, [], [("native-differs", "configuration")])
    pointers.corp.modify(SOURCE, {"serviceBindingInformation": ["LDAP://dc1.source.test"]})
    done = world.sync()
    assert (done.exit, done.changes, done.held, done.in_sync) == (0, [], [], 1)


def test_what_lies_outside_the_trusted_places_is_no_source(pointers: Pointers):
    pointers.from_configuration()
    pointers.rule["trust"] = {"containers": ["configuration:CN=Elsewhere,CN=Services"]}
    planned = pointers.world.plan()
    assert (planned.changes, planned.held) == ([], [("untrusted-place", "configuration")])


def test_the_root_is_down(pointers: Pointers):
    """Nothing is concluded, a copy is kept; a global catalog shows that the Configuration NC has none of that name."""
    world = pointers.world
    pointers.from_configuration()
    pointers.rule["match"]["in"] = ["domain", "configuration"]
    assert world.sync().exit == 0
    world.emea.add_scp("late", [POINTER], ["LDAP://late"], "CN=System")
    world.stop("corp")
    done = world.sync()
    world.start("corp")
    assert done.exit == 4
    assert {one["domain"]: one["complete"] for one in done.json["domains"]} == {
        NAME_OF_NC: False, "corp.test": False, "apac.corp.test": True, "emea.corp.test": True, "tree.test": True}
    assert done.changes == [("create", "missing", "apac")], "of the source in emea"
    assert ("source-not-seen", "apac") in done.held
    assert world.apac.get(f"CN=late,{forest.COPY_CONTAINER}") and pointers.copy_in_apac()

    assert world.sync().changes == []


def test_as_a_target_while_the_root_is_down(pointers: Pointers):
    world = pointers.world
    pointers.to_configuration()
    world.stop("corp")
    done = world.sync()
    world.start("corp")
    assert (done.exit, done.changes) == (4, [])
    assert ("domain-incomplete", "configuration") in done.held


@pytest.mark.parametrize("which", ["source", "target"])
def test_watched_by_the_daemon(pointers: Pointers, scpd, which: str):
    world = pointers.world
    world.settings["log"] = {"level": "debug"}
    if which == "source":
        pointers.from_configuration()
        copy = pointers.copy_in_apac

        def disturb():
            pointers.corp.modify(SOURCE, {"serviceBindingInformation": ["LDAP://new"]})
    else:
        pointers.to_configuration()
        copy = pointers.copy

        def disturb():
            pointers.corp.modify(COPY, {"serviceBindingInformation": ["edited"]})
            world.emea.modify(f"CN={NAME},CN=System", {"serviceBindingInformation": ["LDAP://new"]})

    daemon = scpd(world.lab, config=world.config()).wait_ready()
    daemon.wait_log(f"watching {NAME_OF_NC} by syncrepl", DEADLINE)
    daemon.wait(copy, "the copy", DEADLINE)
    disturb()
    daemon.wait(lambda: copy()["serviceBindingInformation"] == ["LDAP://new"], "the change", DEADLINE)
    assert (WARNING in daemon.log()) == (which == "target")
    assert f"{NAME_OF_NC} may have changed" in daemon.log()


def test_the_daemon_takes_it_up_again_with_its_root(pointers: Pointers, scpd):
    """The root alone is probed meanwhile: it is the same server."""
    world = pointers.world
    pointers.from_configuration()
    daemon = scpd(world.lab, config=world.config()).wait_ready()
    daemon.wait(pointers.copy_in_apac, "the copy", DEADLINE)
    world.stop("corp")
    world.apac.modify(COPY_RDN, {"serviceBindingInformation": ["edited"]})
    daemon.wait_log(f"domain {NAME_OF_NC} is incomplete", DEADLINE)
    world.start("corp")
    daemon.wait_log("domain corp.test answers again", DEADLINE)
    daemon.wait(lambda: pointers.copy_in_apac()["serviceBindingInformation"] != ["edited"], "the repair", DEADLINE)
    assert f"domain {NAME_OF_NC} answers again" not in daemon.log()


def test_the_daemon_warns_again_when_it_loads_new_settings(pointers: Pointers, scpd):
    world = pointers.world
    pointers.from_configuration()
    daemon = scpd(world.lab, config=world.config()).wait_ready()
    assert WARNING not in daemon.log()
    pointers.rule["targets"]["container"] = "configuration"
    pointers.rule["match"].pop("in")
    world.config()
    daemon.reload()
    daemon.wait_log(r"rules\[autodiscover\]\.targets\.container: warning: copies in the Configuration NC", DEADLINE)


# ---- what people are told, and do by hand


def test_the_warning(pointers: Pointers):
    world = pointers.world
    pointers.to_configuration()
    checked = world.run("config", "check")
    assert checked.returncode == 0 and "good" in checked.stdout and WARNING in checked.stderr, checked
    (warning,) = world.run("config", "check", "-o", "json").json["warnings"]
    assert warning["key"] == "rules[autodiscover].targets.container" and WARNING in warning["message"]
    assert warning["line"] > 0 and warning["file"] == str(world.config())
    for verb in (["plan"], ["plan", "-o", "json"], ["diff"], ["sync", "--dry-run"], ["sync", "--yes"]):
        done = world.run(*verb)
        assert done.stderr.count(WARNING) == 1, done
    assert WARNING not in world.run("list").stderr

    pointers.rule["targets"].pop("container")
    assert WARNING not in world.run("plan").stderr
    assert world.run("config", "check", "-o", "json").json["warnings"] == []


def test_list_show_and_topology_name_it(pointers: Pointers):
    world = pointers.world
    pointers.from_configuration()
    assert world.sync().exit == 0
    (listed,) = world.run("list", "--domain", NAME_OF_NC, "-o", "json").json["scps"]
    source = pointers.corp.get(SOURCE)
    assert (listed["domain"], listed["dn"]) == (NAME_OF_NC, source.dn)
    assert listed["roles"] == [{"rule": "autodiscover", "role": "source"}]
    for what in (SOURCE, source.guid, NAME):
        shown = world.run("show", what, "-o", "json")
        assert shown.returncode == 0, shown
    shown = world.run("show", SOURCE, "-o", "json").json
    assert (shown["domain"], [dn.lower() for dn in shown["copies"]]) == (
        NAME_OF_NC, [pointers.copy_in_apac().dn.lower()])
    back = world.run("show", pointers.copy_in_apac().dn, "-o", "json").json
    assert (back["marker"]["origin"], back["source"]["dn"], back["source"]["domain"]) == (
        NAME_OF_NC, source.dn, NAME_OF_NC)
    (told,) = world.run("topology", "-o", "json").json["forests"]
    assert told["configuration"] == {"domain": NAME_OF_NC, "nc": CONFIGURATION}


def test_undo_puts_a_copy_there_back(pointers: Pointers):
    world = pointers.world
    pointers.to_configuration()
    assert world.sync().exit == 0
    world.emea.modify(f"CN={NAME},CN=System", {"serviceBindingInformation": ["LDAP://new"]})
    assert world.sync().exit == 0
    last = world.run("history", "-o", "json").json["writes"][-1]
    done = world.run("undo", last["id"], "--yes", "-o", "json")
    assert done.returncode == 0, done
    assert pointers.copy()["serviceBindingInformation"] == ["LDAP://dc1.source.test"]
    assert world.plan().held == [("parked", "configuration")]


def test_created_adopted_released_and_deleted_by_hand(pointers: Pointers):
    world = pointers.world
    pointers.to_configuration()
    source = world.emea.dn(f"CN={NAME},CN=System")
    by_rule = world.run("create", "--from", source, "--domain", "emea.corp.test", "--rule", "autodiscover", "-o", "json")
    assert by_rule.returncode == 0, by_rule
    assert by_rule.json["writes"][0]["domain"] == NAME_OF_NC
    assert world.plan().in_sync == 1
    assert world.run("release", COPY).returncode == 0
    assert not pointers.copy()["msDS-Settings"]
    adopted = world.run("adopt", COPY, "--rule", "autodiscover", "--from", source)
    assert adopted.returncode == 0, adopted
    assert Marker.of(pointers.copy())["o"] == "emea.corp.test"
    assert world.run("delete", COPY).returncode == 0
    assert pointers.copy() is None

    plain = world.run("create", "--domain", "apac.corp.test", "--container", f"configuration:{CONFIGURATION_CONTAINER}",
                      "--name", NAME, "--keyword", "any", "--binding", "b", "-o", "json")
    assert plain.returncode == 0 and plain.json["changed"], plain
    assert pointers.copy()["keywords"] == ["any"]


def one_off(pointers: Pointers, verb: str, *flags: str) -> Done:
    world = pointers.world
    world.settings["rules"] = []
    return world.run(verb, "--keyword", POINTER, "--to", "apac.corp.test", *flags, "-o", "json")


def test_one_off_flags(pointers: Pointers):
    pointers.publish()
    world = pointers.world
    assert one_off(pointers, "plan").json["changes"] == []
    (change,) = one_off(pointers, "plan", "--trust-container", "configuration:CN=Services").json["changes"]
    assert (change["source"]["domain"], change["domain"]) == (NAME_OF_NC, "apac.corp.test")
    assert one_off(pointers, "plan", "--trust-container", "configuration").returncode == 2

    pointers.corp.delete(SOURCE)
    pointers.publish("CN=System")
    done = one_off(pointers, "sync", "--container", "configuration", "--yes")
    assert done.returncode == 0 and WARNING in done.stderr, done
    assert world.emea.get(f"CN={NAME},CN=System").guid == Marker.of(pointers.copy())["s"]


def test_explain_says_that_a_search_of_the_domain_does_not_see_it(pointers: Pointers):
    world = pointers.world
    pointers.from_configuration()
    done = world.run("explain", "--account", r"CORP\svc-mage", "--keyword", POINTER, "-o", "json")
    (result,) = done.json["results"]
    assert (done.returncode, result["found"]) == (1, 0)
    (miss,) = [one for one in result["near_misses"] if one["dn"].lower() == SOURCE.lower()]
    assert miss["domain"] == NAME_OF_NC
    assert miss["differs"] == ["is in the Configuration NC of corp.test, where a search of corp.test does not look"]


def test_preflight_tells_of_it(pointers: Pointers):
    world = pointers.world
    pointers.to_configuration()
    rows = world.run("preflight", "-o", "json").json["checks"]
    mine = {row["check"]: row["ok"] for row in rows if row["domain"] == NAME_OF_NC}
    assert mine["servers"] and mine["log-in"] and mine["read"] and "container" in mine, rows


def test_the_lab_delegates_one_container_of_it(lab):
    service = lab.connect("corp")
    service.add_scp("x", ["k"], ["b"], COPIES)
    service.delete(f"CN=x,{COPIES}")
    with pytest.raises(ldap.INSUFFICIENT_ACCESS):
        service.add_scp("x", ["k"], ["b"], f"CN=Services,{CONFIGURATION}")
    with pytest.raises(ldap.INSUFFICIENT_ACCESS):
        service.add_container(f"CN=x,{COPIES}")
