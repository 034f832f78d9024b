"""Two forests with a trust: sources in one, accounts in the other, and credentials of each one's own.

Nothing but the forests' DNS names is in the settings. A third forest, of slapds, has a source of its own: what becomes
of its copy tells that a forest that is down holds only what concerns it.
"""

import contextlib
import json

import ldap
import pytest

from objects import sid_of, until
from sambalab import SambaLab
from scene import FILTER, NAME, Scene
from story import found
from test_forest_lab import agents_ticket
from test_trust_on_samba import text_of

SOURCE = "DC=source,DC=test"
NEAR = "near"  # the third forest's source


class TwoForests(Scene):
    def __init__(self, samba: SambaLab, work):
        super().__init__(samba, work)
        self.product = ""  # the DN of the product's SCP in source.test, once it is published
        self.near_dn = f"CN={NEAR},{samba.container}"
        self.trusted = ["source.test"]
        self.source_login = self.kerberos("source.test", "svc-source")
        self.servers = {}  # of source.test, where DNS is not to tell
        self.timeouts = {"connect": "2s", "operation": "5s"}
        emea = next(domain for domain in self.source["domains"] if domain["key"] == "emea")
        self.third = emea["nc"], ["-Q", "-Y", "EXTERNAL", "-H", emea["ldapi"]]
        own = f"CN={NAME},CN=Exchange Migration Project,CN=QmmEx,CN=Migration Manager,CN=Quest Software,CN=System"
        samba.client_run(["ldapdelete", *self.third[1], f"{own},{emea['nc']}"], check=True)  # published elsewhere here

    def kerberos(self, domain: str, account: str) -> dict:
        who = self.samba.info["domains"][domain]["accounts"][account]
        return {"tls": {"mode": "none"},
                "auth": {"mechanism": "gssapi", "principal": who["principal"], "keytab": who["keytab"]}}

    def simple(self) -> dict:
        """svc-source's password, over LDAPS."""
        who = self.samba.info["domains"]["source.test"]["accounts"]["svc-source"]
        secret = self.work / "source-password"
        secret.write_text(who["password"])
        secret.chmod(0o600)
        return {"tls": {"mode": "ldaps", "ca_file": self.samba.ca_file},
                "auth": {"mechanism": "simple", "bind_dn": who["upn"], "password_file": str(secret)}}

    def config(self, *accounts, third: bool = False) -> str:
        rule = {"match": {"keywords": ["QmmEx"]}, "mode": "sync", "prune": {"grace": "0s", "confirmations": 1},
                "accounts": list(accounts) or [{"forest": "corp", "account": r"CORP\svc-mage"}]}
        own = [self.kerberos("corp.test", "svc-scpd") | {"name": "corp", "domain": "corp.test"},
               self.source_login | {"name": "source", "domain": "source.test"} | self.servers]
        settings = {"instance": "lab", "forests": [one | {"timeouts": self.timeouts} for one in own],
                    "rules": [rule | {"name": "mage", "trust": {"domains": self.trusted}}]}
        if third:
            slapds = self.settings()["forests"][0]
            settings["forests"].append(slapds | {"name": "third"})
            settings["rules"].append(rule | {"name": NEAR, "match": {"keywords": [NEAR]},
                                             "trust": {"domains": ["emea.corp.test"]}})
        return self.write(json.loads(json.dumps(settings)))  # what is shared is written out: no YAML anchors

    def run(self, *arguments: str, config: str = "", exit: int = 0) -> dict:
        done = self.scpctl(*arguments, config=config or self.config())
        assert done.returncode == exit, done.stdout + done.stderr
        return json.loads(done.stdout)

    def agent(self) -> list[tuple[str, set[bytes]]]:
        """What the agent finds, by its own ticket."""
        entries = found(agents_ticket(self.samba), self.samba.nc, FILTER, ["serviceBindingInformation"])
        return [(dn, set(entry["serviceBindingInformation"])) for dn, entry in entries]

    def publish(self, value: str) -> None:
        self.samba.connect_admin("src1").modify_s(
            self.product, [(ldap.MOD_REPLACE, "serviceBindingInformation", [value.encode()])])

    def near_source(self, binding: str | None) -> None:
        """Published (anew) in the third forest's emea.corp.test; None: it goes."""
        nc, as_root = self.third
        dn = f"CN={NEAR},CN=System,{nc}"
        self.samba.client_run(["ldapdelete", *as_root, dn], capture_output=True)
        if binding:
            ldif = (f"dn: {dn}\nobjectClass: serviceConnectionPoint\ncn: {NEAR}\nkeywords: {NEAR}\n"
                    f"serviceBindingInformation: {binding}\n")
            self.samba.client_run(["ldapadd", *as_root], input=ldif, check=True, capture_output=True)


@pytest.fixture(scope="module")
def lab(forests, tmp_path_factory):
    scene = TwoForests(forests, tmp_path_factory.mktemp("two"))
    yield scene
    scene.close()


@pytest.fixture
def two(lab):
    with lab.samba.product_scp(dc="src1") as lab.product:
        yield lab
        lab.clean()
        lab.trusted, lab.servers = ["source.test"], {}
        lab.source_login = lab.kerberos("source.test", "svc-source")


@pytest.mark.parametrize("login", ["kerberos", "simple"])
def test_each_forest_by_its_own_credentials_and_the_agent_finds_its_scp(two, login):
    if login == "simple":
        two.source_login = two.simple()
    topology = two.run("topology")
    assert {(forest["name"], domain["domain"], server["reachable"]) for forest in topology["forests"]
            for domain in forest["domains"] for server in domain["servers"]} \
        == {("corp", "corp.test", True), ("source", "source.test", True)}

    assert two.agent() == []
    change, = two.run("sync", "--yes")["changes"]
    assert (change["op"], change["forest"], change["source"]["domain"], change["result"]) \
        == ("create", "corp", "source.test", "done")
    two.publish("Server=new")
    assert [one["reason"] for one in two.run("sync", "--yes")["changes"]] == ["source-changed"]
    assert two.agent() == [(two.copy_dn, {b"Server=new"})]
    assert two.run("plan")["in_sync"] == 1


def test_another_forest_is_trusted_only_by_name(two):
    two.trusted = []
    held, = two.run("plan", exit=1)["held"]
    assert (held["reason"], held["dn"]) == ("untrusted-domain", two.product)
    assert held["detail"] == "the rule matches it, but its domain is not trusted"
    assert held["hint"] == "If agents should find it, add its domain to trust.domains."
    assert two.agent() == []


def test_a_password_that_one_forest_refuses_costs_that_forest(two):
    """The trust, and the other forest's ticket, would let us in: they are not ours to use there."""
    two.source_login = two.simple()
    (two.work / "source-password").write_text("wrong")
    answer = two.run("plan", exit=4)
    states = {one["domain"]: (one["complete"], one["error"]) for one in answer["domains"]}
    assert states["corp.test"] == (True, None)
    assert not states["source.test"][0] and "data 52e" in states["source.test"][1], states
    assert answer["changes"] == []


@pytest.mark.parametrize("fault, remedy, servers, message", [
    ("kill", "start", {}, "SRV _ldap._tcp.dc._msdcs.source.test"),  # its only DC is its name server, too
    ("pause", "resume", {"servers": ["ldap://src1.source.test"]}, " ldap://src1.source.test: "),
])
def test_a_forest_that_is_down_holds_only_what_concerns_it(two, fault, remedy, servers, message):
    two.servers = servers
    two.near_source("Port=1")
    try:
        assert len(two.run("sync", "--yes", config=two.config(third=True))["changes"]) == 2
        two.near_source("Port=2")
        two.publish("not seen")
        before = two.agent()
        getattr(two.samba, fault)("src1")
        try:
            answer = two.run("sync", "--yes", config=two.config(third=True), exit=4)
        finally:
            getattr(two.samba, remedy)("src1")
        assert [(one["rule"], one["reason"], one["dn"]) for one in answer["held"]] \
            == [("mage", "source-not-seen", two.copy_dn)]
        assert [(one["rule"], one["op"], one["dn"], one["result"]) for one in answer["changes"]] \
            == [(NEAR, "update", two.near_dn, "done")]
        error, = (one["error"] for one in answer["domains"] if one["forest"] == "source")
        assert message in error
        assert two.agent() == before and two.samba.read(two.near_dn)["serviceBindingInformation"] == [b"Port=2"]

        until(lambda: agents_ticket(two.samba, dc="src1"), "src1")
        again = two.run("sync", "--yes", config=two.config(third=True))
        assert [(one["rule"], one["reason"]) for one in again["changes"]] == [("mage", "source-changed")]
        assert two.agent() == [(two.copy_dn, {b"not seen"})]
    finally:
        two.near_source(None)


# -------------------- foreignSecurityPrincipals: members of another forest


@contextlib.contextmanager
def group_with_members_of(samba, *sids: str):
    """A domain local group of corp.test; AD makes a foreignSecurityPrincipal of each member that is not its own."""
    dn = f"CN=foreign agents,CN=Users,{samba.nc}"
    samba.add(dn, {"objectClass": "group", "sAMAccountName": "foreign agents", "groupType": "-2147483644"})
    try:
        samba.admin.modify_s(dn, [(ldap.MOD_ADD, "member", [f"<SID={sid}>".encode() for sid in sids])])
        yield dn
    finally:
        members = samba.read(dn, ["member"])["member"]
        samba.delete(dn)
        for member in members:
            samba.delete(member.decode())


def test_a_member_of_another_forest_is_found_by_its_sid(two):
    """Group in corp.test, account in source.test, product in corp.test: the copy goes to source.test."""
    source = two.samba.info["domains"]["source.test"]
    account = source["accounts"]["svc-source"]
    sid = text_of(sid_of(two.samba.connect_admin("src1"), account["dn"]))
    two.trusted = ["corp.test"]
    copy = two.copy_dn.replace(two.samba.nc, SOURCE)
    two.samba.connect_admin("src1").delete_s(two.product)
    try:
        with group_with_members_of(two.samba, sid) as group, two.samba.product_scp():
            config = two.config({"forest": "corp", "group": group})
            change, = two.run("sync", "--yes", config=config)["changes"]
            assert (change["op"], change["dn"], change["result"]) == ("create", copy, "done")
            answer = two.run("plan", config=config)
            assert {one["domain"]: one["accounts"] for one in answer["domains"]} \
                == {"corp.test": [], "source.test": [account["dn"]]}
            as_agent = two.samba.connect_kerberos(account["keytab"], dc="src1")
            assert [dn for dn, _ in found(as_agent, SOURCE, FILTER)] == [copy]

            two.samba.kill("src1")
            try:
                held = two.run("plan", config=config, exit=4)["held"]
            finally:
                two.samba.start("src1")
            unresolved = {one["detail"] for one in held if one["reason"] == "account-unresolved"}
            assert all(sid in why and "forest source: " in why for why in unresolved) and len(unresolved) == 1, held
    finally:
        admin = two.samba.connect_admin("src1")
        for dn, _ in found(admin, source["container"], "(objectClass=serviceConnectionPoint)"):
            admin.delete_s(dn)
        two.samba.seed_product_scp(dc="src1")


def test_a_member_of_a_forest_that_nobody_names_leaves_the_group_unresolved(two):
    with group_with_members_of(two.samba, "S-1-5-21-1-2-3-1000") as group:
        held = two.run("plan", config=two.config({"forest": "corp", "group": group}), exit=1)["held"]
    assert [(one["reason"], one["detail"]) for one in held if one["reason"] == "account-unresolved"] \
        == [("account-unresolved", f"{group}: the member S-1-5-21-1-2-3-1000 is in none of the forests")]
