"""What real domain controllers show, and to whom: deleted objects, and conflict objects of replication."""

import contextlib
import json
import os

import ldap
import ldb
import pytest
from samba.dcerpc import security
from samba.ndr import ndr_pack, ndr_unpack

from database import open_database
from objects import sid_of, until
from scene import NAME
from story import ROOT, Story, found
from topology import DC1


# -------------------- deleted objects


@pytest.fixture
def may_read_deleted(samba_lab):
    """svc-scpd may list CN=Deleted Objects. Written as SYSTEM: on Windows an administrator takes ownership first
    (`dsacls "CN=Deleted Objects,…" /takeownership`, then `/G svc-scpd:LCRP`)."""
    sam = open_database(samba_lab.dir, DC1)
    os.unsetenv("SMB_CONF_PATH")  # Samba's library sets it, and every DC that is started later would obey it
    place, controls = f"CN=Deleted Objects,{samba_lab.nc}", ["show_deleted:1", f"sd_flags:1:{security.SECINFO_DACL}"]

    def write(descriptor: bytes) -> None:
        change = ldb.Message(ldb.Dn(sam, place))
        change["nTSecurityDescriptor"] = ldb.MessageElement(descriptor, ldb.FLAG_MOD_REPLACE, "nTSecurityDescriptor")
        sam.modify(change, controls)

    found, = sam.search(place, ldb.SCOPE_BASE, attrs=["nTSecurityDescriptor"], controls=controls)
    before = bytes(found["nTSecurityDescriptor"][0])
    sid = ndr_unpack(security.dom_sid, sid_of(samba_lab.admin, samba_lab.info["service"]["dn"]))
    descriptor = ndr_unpack(security.descriptor, before)
    descriptor.dacl_add(security.descriptor.from_sddl(f"D:(A;CI;RPLCLORC;;;{sid})", sid).dacl.aces[0])
    write(ndr_pack(descriptor))
    yield
    write(before)


@pytest.fixture
def from_ad(scene):
    """The product's SCP on the DC and its copy in the forest of slapds: its DN, and scpctl there."""
    settings = scene.settings(prune={"grace": "0s", "confirmations": 2}, trust={"domains": ["corp.test"]},
                              accounts=[{"forest": "source", "account": r"CORP\svc-mage"}])
    settings["rules"][0]["match"] = {"keywords": ["from-ad"]}

    def run(*arguments: str, mode: str = "sync") -> dict:
        settings["rules"][0]["mode"] = mode
        config = scene.write(settings, "reading.yaml")
        return json.loads(scene.scpctl(*arguments, config=config).stdout)

    *containers, dn = scene.samba.seed_product_scp()
    scene.samba.replace(dn, {"keywords": ["from-ad", "QmmEx"]})
    assert run("sync", "--yes")["changed"]
    yield dn, run
    with contextlib.suppress(ldap.NO_SUCH_OBJECT):
        scene.samba.delete(dn)
    for container in reversed(containers):
        scene.samba.delete(container)


def becomes_of_the_copy(samba, dn: str, run) -> str:
    """Why it is held where nothing may be retired, once its source is deleted; then it goes, in mode sync."""
    samba.delete(dn)
    held, = run("plan", mode="upsert")["held"]
    assert held["reason"] == "source-deleted"
    done: list[str] = []
    until(lambda: done.extend(one["op"] for one in run("sync", "--yes")["changes"]) or "delete" in done, "its end")
    assert done == ["mark", "delete"]
    return held["detail"]


def test_where_deleted_objects_may_be_read_the_sources_tombstone_is_seen(from_ad, samba_lab, may_read_deleted):
    detail = becomes_of_the_copy(samba_lab, *from_ad)
    assert detail.startswith(f"its source was deleted: CN={NAME}\\\\0ADEL:"), detail


def test_where_they_may_not_the_sources_absence_has_to_do(from_ad, samba_lab):
    detail = becomes_of_the_copy(samba_lab, *from_ad)
    assert detail.startswith("ldap://dc1.corp.test has no object "), detail


# -------------------- conflict objects


def test_a_conflict_object_is_reported_and_never_mirrored(forest, tmp_path):
    """One name, taken at both DCs before either has heard of the other: one of the two becomes a conflict object."""
    story = Story(forest, tmp_path)
    story.rules = [{"name": "twice", "match": {"keywords": ["twice"]}, "trust": {"domains": ["corp.test"]},
                    "accounts": [r"EMEA\svc-emea"]}]
    admins = [forest.connect_admin(dc) for dc in ("dc1", "dc2")]
    dn = f"CN=twice,CN=System,{ROOT}"

    def shown(admin) -> list[str]:
        return sorted(one for one, _ in found(admin, f"CN=System,{ROOT}", "(keywords=twice)"))

    def publish(admin, binding: bytes) -> None:
        admin.add_s(dn, [("objectClass", b"serviceConnectionPoint"), ("keywords", b"twice"),
                         ("serviceBindingInformation", binding)])

    try:
        publish(admins[0], b"Port=1")
        publish(admins[1], b"Port=2")  # within the second that replication waits
        until(lambda: all(len(shown(admin)) == 2 for admin in admins), "the conflict object at both DCs", 60)
        conflict, = (one for one in shown(admins[0]) if "CNF:" in one)
        plan = story.run("plan", exit=1)
        assert [(one["reason"], one["dn"], one["detail"]) for one in plan["held"]] \
            == [("name-collision", conflict, "a replication conflict object (CNF): never a source")]
        change, = plan["changes"]
        assert (change["op"], change["source"]["dn"], change["domain"]) == ("create", dn, "emea.corp.test")
        assert conflict in {one["dn"] for one in story.run("list")["scps"]}
    finally:
        for one in shown(admins[0]):
            admins[0].delete_s(one)
        until(lambda: shown(admins[1]) == [], "their end at dc2", 60)
