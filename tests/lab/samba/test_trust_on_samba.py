"""trust.owners against a real AD domain controller: owners as AD keeps them, their groups as tokenGroups tells them."""

import json
import struct

import pytest

from objects import owner_of, sid_of


def text_of(sid: bytes) -> str:
    count, authority = sid[1], int.from_bytes(sid[2:8], "big")
    parts = struct.unpack_from(f"<{count}I", sid, 8)
    return "-".join(["S-1", str(authority), *map(str, parts)])


@pytest.fixture
def publishers(samba_lab):
    """A group inside a group; the service account is in the inner one."""
    users = f"CN=Users,{samba_lab.nc}"
    inner, outer = f"CN=scp-inner,{users}", f"CN=scp-outer,{users}"
    try:
        for dn, member in [(inner, samba_lab.info["service"]["dn"]), (outer, inner)]:
            name = dn.split(",")[0].removeprefix("CN=")
            samba_lab.add(dn, {"objectClass": "group", "sAMAccountName": name, "member": member})
        yield "CORP\\scp-outer"
    finally:
        for dn in (outer, inner):
            samba_lab.delete(dn)


class Trusting:
    """A rule for the agent's account in the other forest; its source is the service account's SCP on the DC."""

    def __init__(self, scene, scp):
        self.scene, self.keyword = scene, scp.keyword.decode()
        scene.samba.replace(scp.dn, {"msDS-Settings": "no marker"})  # a product's, not a copy

    def scpctl(self, *arguments: str, owners: list[str]) -> tuple[int, dict]:
        settings = self.scene.settings(
            match={"keywords": [self.keyword, "QmmEx"]},
            accounts=[{"forest": "source", "account": r"CORP\svc-mage"}],
            trust={"domains": ["corp.test"], "owners": owners})
        done = self.scene.scpctl(*arguments, config=self.scene.write(settings, "owners.yaml"))
        return done.returncode, json.loads(done.stdout)


def test_an_owner_is_believed_by_sid_by_name_and_by_nested_group(scene, svc, scp, publishers):
    trusting = Trusting(scene, scp)
    for owners in ([], [text_of(owner_of(svc, scp.dn))], [publishers], [r"CORP\nobody-else", publishers]):
        status, plan = trusting.scpctl("plan", owners=owners)
        assert ([c["op"] for c in plan["changes"]], plan["held"], status) == (["create"], [], 1), (owners, json.dumps(plan["held"]), json.dumps(plan["changes"]))


def test_an_owner_who_is_not_listed_is_no_source_and_the_plan_says_who_he_is(scene, svc, scp, publishers):
    status, plan = Trusting(scene, scp).scpctl("plan", owners=[r"CORP\Domain Admins"])
    assert (status, plan["changes"]) == (1, [])
    held, = plan["held"]
    assert held["reason"] == "untrusted-owner"
    assert f"its owner {text_of(owner_of(svc, scp.dn))} is not in the rule's trust.owners" in held["detail"]


def test_a_name_that_nobody_has_is_told_and_believes_nobody(scene, scp):
    status, plan = Trusting(scene, scp).scpctl("plan", owners=[r"CORP\nobody"])
    assert (status, plan["changes"]) == (1, [])
    assert "nobody has that name" in plan["held"][0]["detail"]


def test_show_names_the_owner_and_who_may_write(scene, svc, scp, samba_lab):
    status, shown = Trusting(scene, scp).scpctl("show", scp.dn, owners=[])
    assert status == 0
    own = text_of(sid_of(svc, samba_lab.info["service"]["dn"]))
    admins = own.rpartition("-")[0] + "-512"
    assert shown["owner"] == own
    assert {own, admins} <= set(shown["dacl_writers"])
    assert shown["names"][admins] == "CORP\\Domain Admins"
    assert shown["names"][own] == "CORP\\" + samba_lab.info["service"]["principal"].split("@")[0]
