"""The published story in a real forest: the product's SCP in the child domain, the agent's account in the root.

All that the settings say of the forest is its root's DNS name, and how to log in: one account of the root, by Kerberos,
for all domains. What becomes of it when a domain controller dies, falls silent or is cut off is told as a person sees it.
"""

import json

import pytest
import yaml

from sambalab import SambaLab
from scene import BUILD, FILTER, NAME
from test_forest_lab import ROOT, agents_ticket, found, until

SECOND = "second"


class Story:
    def __init__(self, samba: SambaLab, work):
        self.samba, self.work = samba, work
        self.copy_dn = f"CN={NAME},{samba.container}"
        self.source = ""  # once it is published
        self.servers = {}  # what settings say of the forest besides its name

    def config(self) -> str:
        service = self.samba.info["service"]
        settings = {
            "instance": "lab",
            "forests": [{"name": "corp", "domain": "corp.test", "tls": {"mode": "none"},
                         "auth": {"mechanism": "gssapi", "principal": service["principal"],
                                  "keytab": service["keytab"]}} | self.servers],
            "daemon": {"poll": "200ms", "resync": "10m"},
            "limits": {"deletes": 5, "delete_percent": 100},
            "rules": [{"name": "mage", "match": {"keywords": ["QmmEx"]}, "trust": {"domains": ["emea.corp.test"]},
                       "accounts": [r"CORP\svc-mage"], "mode": "sync", "prune": {"grace": "0s", "confirmations": 1}}],
        }
        path = self.work / "scpd.yaml"
        path.write_text(yaml.safe_dump(settings))
        return str(path)

    def run(self, *arguments: str, exit: int = 0) -> dict:
        done = self.samba.client_run([str(BUILD / "scpctl/scpctl"), "-c", self.config(), "--history",
                                      str(self.work / "history"), "-o", "json", *arguments],
                                     capture_output=True, text=True, timeout=120)
        assert done.returncode == exit, done
        return json.loads(done.stdout)

    def agent_finds(self, dc: str = "dc1") -> list[tuple[str, set[bytes]]]:
        entries = found(agents_ticket(self.samba, dc=dc), ROOT, FILTER, ["serviceBindingInformation"])
        return [(dn, set(entry["serviceBindingInformation"])) for dn, entry in entries]

    def bindings(self, dn: str, dc: str) -> set[bytes]:
        entries = found(self.samba.connect_admin(dc), dn, "(objectClass=*)", ["serviceBindingInformation"])
        return set(entries[0][1]["serviceBindingInformation"])

    def publish(self, value: str) -> None:
        """As the product does it: in the child domain."""
        self.samba.connect_admin("em1").modify_s(
            self.source, [(2, "serviceBindingInformation", [value.encode()])])

    def clean(self):
        admin = self.samba.connect_admin("dc1")
        for dn, _ in found(admin, self.samba.container, "(objectClass=serviceConnectionPoint)"):
            admin.delete_s(dn)


@pytest.fixture(scope="module")
def forest(samba_available):
    with SambaLab(layout="forest") as lab:
        yield lab


@pytest.fixture
def story(forest, tmp_path):
    one = Story(forest, tmp_path)
    with forest.product_scp(dc="em1") as one.source:
        yield one
        one.clean()


@pytest.fixture
def copied(story):
    """The story after its first sync, when both DCs of the root have the copy."""
    assert story.run("sync", "--yes")["changed"]
    until(lambda: story.agent_finds("dc2"), "the copy at dc2")
    return story


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
            changes = {one["op"]: one for one in copied.run("sync", "--yes", exit=3)["changes"]}
            assert changes["update"]["result"] == "done"
            assert changes["create"]["result"] == "skipped"
            assert changes["create"]["error"] == (
                f"create of CN={SECOND},{copied.samba.container}: not tried: "
                "cannot connect to ldap://dc1.corp.test: 10.99.0.11: Connection refused")
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
    until(lambda: agents_ticket(copied.samba, dc="em1"), "em1")
    assert copied.run("plan")["in_sync"] == 1


def test_the_daemon_follows_when_dcs_die_while_it_watches(copied):
    log = copied.work / "scpd.log"
    with log.open("w") as stderr:
        daemon = copied.samba.client_popen([str(BUILD / "daemon/scpd"), "-c", copied.config(), "--history",
                                            str(copied.work / "history")], stderr=stderr)

    def follows(value: str, dc: str) -> None:
        copied.publish(value)
        until(lambda: copied.agent_finds(dc) == [(copied.copy_dn, {value.encode()})], f"{value} at {dc}\n{log.read_text()}")

    try:
        for domain in ("corp.test", "emea.corp.test"):
            until(lambda: f"watching {domain} by usn" in log.read_text(), f"the watch of {domain}")
        follows("Server=1", "dc1")
        copied.samba.kill("dc1")
        follows("Server=2", "dc2")
        copied.samba.start("dc1")
        copied.samba.kill("em1")
        until(lambda: "em1.emea.corp.test" in log.read_text(), "that em1 is missed")
        copied.samba.start("em1")
        follows("Server=3", "dc1")
    finally:
        copied.samba.start("dc1")
        copied.samba.start("em1")
        daemon.terminate()
        assert daemon.wait(timeout=10) == 0, log.read_text()
