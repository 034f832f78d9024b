"""Log-ins at real domain controllers, parent and child: each way in, or what a person sees instead; certificates that
are not good; name servers that are dead, late or wrong."""

import json
import os
import time

import pytest

from between import Between
from resolver import Resolver
from scene import BUILD
from scplab.certs import Authority
from topology import HUB_ADDRESS

ROOT, CHILD = "corp.test", "emea.corp.test"


class Client:
    """scpctl with settings that name the forest, and how to log in: no server."""

    def __init__(self, story):
        self.story, self.samba, self.service = story, story.samba, story.samba.info["service"]
        self.environment = dict(os.environ) | {"KRB5CCNAME": f"FILE:{story.work}/ccache"}

    def auth(self, mechanism: str, source: str) -> dict:
        """source: of key or password."""
        secret = "password" if mechanism == "simple" else "keytab"
        content = self.service["password"].encode()
        if secret == "keytab":
            content = open(self.service["keytab"], "rb").read()
        folder = self.story.work / "credentials"
        folder.mkdir(exist_ok=True)
        (folder / "of-scpd").write_bytes(content)
        (folder / "of-scpd").chmod(0o600)
        auth = {"mechanism": mechanism}
        auth |= {"bind_dn": self.service["upn"]} if mechanism == "simple" else {"principal": self.service["principal"]}
        if source == "kinit":
            self.samba.client_run(["kinit", "-k", "-t", self.service["keytab"], self.service["principal"]],
                                  check=True, env=self.environment)
        elif source == "systemd":
            self.environment["CREDENTIALS_DIRECTORY"] = str(folder)
            auth["credential"] = "of-scpd"
        else:
            auth["password_file" if secret == "password" else "keytab"] = str(folder / "of-scpd")
        return auth

    def run(self, *arguments: str) -> tuple[int, dict]:
        done = self.samba.client_run(
            [str(BUILD / "scpctl/scpctl"), "-c", self.story.config(), "--history", str(self.story.work / "history"),
             "-o", "json", *arguments], capture_output=True, timeout=120, env=self.environment)
        return done.returncode, json.loads(done.stdout)

    def domains(self) -> tuple[int, dict[str, str | None], dict]:
        """What plan says of each domain: None where it was read to its end."""
        code, answer = self.run("plan")
        return code, {one["domain"]: one["error"] for one in answer.get("domains", [])}, answer


@pytest.fixture
def client(story):
    return Client(story)


@pytest.mark.parametrize("source", ["keytab", "kinit", "systemd"])
@pytest.mark.parametrize("mechanism", ["gssapi", "gss-spnego"])
def test_kerberos_reads_the_whole_forest_sealed(client, mechanism, source):
    """One account of the root, in the child by the trust; strength 128 at least, or it would have been refused."""
    client.story.servers = {"auth": client.auth(mechanism, source)}
    code, domains, answer = client.domains()
    assert (code, domains) == (1, {ROOT: None, CHILD: None}), answer
    assert [change["op"] for change in answer["changes"]] == ["create"]


@pytest.mark.parametrize("mode", ["ldaps", "starttls"])
@pytest.mark.parametrize("mechanism", ["gssapi", "gss-spnego"])
def test_kerberos_inside_tls_is_refused_by_samba_and_said(client, mechanism, mode):
    client.story.servers = {"auth": client.auth(mechanism, "keytab"),
                            "tls": {"mode": mode, "ca_file": client.samba.ca_file}}
    code, answer = client.run("plan")
    assert code == 4, answer
    error = answer["error"]
    assert f"cannot bind with {mechanism.upper()}" in error["message"], error
    assert "Sign or Seal are required" in error["message"]
    assert error["hint"] == ("This server takes no Kerberos log-in inside TLS: use an ldap:// URI with tls: "
                             "{mode: none}, where Kerberos itself seals the session.")


@pytest.mark.parametrize("mode, source", [("ldaps", "file"), ("starttls", "systemd")])
def test_a_password_is_good_in_its_own_domain(client, mode, source):
    client.story.servers = {"auth": client.auth("simple", source), "tls": {"mode": mode, "ca_file": client.samba.ca_file}}
    code, domains, answer = client.domains()
    assert code == 4 and domains[ROOT] is None, answer
    assert "data 52e" in domains[CHILD] and "(wrong password (or, for a UPN, no such account))" in domains[CHILD]


# ---- certificates


BAD = [
    ("expired", "has expired", "Renew it at the server"),
    ("wrong-name", "wrong name: the server's certificate is for elsewhere.example", "Use the name that is in"),
    ("other-ca", "unknown CA: the server's certificate was issued by", "must hold that CA's certificate"),
]


@pytest.mark.parametrize("kind, message, hint", BAD)
def test_a_bad_certificate_in_front_of_a_dc(client, kind, message, hint):
    """By plan and by preflight. The DC behind is good: nothing of it is seen."""
    authority = Authority(client.story.work)
    certificate = authority.bad_server(kind, [], [HUB_ADDRESS])
    with client.samba.network(), Between(HUB_ADDRESS, certificate, (client.samba.info["address"], 636)) as front:
        client.story.servers = {
            "servers": [f"ldaps://{HUB_ADDRESS}:{front.port}"], "auth": client.auth("simple", "file"),
            "tls": {"mode": "ldaps", "ca_file": str(authority.file)}}
        code, answer = client.run("plan")
        assert code == 4 and message in answer["error"]["message"] and hint in answer["error"]["hint"], answer
        assert f"TLS with ldaps://{HUB_ADDRESS}" in answer["error"]["message"]
        code, answer = client.run("preflight")
        bad = [row for row in answer["checks"] if not row["ok"]]
        assert code == 4 and any(message in row["detail"] and hint in row["hint"] for row in bad), answer


def test_the_dcs_own_certificate_by_the_systems_cas(client):
    client.story.servers = {"auth": client.auth("simple", "file"), "tls": {"mode": "ldaps"}}
    code, answer = client.run("plan")
    assert code == 4 and "unknown CA" in answer["error"]["message"], answer
    assert "CN=scpd lab CA" in answer["error"]["message"] and "tls.ca_file" in answer["error"]["hint"]


# ---- name servers


@pytest.fixture
def dns(client):
    client.story.servers = {"timeouts": {"connect": "2s", "operation": "10s"}}
    with Resolver(client.samba) as one:
        yield one


NO_DNS = [
    ("dead", 0, "DNS did not answer in time for SRV _ldap._tcp.dc._msdcs.corp.test"),
    ("pass", 3, "DNS did not answer in time for SRV _ldap._tcp.dc._msdcs.corp.test"),
    ("nxdomain", 0, "DNS has no servers for corp.test"),
    ("no-address", 0, "cannot connect to ldap://dc1.corp.test: DNS: dc1.corp.test: Name or service not known"),
]


@pytest.mark.parametrize("mode, late, message", NO_DNS, ids=["dead", "too late", "no such name", "no address"])
def test_without_dns_nothing_is_found_and_it_is_said_in_time(client, dns, mode, late, message):
    dns.mode, dns.late = mode, late
    begun = time.monotonic()
    code, answer = client.run("plan")
    assert code == 4 and message in answer["error"]["message"], answer
    assert "DNS servers" in answer["error"]["hint"]
    assert time.monotonic() - begun < 15


def test_late_answers_of_dns_are_waited_for(client, dns):
    dns.late = 0.5
    code, domains, answer = client.domains()
    assert (code, domains) == (1, {ROOT: None, CHILD: None}), answer


def test_the_daemon_goes_on_when_dns_heals(client, dns):
    dns.mode = "dead"
    log = client.story.watch()
    assert "forest corp is incomplete: DNS did not answer in time" in client.story.says(log, "DNS")
    dns.mode = "pass"
    client.story.says(log, "1 done")
    assert client.story.agent_finds(), log.read_text()
