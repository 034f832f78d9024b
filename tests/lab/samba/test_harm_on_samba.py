"""Never do harm, in short, against a real AD domain controller: retire, limits, undo, planted and forged."""

import contextlib
import json
import re

import ldap
from samba.dcerpc import security
from samba.ndr import ndr_pack, ndr_unpack

from objects import ANY, SHOW_DELETED, SUB, sd_flags, sid_of, until
from scene import NAME
from topology import PRODUCT_KEYWORDS, SCP_CLASS_GUID

PRODUCT = "CN=Exchange Migration Project,CN=QmmEx,CN=Migration Manager,CN=Quest Software,CN=System"
CLASS, EVIL = "serviceConnectionPoint", "SqlServer=evil.example"
KEPT = ["objectClass", "keywords", "serviceBindingInformation", "serviceClassName", "serviceDNSName",
        "serviceDNSNameType", "vendor", "displayName"]
DACL = 4  # of sd_flags
DEADLINE = 30


class Source:
    """The source's domain, seen by its administrator; what a test did there is undone."""

    def __init__(self, scene):
        self.scene = scene
        emea = next(domain for domain in scene.source["domains"] if domain["key"] == "emea")
        self.nc, self._uri = emea["nc"], emea["ldapi"]
        self.container = f"{PRODUCT},{self.nc}"
        self.dn = f"CN={NAME},{self.container}"
        self._added: list[str] = []
        self._was: dict | None = None

    def ldap(self):
        connection = ldap.initialize(self._uri)  # a socket file: the same in every network
        connection.sasl_non_interactive_bind_s("EXTERNAL")
        return connection

    def add(self, name: str) -> None:
        dn = f"CN={name},{self.container}"
        self.ldap().add_s(dn, [("objectClass", [CLASS.encode()]), ("cn", [name.encode()]),
                               ("keywords", [word.encode() for word in PRODUCT_KEYWORDS[:2]]),
                               ("serviceBindingInformation", [b"Port=1433"])])
        self._added.append(dn)

    def bindings(self, values: list[str]) -> None:
        self._remember()
        change = (ldap.MOD_REPLACE, "serviceBindingInformation", [value.encode() for value in values])
        self.ldap().modify_s(self.dn, [change])

    def delete(self, *names: str) -> None:
        for name in names or (NAME,):
            if name == NAME:
                self._remember()
            dn = f"CN={name},{self.container}"
            self.ldap().delete_s(dn)
            self._added = [one for one in self._added if one != dn]

    def put_back(self) -> None:
        connection = self.ldap()
        for dn in self._added:
            connection.delete_s(dn)
        if self._was:
            name = "serviceBindingInformation"
            try:
                connection.modify_s(self.dn, [(ldap.MOD_REPLACE, name, self._was[name])])
            except ldap.NO_SUCH_OBJECT:
                connection.add_s(self.dn, [*self._was.items()])

    def _remember(self) -> None:
        self._was = self._was or self.ldap().search_s(self.dn, ldap.SCOPE_BASE, ANY, ["cn", *KEPT])[0][1]


@contextlib.contextmanager
def source_of(scene):
    one = Source(scene)
    try:
        yield one
    finally:
        one.put_back()


class Work:
    """scpctl with one settings file; its state is the lab's own."""

    def __init__(self, scene, limits: dict | None = None, **rule):
        self.scene = scene
        settings = scene.settings(**rule)
        if limits:
            settings["limits"] = limits
        self.config = scene.write(settings, "harm.yaml")

    def run(self, *arguments: str, exit: int = 0) -> dict:
        done = self.scene.scpctl(*arguments, config=self.config)
        assert done.returncode == exit, done
        return json.loads(done.stdout)

    def sync(self, *arguments: str, exit: int = 0) -> tuple[list, list]:
        """(changes, held) as (op, reason) and reason."""
        answer = self.run("sync", "--yes", *arguments, exit=exit)
        return ([(one["op"], one["reason"]) for one in answer["changes"]],
                sorted(one["reason"] for one in answer["held"]))


def names_of_copies(scene) -> set[str]:
    found = scene.samba.search(scene.samba.container, f"(objectClass={CLASS})", ["cn"])
    return {entry["cn"][0].decode() for _, entry in found}


def marker(scene) -> bytes:
    found, = scene.samba.read(scene.copy_dn, ["msDS-Settings"])["msDS-Settings"]
    return found


def tombstones(scene) -> set[bytes]:
    control = ldap.controls.RequestControl(SHOW_DELETED, True)
    found = scene.samba.admin.search_ext_s(scene.samba.nc, SUB, f"(&(isDeleted=TRUE)(objectClass={CLASS}))",
                                           ["objectGUID"], serverctrls=[control])
    return {entry["objectGUID"][0] for dn, entry in found if dn}


def test_the_daemon_retires_with_confirmations_mark_and_grace(scene):
    """Held until confirmed, then marked, then, after its grace, a tombstone of the same objectGUID."""
    with source_of(scene) as source:
        settings = scene.settings(mode="sync", prune={"grace": "3s", "confirmations": 3})
        settings["daemon"] |= {"resync": "300ms"}
        config = scene.write(settings, "retire.yaml")
        log = scene.work / "retire.log"
        with log.open("w") as stderr:
            daemon = scene.scpd(config, stderr)
        try:
            until(lambda: scene.samba.read(scene.copy_dn), "the copy", DEADLINE)
            guid = scene.samba.read(scene.copy_dn, ["objectGUID"])["objectGUID"][0]
            source.delete()
            until(lambda: "done: mark" in log.read_text(), "its mark", DEADLINE)
            assert b";gone=" in marker(scene)
            until(lambda: scene.samba.read(scene.copy_dn) is None, f"its end\n{log.read_text()}", DEADLINE)
            until(lambda: "done: delete" in log.read_text(), "its end in the log")
            order = r"(?s)held: [^\n]*source-deleted.*done: mark.*held: [^\n]*grace.*done: delete"
            assert re.search(order, log.read_text()), log.read_text()
            assert guid in tombstones(scene)
        finally:
            daemon.terminate()
            assert daemon.wait(timeout=10) == 0, log.read_text()


def test_over_the_limit_all_is_held_until_exactly_that_is_approved(scene):
    with source_of(scene) as source:
        for name in ("second", "third"):
            source.add(name)
        work = Work(scene, mode="sync", prune={"grace": "0s"}, match={
            "keywords": [*PRODUCT_KEYWORDS[:2]], "name": "*"})
        assert work.sync()[0] == [("create", "missing")] * 3
        all_three = names_of_copies(scene)
        assert all_three == {NAME, "second", "third"}
        source.delete(NAME, "second", "third")
        assert work.sync()[0] == [("mark", "source-deleted")] * 3
        before = marker(scene)
        changes, held = work.sync(exit=3)
        assert (changes, held) == ([], ["limit-exceeded"] * 3)
        assert names_of_copies(scene) == all_three and marker(scene) == before
        work.run("approve", "sha256:" + "0" * 64)
        assert work.sync(exit=3)[1] == ["limit-exceeded"] * 3
        work.run("approve", work.run("plan", exit=1)["hash"])
        assert work.sync()[0] == [("delete", "source-deleted")] * 3
        assert names_of_copies(scene) == set()


def test_an_update_and_a_delete_are_taken_back(scene):
    """By a person's undo: the update parks the copy; the delete is undone by another object of the same content."""
    with source_of(scene) as source:
        work = Work(scene, mode="sync", prune={"grace": "0s"}, targets={"domains": []})
        work.sync()
        wanted = scene.samba.read(scene.copy_dn, KEPT)
        source.bindings(["Port=1"])
        assert work.sync()[0] == [("update", "source-changed")]
        work.run("undo", "--yes", work.run("history")["writes"][-1]["id"])
        after = scene.samba.read(scene.copy_dn, KEPT)
        assert {name: set(after[name]) for name in after} == {name: set(wanted[name]) for name in wanted}
        assert b";parked=" in marker(scene)
        assert work.sync(exit=3) == ([], ["parked"])
        work.run("resume", scene.copy_dn)
        assert work.sync()[0] == [("update", "source-changed")]

        source.delete()
        assert work.sync()[0] == [("mark", "source-deleted")]
        before = marker(scene)
        assert work.sync()[0] == [("delete", "source-deleted")]
        assert scene.samba.read(scene.copy_dn) is None
        work.run("undo", "--yes", work.run("history")["writes"][-1]["id"])
        assert scene.samba.read(scene.copy_dn)["serviceBindingInformation"] == [b"Port=1"]
        assert marker(scene).split(b";s=")[0] == before.split(b";s=")[0]


def test_planted_below_a_computer_and_forged_in_our_place(scene, agent):
    """Both by an account that may create SCPs there: neither is a source, a copy, or in a copy's way unnoticed."""
    samba = scene.samba
    computer = f"CN=PLANTED,CN=Computers,{samba.nc}"
    samba.add(computer, {"objectClass": "computer", "sAMAccountName": "PLANTED$"})
    account = samba.info["agent"]["dn"]
    grant_creation(samba, computer, account)
    planted = f"CN={NAME},{computer}"
    forged = f"CN=forged,{samba.container}"
    before_grant = dacl_of(samba, samba.container)
    try:
        work = Work(scene)
        work.sync()
        good, was = marker(scene), scene.samba.read(scene.copy_dn)
        values = [("objectClass", [CLASS.encode()]), ("keywords", [word.encode() for word in PRODUCT_KEYWORDS]),
                  ("serviceBindingInformation", [EVIL.encode()]), ("msDS-Settings", [good])]
        agent.add_s(planted, values)
        grant_creation(samba, samba.container, account)
        agent.add_s(forged, values)
        mine = {dn: samba.read(dn) for dn in (planted, forged)}

        changes, held = work.sync(exit=3)
        assert changes == [] and held == ["suspect-marker", "suspect-marker"]
        listed = {one["dn"].lower(): {role["role"] for role in one["roles"]} for one in work.run("list")["scps"]}
        assert listed[planted.lower()] == listed[forged.lower()] == {"suspect"}
        for dn in (planted, forged):
            work.run("delete", dn, exit=3)

        with source_of(scene) as source:
            source.bindings(["Port=2"])  # the good one goes on being followed
            assert work.sync(exit=3)[0] == [("update", "source-changed")]
            assert samba.read(scene.copy_dn)["serviceBindingInformation"] == [b"Port=2"]
        assert work.sync(exit=3)[0] == [("update", "source-changed")]
        after = samba.read(scene.copy_dn)
        assert after["objectGUID"] == was["objectGUID"]
        assert set(after["serviceBindingInformation"]) == set(was["serviceBindingInformation"])
        assert {dn: samba.read(dn) for dn in (planted, forged)} == mine
    finally:
        for dn in (planted, forged, computer):
            with contextlib.suppress(ldap.NO_SUCH_OBJECT):
                samba.delete(dn)
        set_dacl(samba, samba.container, before_grant)


def dacl_of(samba, dn: str) -> bytes:
    found = samba.admin.search_ext_s(dn, ldap.SCOPE_BASE, ANY, ["nTSecurityDescriptor"], serverctrls=[sd_flags(DACL)])
    return found[0][1]["nTSecurityDescriptor"][0]


def set_dacl(samba, dn: str, descriptor: bytes) -> None:
    samba.admin.modify_ext_s(dn, [(ldap.MOD_REPLACE, "nTSecurityDescriptor", [descriptor])],
                             serverctrls=[sd_flags(DACL)])


def grant_creation(samba, dn: str, account: str) -> None:
    """Of SCPs, as our own service account has it on the container of copies."""
    sid = ndr_unpack(security.dom_sid, sid_of(samba.admin, account))
    descriptor = ndr_unpack(security.descriptor, dacl_of(samba, dn))
    wanted = security.descriptor.from_sddl(f"D:(OA;CI;CC;{SCP_CLASS_GUID};;{sid})", sid)
    descriptor.dacl_add(wanted.dacl.aces[0])
    set_dacl(samba, dn, ndr_pack(descriptor))
