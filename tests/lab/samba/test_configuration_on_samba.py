"""The Configuration NC as source and as target: in a forest of three DCs, and between two forests.

As Exchange publishes itself for Autodiscover: a pointer below CN=Services, by which clients find another forest.
"""

import contextlib
import json

import ldap
import pytest

from objects import until
from scene import Programs
from story import BINDING, DC1, DC2, EM1, found

CONFIGURATION = "CN=Configuration,DC=corp,DC=test"
CONTAINER = f"CN=scpd,CN=Services,{CONFIGURATION}"
NAME_OF_NC = "configuration:corp.test"
GROUP = "scpd-writers-of-configuration"
POINTER = "67661d7F-8FC4-4fa7-BFAC-E1D7794C1F68"
NAME = "pointer"
WARNING = "copies in the Configuration NC are not seen by agents that search their domain"
RULE = {"name": "autodiscover", "match": {"keywords": [POINTER]}, "mode": "sync",
        "prune": {"grace": "0s", "confirmations": 1}}


@contextlib.contextmanager
def published(samba, dc: str, below: str):
    """An SCP of Exchange's kind, for one test; a container that is not there is made for it."""
    admin, made = samba.connect_admin(dc), []

    def add(dn: str, attributes: dict) -> str:
        admin.add_s(dn, [(name, values) for name, values in attributes.items()])
        made.insert(0, dn)
        return dn

    try:
        if "CN=Services" in below:
            below = add(f"CN=Autodiscover,{below}", {"objectClass": [b"container"]})
        yield add(f"CN={NAME},{below}", {"objectClass": [b"serviceConnectionPoint"],
                                         "keywords": [POINTER.encode(), b"Domain=source.test"],
                                         BINDING: [b"LDAP://src1.source.test"]})
    finally:
        admin = samba.connect_admin(dc)  # it may have been down
        for dn in made:
            with contextlib.suppress(ldap.NO_SUCH_OBJECT):
                admin.delete_s(dn)


def connected(samba, dc: str):
    with contextlib.suppress(ldap.SERVER_DOWN):
        return samba.connect_admin(dc)
    return None


def publish(admin, dn: str, value: str) -> None:
    admin.modify_s(dn, [(ldap.MOD_REPLACE, BINDING, [value.encode()])])


def binding(admin, dn: str) -> list[bytes]:
    """None where there is no such object."""
    with contextlib.suppress(ldap.NO_SUCH_OBJECT):
        return admin.search_s(dn, ldap.SCOPE_BASE, "(objectClass=*)", [BINDING])[0][1].get(BINDING, [])
    return []


def remove_all(admin, *dns: str) -> None:
    for dn in dns:
        with contextlib.suppress(ldap.NO_SUCH_OBJECT):
            for one, _ in found(admin, dn, "(objectClass=serviceConnectionPoint)"):
                admin.delete_s(one)


def grant(run, samba) -> None:
    """An enterprise administrator runs what preflight prints."""
    answer = run("preflight", "--grant", "samba-tool", "--group", GROUP, exit=1)
    lacking = {(row["domain"], row["check"]) for row in answer["checks"] if not row["ok"]}
    assert lacking == {(NAME_OF_NC, "container")}, answer
    assert f"# {NAME_OF_NC}: as an enterprise administrator of this forest" in answer["grant"]
    done = samba.on_dc(answer["grant"], "dc1")
    assert done.returncode == 0, done
    answer = run("preflight", "--grant", "samba-tool", "--group", GROUP, exit=0)
    assert all(row["ok"] for row in answer["checks"]) and not answer["grant"], answer


def take_back(admin) -> None:
    remove_all(admin, CONTAINER)
    for dn in (CONTAINER, f"CN={GROUP},CN=Users,DC=corp,DC=test"):
        with contextlib.suppress(ldap.NO_SUCH_OBJECT):
            admin.delete_s(dn)


# -------------------- one forest


@pytest.fixture
def pointers(story):
    """dc2 is read, dc1 is the PDC emulator."""
    story.servers = {"servers": [DC2, DC1], "domains": {"emea.corp.test": {"servers": [EM1]}}}
    story.rules = [RULE]
    admin = story.samba.connect_admin("dc1")
    try:
        yield story
    finally:
        story.end_watches()
        take_back(admin)
        remove_all(story.samba.connect_admin("em1"), story.samba.info["domains"]["emea.corp.test"]["container"])
        until(lambda: not binding(story.samba.connect_admin("dc2"), CONTAINER), "the end of the container at dc2", 60)


def test_a_copy_there_by_what_preflight_grants(pointers):
    """Created at the root's PDC emulator, repaired, retired; everything else is refused."""
    samba, em1 = pointers.samba, pointers.samba.connect_admin("em1")
    dc1, dc2 = samba.connect_admin("dc1"), samba.connect_admin("dc2")
    copy = f"CN={NAME},{CONTAINER}"
    pointers.rules = [RULE | {"targets": {"domains": ["emea.corp.test"], "container": "configuration"}}]
    pointers.rules[0]["trust"] = {"domains": ["emea.corp.test", "corp.test"]}
    with published(samba, "em1", "CN=System,DC=emea,DC=corp,DC=test") as source:
        pointers.servers["servers"] = [DC1]  # the container is to be seen at once
        grant(pointers.run, samba)
        pointers.servers["servers"] = [DC2, DC1]
        until(lambda: found(dc2, CONTAINER.partition(",")[2], "(cn=scpd)"), "the container at dc2", 60)

        # Of one forest: the source's own Configuration NC.
        done = pointers.scpctl("sync", "--yes", config=pointers.config())
        assert done.returncode == 0 and WARNING in done.stderr, done
        assert binding(dc1, copy) == [b"LDAP://src1.source.test"]
        until(lambda: binding(dc2, copy), "the copy at dc2", 60)
        assert pointers.run("plan")["in_sync"] == 1

        publish(dc2, copy, "edited")
        change, = pointers.run("sync", "--yes")["changes"]
        assert (change["op"], change["domain"], change["nc"], change["reason"], change["result"]) \
            == ("update", NAME_OF_NC, CONFIGURATION, "edited-by-hand", "done")
        until(lambda: binding(dc1, copy) == binding(dc2, copy) == [b"LDAP://src1.source.test"], "the repair", 60)

        service = samba.connect_kerberos(dc="dc1")
        above = CONTAINER.partition(",")[2]
        with pytest.raises(ldap.INSUFFICIENT_ACCESS):
            service.add_s(f"CN=x,{above}", [("objectClass", [b"serviceConnectionPoint"])])
        with pytest.raises(ldap.INSUFFICIENT_ACCESS):
            service.modify_s(CONTAINER, [(ldap.MOD_REPLACE, "description", [b"x"])])

        em1.delete_s(source)
        pointers.servers["servers"] = [DC1]
        assert [one["op"] for one in pointers.run("sync", "--yes")["changes"]] == ["mark"]
        assert [one["op"] for one in pointers.run("sync", "--yes")["changes"]] == ["delete"]
        assert binding(dc1, copy) == []


def test_a_source_there_is_followed_by_notifications(pointers):
    """By scpd, from the forest's Configuration NC into the child domain; gone with its source."""
    samba = pointers.samba
    dc1, em1 = samba.connect_admin("dc1"), samba.connect_admin("em1")
    copy = f"CN={NAME},{samba.info['domains']['emea.corp.test']['container']}"
    pointers.servers["servers"] = [DC1]
    pointers.rules = [RULE | {"match": {"keywords": [POINTER], "in": ["configuration"]},
                              "targets": {"domains": ["emea.corp.test"]}}]
    pointers.rules[0]["trust"] = {"domains": ["corp.test"]}
    with published(samba, "dc1", f"CN=Services,{CONFIGURATION}") as source:
        log = pointers.watch()
        pointers.says(log, f"watching {NAME_OF_NC} by notify")
        until(lambda: binding(em1, copy), "the copy", 60)
        assert binding(em1, copy) == [b"LDAP://src1.source.test"]
        publish(dc1, source, "LDAP://new")
        until(lambda: binding(em1, copy) == [b"LDAP://new"], "the change", 60)
        publish(em1, copy, "edited")
        until(lambda: binding(em1, copy) == [b"LDAP://new"], "the repair", 60)
        assert WARNING not in log.read_text()
        pointers.end_watches()

        dc1.delete_s(source)
        assert [one["op"] for one in pointers.run("sync", "--yes")["changes"]] == ["mark"]
        assert [one["op"] for one in pointers.run("sync", "--yes")["changes"]] == ["delete"]
        assert binding(em1, copy) == []


# -------------------- two forests


class Between(Programs):
    """Pointers in the Configuration NC of source.test, and their copies in corp.test's forest."""

    def __init__(self, samba, work):
        super().__init__(samba, work)
        self.container = "configuration"
        self.mode = "sync"

    def config(self) -> str:
        forests = []
        for name, account in (("corp", "svc-scpd"), ("source", "svc-source")):
            who = self.samba.info["domains"][f"{name}.test"]["accounts"][account]
            forests.append({"name": name, "domain": f"{name}.test", "tls": {"mode": "none"},
                            "auth": {"mechanism": "gssapi", "principal": who["principal"], "keytab": who["keytab"]},
                            "timeouts": {"connect": "2s", "operation": "5s"}})
        return self.write({
            "instance": "lab", "forests": forests, "daemon": {"poll": "200ms"},
            "limits": {"deletes": 5, "delete_percent": 100},
            "rules": [RULE | {"match": {"keywords": [POINTER], "in": ["configuration"]},
                              "trust": {"domains": ["source.test"]},
                              "targets": {"domains": ["corp.test"], "container": self.container}}]})

    def run(self, *arguments: str, exit: int = 0) -> dict:
        done = self.scpctl(*arguments, config=self.config())
        assert done.returncode == exit, done
        return json.loads(done.stdout)


@pytest.fixture
def between(forests, tmp_path):
    one = Between(forests, tmp_path)
    admin = forests.connect_admin("dc1")
    try:
        yield one
    finally:
        take_back(admin)
        remove_all(admin, forests.container)


@pytest.mark.parametrize("target", ["configuration", "domain"])
def test_from_one_forests_to_another(between, target):
    samba = between.samba
    dc1, src1 = samba.connect_admin("dc1"), samba.connect_admin("src1")
    copy = f"CN={NAME},{CONTAINER}"
    if target == "domain":
        between.container = "CN=scpd,CN=System"
        copy = f"CN={NAME},{samba.container}"
    with published(samba, "src1", "CN=Services,CN=Configuration,DC=source,DC=test") as source:
        if target == "configuration":
            grant(between.run, samba)
        change, = between.run("sync", "--yes")["changes"]
        assert (change["op"], change["forest"], change["dn"], change["result"]) == ("create", "corp", copy, "done")
        assert (change["source"]["domain"], change["source"]["dn"]) == ("configuration:source.test", source)
        assert change["domain"] == (NAME_OF_NC if target == "configuration" else "corp.test")

        publish(src1, source, "LDAP://new")
        assert [one["reason"] for one in between.run("sync", "--yes")["changes"]] == ["source-changed"]
        publish(dc1, copy, "edited")
        assert [one["reason"] for one in between.run("sync", "--yes")["changes"]] == ["edited-by-hand"]
        assert binding(dc1, copy) == [b"LDAP://new"] and between.run("plan")["in_sync"] == 1

        samba.kill("src1")
        try:
            held = between.run("sync", "--yes", exit=4)
        finally:
            samba.start("src1")
        assert held["changes"] == [] and binding(dc1, copy) == [b"LDAP://new"]
        src1 = until(lambda: connected(samba, "src1"), "src1", 60)
        src1.delete_s(source)
        assert [one["op"] for one in between.run("sync", "--yes")["changes"]] == ["mark"]
        assert [one["op"] for one in between.run("sync", "--yes")["changes"]] == ["delete"]
        assert binding(dc1, copy) == []


def test_watched_by_scpd_which_warns(between, tmp_path):
    samba = between.samba
    dc1, src1 = samba.connect_admin("dc1"), samba.connect_admin("src1")
    copy = f"CN={NAME},{CONTAINER}"
    with published(samba, "src1", "CN=Services,CN=Configuration,DC=source,DC=test") as source:
        grant(between.run, samba)
        log = tmp_path / "scpd.log"
        with log.open("w") as stderr:
            daemon = between.scpd(between.config(), stderr)
        try:
            for nc in (NAME_OF_NC, "configuration:source.test"):
                until(lambda nc=nc: f"watching {nc} by notify" in log.read_text(), nc, 60)
            assert WARNING in log.read_text()
            until(lambda: binding(dc1, copy), "the copy", 60)
            publish(src1, source, "LDAP://new")
            until(lambda: binding(dc1, copy) == [b"LDAP://new"], "the change", 60)
            publish(dc1, copy, "edited")
            until(lambda: binding(dc1, copy) == [b"LDAP://new"], "the repair", 60)
        finally:
            daemon.terminate()
            assert daemon.wait(timeout=10) == 0, log.read_text()
