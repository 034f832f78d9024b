"""What preflight finds missing, an administrator grants by the commands that it prints, to an ordinary account:
then the whole life of a copy works, and nothing else does."""

import contextlib
import json

import ldap
import pytest

from objects import owner_of, sid_of
from scene import NAME

GROUP = "scpd-writers-of-a-test"
CONTAINER = "CN=copies,CN=preflight,CN=System"


class Fresh:
    """Settings that name a container which is not there yet."""

    def __init__(self, scene):
        self.scene, self.samba = scene, scene.samba
        self.container = f"{CONTAINER},{self.samba.nc}"
        self.copy_dn = f"CN={NAME},{self.container}"
        settings = scene.settings(targets={"container": CONTAINER}, mode="sync",
                                  prune={"grace": "0s", "confirmations": 1})
        settings["limits"] = {"deletes": 5, "delete_percent": 100}
        self.config = scene.write(settings, "preflight.yaml")

    def run(self, *arguments: str, exit: int = 0) -> dict:
        done = self.scene.scpctl(*arguments, config=self.config)
        assert done.returncode == exit, done
        return json.loads(done.stdout)

    def preflight(self, *arguments: str, exit: int = 0) -> dict:
        """What each check of the DC's domain says."""
        answer = self.run("preflight", *arguments, exit=exit)
        assert answer["schema"] == "scpd.preflight/1" and answer["ok"] == (exit == 0)
        return {row["check"]: row for row in answer["checks"] if row["forest"] == "ad"} | {"grant": answer.get("grant")}

    def grant(self) -> str:
        commands = self.preflight("--grant", "samba-tool", "--group", GROUP, exit=1)["grant"]
        done = self.samba.on_dc(commands)
        assert done.returncode == 0, done
        return commands

    def clean(self):
        with contextlib.suppress(ldap.NO_SUCH_OBJECT):
            for dn, _ in self.samba.search(self.container, "(objectClass=serviceConnectionPoint)", ["1.1"]):
                self.samba.delete(dn)
        for dn in (self.container, self.container.partition(",")[2], f"CN={GROUP},CN=Users,{self.samba.nc}"):
            with contextlib.suppress(ldap.NO_SUCH_OBJECT):
                self.samba.delete(dn)


@pytest.fixture
def fresh(scene):
    one = Fresh(scene)
    yield one
    one.clean()


def missing(checks: dict) -> set[str]:
    return {name for name, row in checks.items() if name != "grant" and not row["ok"]}


def test_what_is_delegated_is_seen_without_writing(scene):
    """The lab's own container: nothing is missing, and nothing was written to find that out."""
    before = scene.samba.objects()
    done = scene.scpctl("preflight", config=scene.write(scene.settings(mode="sync")))
    assert done.returncode == 0, done
    checks = {row["check"] for row in json.loads(done.stdout)["checks"] if row["forest"] == "ad"}
    assert {"servers", "log-in", "time", "read", "write-dc", "container", "create", "change", "delete"} == checks
    assert scene.samba.objects() == before


def test_each_right_that_is_missing_is_told(fresh):
    """The container alone; then with create; then with write; then whole."""
    samba = fresh.samba
    assert missing(fresh.preflight(exit=1)) == {"container"}
    samba.add(fresh.container.partition(",")[2], {"objectClass": "container"})
    samba.add(fresh.container, {"objectClass": "container"})
    assert missing(fresh.preflight(exit=1)) == {"create", "change", "delete"}
    fresh.grant()
    assert missing(fresh.preflight()) == set()


def test_an_ordinary_account_with_what_is_printed(fresh):
    """Create, repair and retire work; everything else is refused, the detour over the container's owner too."""
    samba = fresh.samba
    fresh.grant()
    assert missing(fresh.preflight()) == set()

    created, = fresh.run("sync", "--yes")["changes"]
    assert (created["op"], created["result"]) == ("create", "done")
    samba.replace(fresh.copy_dn, {"serviceBindingInformation": "wrong"})
    repaired, = fresh.run("sync", "--yes")["changes"]
    assert (repaired["op"], repaired["reason"], repaired["result"]) == ("update", "edited-by-hand", "done")

    service = samba.info["service"]
    as_service = samba.connect(f"{service['principal'].partition('@')[0]}@{samba.info['domain']}", service["password"])
    above = fresh.container.partition(",")[2]
    everything_else = {
        "a container below": lambda: as_service.add_s(f"CN=x,{fresh.container}", [("objectClass", [b"container"])]),
        "an SCP above": lambda: as_service.add_s(f"CN=x,{above}", [("objectClass", [b"serviceConnectionPoint"])]),
        "the container": lambda: as_service.modify_s(fresh.container, [(ldap.MOD_REPLACE, "description", [b"x"])]),
        "its name": lambda: as_service.rename_s(fresh.container, "CN=x"),
        "itself": lambda: as_service.delete_s(fresh.container),
        "an account": lambda: as_service.modify_s(samba.info["agent"]["dn"],
                                                  [(ldap.MOD_REPLACE, "description", [b"x"])]),
        "its group": lambda: as_service.modify_s(f"CN={GROUP},CN=Users,{samba.nc}",
                                                 [(ldap.MOD_ADD, "member", [samba.info["agent"]["dn"].encode()])]),
    }
    for what, attempt in everything_else.items():
        with pytest.raises(ldap.INSUFFICIENT_ACCESS):
            attempt()
            pytest.fail(f"{what} was changed")
    for dn in (fresh.container, above):
        assert owner_of(samba.admin, dn) != sid_of(samba.admin, service["dn"]), "an owner may change the rights"

    samba_settings = fresh.scene.settings(targets={"container": CONTAINER}, mode="sync", accounts=[],
                                          prune={"grace": "0s", "confirmations": 1})
    samba_settings["rules"][0]["targets"] = {"container": CONTAINER, "domains": ["apac.corp.test"]}
    config = fresh.scene.write(samba_settings, "elsewhere.yaml")
    for _ in range(2):  # the mark, then the delete
        fresh.scene.scpctl("sync", "--yes", config=config)
    assert samba.read(fresh.copy_dn) is None


def test_wrong_flags(fresh):
    fresh.run("preflight", "--grant", "cacls", exit=2)
    fresh.run("preflight", "--group", "two\nlines", exit=2)
