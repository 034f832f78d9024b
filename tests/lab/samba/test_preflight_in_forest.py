"""preflight where there are several domains: each one's rows, and a grant in the child for an account of the root."""

import contextlib

import ldap
import pytest

from objects import read
from story import found

GROUP = "scpd-writers-of-a-child"
CONTAINER = "CN=copies,CN=preflight,CN=System"
CHILD = "emea.corp.test"


class Child:
    """A rule that copies from the root to the child, into a container that is not there yet."""

    def __init__(self, story):
        self.story, self.samba = story, story.samba
        self.nc = self.samba.info["domains"][CHILD]["nc"]
        self.container = f"{CONTAINER},{self.nc}"
        self.admin = self.samba.connect_admin("em1")
        story.rules = [{"name": "child", "match": {"keywords": ["of-the-root"]}, "trust": {"domains": ["corp.test"]},
                        "targets": {"domains": [CHILD], "container": CONTAINER}, "mode": "sync",
                        "prune": {"grace": "0s", "confirmations": 1}}]
        self.source = f"CN=root-product,CN=System,{self.samba.nc}"
        self.copy = f"CN=root-product,{self.container}"

    def preflight(self, *arguments: str, exit: int) -> tuple[dict, str]:
        answer = self.story.run("preflight", *arguments, exit=exit)
        return {(row["domain"], row["check"]): row for row in answer["checks"]}, answer.get("grant")

    def clean(self):
        with contextlib.suppress(ldap.NO_SUCH_OBJECT):
            for dn, _ in found(self.admin, self.container, "(objectClass=serviceConnectionPoint)"):
                self.admin.delete_s(dn)
        for dn in (self.container, self.container.partition(",")[2], f"CN={GROUP},CN=Users,{self.nc}"):
            with contextlib.suppress(ldap.NO_SUCH_OBJECT):
                self.admin.delete_s(dn)
        with contextlib.suppress(ldap.NO_SUCH_OBJECT):
            self.samba.connect_admin("dc1").delete_s(self.source)


@pytest.fixture
def child(story):
    one = Child(story)
    self_made = {"objectClass": "serviceConnectionPoint", "keywords": "of-the-root",
                 "serviceBindingInformation": "Server=root"}
    one.samba.add(one.source, self_made, one.samba.connect_admin("dc1"))
    try:
        yield one
    finally:
        one.clean()


def test_the_roots_account_gets_what_is_printed_in_the_child(child):
    checks, commands = child.preflight("--grant", "samba-tool", "--group", GROUP, exit=1)
    for domain in ("corp.test", CHILD):
        assert all(checks[domain, name]["ok"] for name in ("servers", "log-in", "time", "read")), checks
    assert {key for key, row in checks.items() if not row["ok"]} == {(CHILD, "container")}
    assert ("corp.test", "container") not in checks, "the root is no target"
    done = child.samba.on_dc(commands, "em1")
    assert done.returncode == 0, done
    checks, commands = child.preflight("--grant", "samba-tool", "--group", GROUP, exit=0)
    assert all(row["ok"] for row in checks.values()) and not commands

    created, = child.story.run("sync", "--yes")["changes"]
    assert (created["op"], created["dn"], created["result"]) == ("create", child.copy, "done")
    child.admin.modify_s(child.copy, [(ldap.MOD_REPLACE, "serviceBindingInformation", [b"wrong"])])
    repaired, = child.story.run("sync", "--yes")["changes"]
    assert (repaired["reason"], repaired["result"]) == ("edited-by-hand", "done")

    as_service = child.samba.connect_kerberos(dc="em1")
    descriptor = read(child.admin, child.container, "nTSecurityDescriptor")
    above = child.container.partition(",")[2]
    everything_else = {
        "a container below": lambda: as_service.add_s(f"CN=x,{child.container}", [("objectClass", [b"container"])]),
        "an SCP above": lambda: as_service.add_s(f"CN=x,{above}", [("objectClass", [b"serviceConnectionPoint"])]),
        "the container": lambda: as_service.modify_s(child.container, [(ldap.MOD_REPLACE, "description", [b"x"])]),
        "its name": lambda: as_service.rename_s(child.container, "CN=x"),
        "itself": lambda: as_service.delete_s(child.container),
        "its rights": lambda: as_service.modify_s(
            child.container, [(ldap.MOD_REPLACE, "nTSecurityDescriptor", descriptor)]),
        "its group": lambda: as_service.modify_s(f"CN={GROUP},CN=Users,{child.nc}",
                                                 [(ldap.MOD_REPLACE, "description", [b"x"])]),
    }
    for what, attempt in everything_else.items():
        with pytest.raises(ldap.INSUFFICIENT_ACCESS):
            attempt()
            pytest.fail(f"{what} was changed")
