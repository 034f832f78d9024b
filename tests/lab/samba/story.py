"""The published story: the product's SCP in the child domain, the agent's account in the root, and what a test does with it."""

import contextlib
import json
import subprocess
from pathlib import Path

import ldap

from objects import until
from scene import BUILD, FILTER, NAME, Programs

ROOT = "DC=corp,DC=test"
DC1, DC2, EM1 = "ldap://dc1.corp.test", "ldap://dc2.corp.test", "ldap://em1.emea.corp.test"
BINDING = "serviceBindingInformation"
SCP = [("objectClass", b"serviceConnectionPoint")]


def found(connection, base: str, filterstr: str, attributes=("1.1",)) -> list[tuple[str, dict]]:
    answer = connection.search_s(base, 2, filterstr, list(attributes))
    return [(dn, entry) for dn, entry in answer if dn is not None]  # without references


class Story(Programs):
    def __init__(self, samba, work: Path):
        super().__init__(samba, work)
        self.copy_dn = f"CN={NAME},{samba.container}"
        self.source = ""  # once it is published
        self.servers = {}  # what settings say of the forest besides its name
        self.settings = {}  # besides the usual
        self.rules = [{"name": "mage", "match": {"keywords": ["QmmEx"]}, "trust": {"domains": ["emea.corp.test"]},
                       "accounts": [r"CORP\svc-mage"], "mode": "sync", "prune": {"grace": "0s", "confirmations": 1}}]
        self.watches: list[tuple[subprocess.Popen, Path]] = []

    def config(self, name: str = "scpd.yaml") -> str:
        service = self.samba.info["service"]
        return self.write({
            "instance": "lab",
            "forests": [{"name": "corp", "domain": "corp.test", "tls": {"mode": "none"},
                         "auth": {"mechanism": "gssapi", "principal": service["principal"],
                                  "keytab": service["keytab"]}} | self.servers],
            "daemon": {"poll": "200ms", "resync": "10m"},
            "limits": {"deletes": 5, "delete_percent": 100},
            "rules": self.rules,
        } | self.settings, name)

    def run(self, *arguments: str, exit: int | None = 0) -> dict:
        """exit: None where anything will do."""
        done = self.scpctl(*arguments, config=self.config())
        assert exit in (None, done.returncode), done
        return json.loads(done.stdout)

    def begin(self, *arguments: str, stderr) -> subprocess.Popen:
        """scpctl, which somebody waits for: see moments.py."""
        command = [str(BUILD / "scpctl/scpctl"), "-v", "-c", self.config(), "--history", str(self.work / "history"),
                   "-o", "json", *arguments]
        return self.samba.client_popen(command, stdout=subprocess.PIPE, stderr=stderr)

    def watch(self, config: str | None = None) -> Path:
        """scpd, until the test ends; answers its log."""
        log = self.work / f"scpd-{len(list(self.work.glob('scpd-*.log')))}.log"
        with log.open("w") as stderr:
            self.watches.append((self.scpd(config or self.config(), stderr), log))
        return log

    def says(self, log: Path, text: str, seconds: float = 60) -> str:
        """The first line of a log with this text."""
        def line():
            return next((one for one in log.read_text().splitlines() if text in one), "")

        try:
            return until(line, text, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{log.read_text()}") from None

    def agents_ticket(self, dc: str):
        return self.samba.connect_kerberos(self.samba.info["agent"]["keytab"], dc=dc)

    def agent_finds(self, dc: str = "dc1") -> list[tuple[str, set[bytes]]]:
        entries = found(self.agents_ticket(dc), ROOT, FILTER, ["serviceBindingInformation"])
        return [(dn, set(entry["serviceBindingInformation"])) for dn, entry in entries]

    def bindings(self, dn: str, dc: str) -> set[bytes]:
        entries = found(self.samba.connect_admin(dc), dn, "(objectClass=*)", ["serviceBindingInformation"])
        return set(entries[0][1]["serviceBindingInformation"])

    def publish(self, value: str) -> None:
        """As the product does it: in the child domain."""
        self.samba.connect_admin("em1").modify_s(
            self.source, [(2, "serviceBindingInformation", [value.encode()])])

    def copies(self, dc: str = "dc1") -> dict[str, bytes]:
        """DN and objectGUID of all that is in the root's container, conflict objects too."""
        entries = found(self.samba.connect_admin(dc), self.samba.container, "(objectClass=serviceConnectionPoint)",
                        ["objectGUID"])
        return {dn: entry["objectGUID"][0] for dn, entry in entries}

    def end_watch(self, which: int) -> None:
        daemon, log = self.watches.pop(which)
        daemon.terminate()
        assert daemon.wait(timeout=10) == 0, log.read_text()

    def end_watches(self) -> None:
        while self.watches:
            self.end_watch(0)

    def clean(self) -> None:
        """What is left at one of the root's DCs is so at both: each must have the other's writes first."""
        try:
            self.end_watches()
        finally:
            for dc in ("dc1", "dc2"):
                admin = self.samba.connect_admin(dc)
                for dn in self.copies(dc):
                    with contextlib.suppress(ldap.NO_SUCH_OBJECT):  # the other DC's deletes come meanwhile
                        admin.delete_s(dn)
            until(lambda: [self.copies(dc) for dc in ("dc1", "dc2")] == [{}, {}], "the end of the copies", 60)

    @contextlib.contextmanager
    def kdc_of(self, dc: str, alone: bool = False):
        """Tickets come from this DC: libkrb5 waits ten seconds for a KDC that is silent before it asks the next.
        alone: there is no next."""
        path = self.samba.dir / "client/krb5.conf"
        before = path.read_text()
        asked = f"        kdc = {self.samba.dc(dc)['address']}\n"
        changed = before.replace(asked, "")
        if alone:
            for other in self.samba.info["domains"]["corp.test"]["dcs"].values():
                for kind in ("kdc", "master_kdc"):
                    changed = changed.replace(f"        {kind} = {other['address']}\n", "")
        path.write_text(changed.replace("    CORP.TEST = {\n", "    CORP.TEST = {\n" + asked))
        try:
            yield
        finally:
            path.write_text(before)


class Downwards:
    """Sources in the root, with two DCs; their copies in the child domain. Beside them, the story's own way up."""

    def __init__(self, story):
        self.story, self.samba = story, story.samba
        self.container = self.samba.info["domains"]["emea.corp.test"]["container"]
        story.servers = {"servers": [DC2, DC1], "domains": {"emea.corp.test": {"servers": [EM1]}}}
        at_once = story.rules[0]["prune"]  # the least patience: nothing but the reads themselves guards the copies
        story.rules.append({"name": "down", "match": {"keywords": ["Down"]}, "trust": {"domains": ["corp.test"]},
                            "accounts": [r"EMEA\svc-emea"], "mode": "sync", "prune": dict(at_once)})

    def source(self, name: str) -> str:
        return f"CN={name},CN=System,{ROOT}"

    def publish(self, name: str, value: bytes, dc: str = "dc2") -> None:
        self.samba.connect_admin(dc).add_s(
            self.source(name), SCP + [("keywords", b"Down"), (BINDING, value)])

    def renew(self, name: str, value: bytes, dc: str = "dc2") -> None:
        self.samba.connect_admin(dc).modify_s(self.source(name), [(2, BINDING, [value])])

    def copies(self) -> dict[str, list[bytes]]:
        entries = found(self.samba.connect_admin("em1"), self.container, "(keywords=Down)", [BINDING])
        return {dn.split(",")[0].removeprefix("CN="): entry[BINDING] for dn, entry in entries}

    def sources(self, dc: str) -> dict[str, list[bytes]]:
        entries = found(self.samba.connect_admin(dc), f"CN=System,{ROOT}", "(keywords=Down)", [BINDING])
        return {dn.split(",")[0].removeprefix("CN="): entry[BINDING] for dn, entry in entries}

    def clean(self) -> None:
        for dc in ("dc1", "dc2"):
            admin = self.samba.connect_admin(dc)
            for name in self.sources(dc):
                with contextlib.suppress(ldap.NO_SUCH_OBJECT):  # the other DC's deletes come meanwhile
                    admin.delete_s(self.source(name))
        admin = self.samba.connect_admin("em1")
        for name in self.copies():
            admin.delete_s(f"CN={name},{self.container}")
