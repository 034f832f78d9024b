"""Accounts that move, are disabled, missing or ambiguous, and groups over domains, in a real forest of two domains.

The source lies in another forest, of slapds, so that each of the two domains can be the target. An account that moves
between domains of a forest keeps its UPN; Samba has no cross-domain move, so it is deleted here and made there.
"""

import json

import ldap
import pytest

from objects import until
from scene import BUILD, NAME, Scene
from story import ROOT, found

CHILD = f"DC=emea,{ROOT}"

UPN = "moving@agents.example"
HELD = "account-unresolved"


class Accounts(Scene):
    """A rule for some accounts of the AD forest, in mode sync."""

    def __init__(self, samba, work):
        super().__init__(samba, work)
        self.admins = {ROOT: samba.connect_admin("dc1"), CHILD: samba.connect_admin("em1")}
        self.made: list[tuple[str, str]] = []  # NC and DN of what the test made

    def config(self, *accounts) -> str:
        return self.write(self.settings(accounts=[{"forest": "ad"} | one for one in accounts], mode="sync",
                                        prune={"grace": "0s", "confirmations": 1}))

    def run(self, verb: str, *accounts, exit: int = 0) -> dict:
        arguments = [verb, *(["--yes"] if verb == "sync" else [])]
        done = self.scpctl(*arguments, config=self.config(*accounts))
        assert done.returncode == exit, done.stdout + done.stderr
        return json.loads(done.stdout)

    def says(self, verb: str, *accounts) -> str:
        """What a person sees."""
        arguments = ["-c", self.config(*accounts), "--history", str(self.work / "history"), verb]
        done = self.samba.client_run([str(BUILD / "scpctl/scpctl"), *arguments, *(["--yes"] if verb == "sync" else [])],
                                     capture_output=True, timeout=120)
        return done.stdout

    def copies(self) -> list[str]:
        return [dn.lower() for nc, admin in self.admins.items()
                for dn, _ in found(admin, f"CN=scpd,CN=System,{nc}", "(objectClass=serviceConnectionPoint)")]

    def add(self, nc: str, dn: str, attributes: dict) -> str:
        self.samba.add(dn, attributes, self.admins[nc])
        self.made.append((nc, dn))
        return dn

    def remove(self, nc: str, dn: str) -> None:
        self.made.remove((nc, dn))
        self.admins[nc].delete_s(dn)

    def user(self, nc: str, name: str = "moving", upn: str = UPN) -> str:
        return self.add(nc, f"CN={name},CN=Users,{nc}",
                        {"objectClass": "user", "sAMAccountName": name, "userPrincipalName": upn})

    def group(self, nc: str, name: str, kind: int, *members: str) -> str:
        """kind: 2 global, 4 domain local, 8 universal; security groups."""
        for member in members:  # of the other domain, perhaps, and on its way
            home = CHILD if member.endswith(CHILD) else ROOT
            until(lambda: found(self.admins[nc], home, f"(distinguishedName={member})"), f"{member} in {nc}")
        attributes = {"objectClass": "group", "sAMAccountName": name, "groupType": str(kind - 2**31)}
        return self.add(nc, f"CN={name},CN=Users,{nc}", attributes | ({"member": list(members)} if members else {}))

    def clean(self):
        super().clean()
        for nc, dn in reversed(self.made):
            self.admins[nc].delete_s(dn)
        self.made.clear()
        for dn in self.copies():
            self.admins[CHILD].delete_s(dn)


@pytest.fixture(scope="module")
def lab(forest, tmp_path_factory):
    scene = Accounts(forest, tmp_path_factory.mktemp("accounts"))
    yield scene
    scene.close()


@pytest.fixture
def scene(lab):
    yield lab
    lab.clean()


def copy_in(nc: str) -> str:
    return f"cn={NAME},cn=scpd,cn=system,{nc}".lower()


def settled(scene: Accounts, *accounts) -> list[tuple[str, str, str]]:
    """(op, reason, DN) of all that sync does until nothing is left to do."""
    done = []

    def once() -> bool:
        changes = scene.run("sync", *accounts)["changes"]
        done.extend((one["op"], one["reason"], one["dn"].lower()) for one in changes)
        return not changes

    until(once, "nothing left to do")
    return done


def test_a_moved_account_moves_its_target(scene):
    """A move within the domain is none; one to another domain retires the old copy and makes a new one."""
    account = {"account": UPN}
    dn = scene.user(ROOT)
    assert settled(scene, account) == [("create", "missing", copy_in(ROOT))]
    scene.admins[ROOT].rename_s(dn, "CN=moved within", f"CN=Computers,{ROOT}")
    scene.made[-1] = (ROOT, f"CN=moved within,CN=Computers,{ROOT}")
    assert scene.run("plan", account)["in_sync"] == 1

    scene.remove(*scene.made[-1])
    scene.user(CHILD)  # dc1's catalog may show it where it was, or not yet
    done = settled(scene, account)
    assert ("create", "missing", copy_in(CHILD)) in done and ("delete", "not-a-target", copy_in(ROOT)) in done, done
    assert {(op, dn) for op, _, dn in done} <= {("create", copy_in(CHILD)), ("mark", copy_in(ROOT)),
                                               ("delete", copy_in(ROOT))}
    assert scene.copies() == [copy_in(CHILD)]
    assert scene.run("plan", account)["in_sync"] == 1


def test_an_account_named_by_its_dn_that_moved_is_missing_and_its_copy_is_kept(scene):
    dn = scene.user(ROOT)
    account = {"account": dn}
    assert settled(scene, account) == [("create", "missing", copy_in(ROOT))]
    scene.remove(ROOT, dn)
    scene.user(CHILD)
    answer = scene.run("sync", account, exit=3)
    assert answer["changes"] == [] and scene.copies() == [copy_in(ROOT)]
    assert [(one["reason"], one["dn"].lower(), one["detail"]) for one in answer["held"]] == [
        (HELD, "", f"{dn}: {dn} is not there"),
        (HELD, copy_in(ROOT), f"kept: an account that may be in this domain is unresolved: {dn}: {dn} is not there"),
    ]
    assert "Correct the account's name in the rule" in scene.says("plan", account)


MISSING = {
    r"CORP\nobody": r"CORP\\nobody: no account matches it",
    "nobody@agents.example": "nobody@agents.example: no account matches it",
    r"NOWHERE\svc": r"NOWHERE\\svc: no domain is called NOWHERE",
    f"CN=Users,{ROOT}": f"CN=Users,{ROOT}: CN=Users,{ROOT} is no account",
}


def test_missing_accounts_are_named(scene):
    accounts = [{"account": account} for account in MISSING]
    held, = scene.run("plan", *accounts, exit=1)["held"]
    assert (held["reason"], set(held["detail"].split("; "))) == (HELD, set(MISSING.values()))
    for verb in ("plan", "diff", "sync"):
        text = scene.says(verb, *accounts)
        assert all(why in text for why in MISSING.values()) and "1 held" in text, text


def test_an_ambiguous_account_is_named_with_all_who_bear_the_name(scene):
    """Windows refuses a UPN that the forest has; an object restored or replicated may bear it all the same."""
    here, there = scene.user(ROOT), scene.user(CHILD, name="twin")
    until(lambda: scene.run("plan", {"account": UPN}, exit=1)["held"], "both in the catalog")
    held, = scene.run("plan", {"account": UPN}, exit=1)["held"]
    assert (held["reason"], held["detail"]) == (HELD, f"{UPN}: {UPN} is ambiguous: {here}; {there}")


def test_a_disabled_account_is_named_and_its_copy_is_kept(scene):
    dn, account = scene.user(ROOT), {"account": UPN}
    assert settled(scene, account) == [("create", "missing", copy_in(ROOT))]
    said = f"disabled {UPN}: {dn} cannot log in; its domain is a target all the same (rule mage)"
    scene.admins[ROOT].modify_s(dn, [(ldap.MOD_REPLACE, "userAccountControl", b"512")])
    assert said not in scene.says("plan", account)
    scene.admins[ROOT].modify_s(dn, [(ldap.MOD_REPLACE, "userAccountControl", b"514")])
    answer = scene.run("plan", account)
    assert (answer["changes"], answer["held"], answer["in_sync"]) == ([], [], 1)
    assert {one["nc"]: one["disabled"] for one in answer["domains"] if one["forest"] == "ad"} == {ROOT: [dn], CHILD: []}
    for verb in ("plan", "diff", "sync"):
        assert said in scene.says(verb, account)


# -------------------- groups


def test_nested_groups_over_the_domains(scene):
    """Domain local in the root, in it universal of the child, in it global of the child and the root's agent."""
    agent, away = scene.samba.info["agent"]["dn"], scene.user(CHILD)
    inner = scene.group(CHILD, "global agents", 2, away)
    middle = scene.group(CHILD, "universal agents", 8, inner, agent)
    outer = scene.group(ROOT, "local agents", 4, middle)
    answer = scene.run("plan", {"group": outer}, exit=1)
    assert answer["held"] == []
    assert {one["nc"]: one["accounts"] for one in answer["domains"] if one["forest"] == "ad"} \
        == {ROOT: [agent], CHILD: [away]}
    assert sorted(settled(scene, {"group": outer})) \
        == sorted([("create", "missing", copy_in(CHILD)), ("create", "missing", copy_in(ROOT))])

    scene.admins[CHILD].modify_s(inner, [(ldap.MOD_DELETE, "member", [away.encode()])])  # the last one of its domain
    done = settled(scene, {"group": outer})
    assert {(op, dn) for op, _, dn in done} == {("mark", copy_in(CHILD)), ("delete", copy_in(CHILD))}
    assert {reason for _, reason, _ in done} == {"not-a-target"}
    assert scene.copies() == [copy_in(ROOT)]
