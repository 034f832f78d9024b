"""The published story in a real forest: the product's SCP in the child domain, the agent's account in the root.

All that the settings say of the forest is its root's DNS name, and how to log in: one account of the root, by Kerberos,
for all domains. What becomes of it when a domain controller dies, falls silent or is cut off is told as a person sees it.
"""

import pytest

from objects import until
from scene import NAME

SECOND = "second"


def test_the_agent_finds_nothing_before_and_its_service_after(story):
    assert story.agent_finds() == []
    preflight = story.run("preflight")
    assert preflight["ok"] and {row["domain"] for row in preflight["checks"]} == {"corp.test", "emea.corp.test"}

    change, = story.run("sync", "--yes")["changes"]
    assert (change["op"], change["reason"], change["result"]) == ("create", "missing", "done")
    assert story.agent_finds() == [(story.copy_dn, story.bindings(story.source, "em1"))]
    assert story.run("plan")["in_sync"] == 1


def test_what_the_application_takes_away_is_taken_away(story):
    story.run("sync", "--yes")
    story.samba.connect_admin("em1").modify_s(story.source, [(2, "keywords", [b"another"])])
    until(lambda: story.run("sync", "--yes")["changes"] == [], "the end of the copy")
    assert story.agent_finds() == []
    story.samba.connect_admin("em1").modify_s(story.source, [(2, "keywords", [b"QmmEx"])])


def test_without_the_pdc_emulator_copies_are_updated_but_not_made(copied):
    copied.samba.kill("dc1")
    try:
        copied.publish("Server=new")
        copied.samba.connect_admin("em1").add_s(
            copied.source.replace(NAME, SECOND),
            [("objectClass", b"serviceConnectionPoint"), ("keywords", b"QmmEx"),
             ("serviceBindingInformation", b"Server=second")])
        try:
            answer = copied.run("sync", "--yes", exit=3)
            changes = {one["op"]: one for one in answer["changes"]}
            assert changes["update"]["result"] == "done"
            assert changes["create"]["result"] == "skipped"
            assert changes["create"]["error"] == (
                f"create of CN={SECOND},{copied.samba.container}: not tried: "
                "cannot connect to ldap://dc1.corp.test: 10.99.0.11: Connection refused")
            held, = answer["held"]
            assert (held["op"], held["reason"], held["dn"]) == (
                "create", "write-dc-unavailable", f"CN={SECOND},{copied.samba.container}")
            assert held["detail"] == changes["create"]["error"]
            assert held["hint"] == ("creates and deletes of a domain go to one server only (on AD the PDC emulator): "
                                    "bring it back, or move the role")
            assert copied.agent_finds("dc2") == [(copied.copy_dn, {b"Server=new"})]
            copied.samba.start("dc1")
            until(lambda: copied.agent_finds() == [(copied.copy_dn, {b"Server=new"})], "dc2's write at dc1")
            change, = copied.run("sync", "--yes")["changes"]
            assert (change["op"], change["result"]) == ("create", "done")
        finally:
            copied.samba.connect_admin("em1").delete_s(copied.source.replace(NAME, SECOND))
    finally:
        copied.samba.start("dc1")


BY_DNS, BY_NAME = {}, {"domains": {"emea.corp.test": {"servers": ["ldap://em1.emea.corp.test"]}}}
CONNECT = "cannot connect to ldap://em1.emea.corp.test: 10.99.0.21: "


@pytest.mark.parametrize("fault, remedy, servers, message", [
    ("kill", "start", BY_NAME, CONNECT + "Connection refused"),
    ("pause", "resume", BY_NAME, "cannot bind with GSSAPI on ldap://em1.emea.corp.test: "),
    ("cut", "heal", BY_NAME, CONNECT),
    # Its only DC is its only name server, too.
    ("kill", "start", BY_DNS, "DNS: SRV _ldap._tcp.dc._msdcs.emea.corp.test: "),
])
def test_while_the_sources_domain_is_not_to_be_had_the_copy_stays(copied, fault, remedy, servers, message):
    copied.servers = servers
    assert copied.run("plan")["in_sync"] == 1
    getattr(copied.samba, fault)("em1")
    try:
        answer = copied.run("sync", "--yes", exit=4)
        assert [(one["reason"], one["dn"]) for one in answer["held"]] == [("source-not-seen", copied.copy_dn)]
        assert not answer["changed"]
        error, = (one["error"] for one in answer["domains"] if one["domain"] == "emea.corp.test")
        assert error.startswith(message)
    finally:
        getattr(copied.samba, remedy)("em1")
    until(lambda: copied.agents_ticket("em1"), "em1")
    assert copied.run("plan")["in_sync"] == 1


def test_the_daemon_follows_when_dcs_die_while_it_watches(copied):
    log = copied.watch()

    def follows(value: str, dc: str) -> None:
        copied.publish(value)
        until(lambda: copied.agent_finds(dc) == [(copied.copy_dn, {value.encode()})],
              f"{value} at {dc}\n{log.read_text()}", 60)

    try:
        for domain in ("corp.test", "emea.corp.test"):
            copied.says(log, f"watching {domain} by notify")
        follows("Server=1", "dc1")
        copied.samba.kill("dc1")
        follows("Server=2", "dc2")
        copied.samba.start("dc1")
        copied.samba.kill("em1")
        said = copied.says(log, "no longer watching emea.corp.test: ")
        assert "lost the connection to ldap://em1.emea.corp.test: " in said and said.endswith("; trying again")
        copied.samba.start("em1")
        follows("Server=3", "dc1")
    finally:
        copied.samba.start("dc1")
        copied.samba.start("em1")
