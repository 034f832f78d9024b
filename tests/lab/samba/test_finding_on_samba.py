"""Finding DCs in a real forest by its name alone: SRV, site, ping, and what scpctl topology shows."""

import json

import pytest

from ipv6 import ByIPv6
from objects import until
from scene import Programs
from topology import SITE


class Finding(Programs):
    def __init__(self, samba, work):
        super().__init__(samba, work)
        self.more = {}  # what settings say of the forest besides its name

    def config(self) -> str:
        service = self.samba.info["service"]
        return self.write({
            "instance": "lab",
            "forests": [{"name": "corp", "domain": "corp.test", "tls": {"mode": "none"},
                         "auth": {"mechanism": "gssapi", "principal": service["principal"],
                                  "keytab": service["keytab"]}} | self.more],
            "rules": [{"name": "mage", "match": {"keywords": ["QmmEx"]}, "accounts": [r"CORP\svc-mage"]}],
        })

    def run(self, *arguments: str) -> dict:
        return json.loads(self.scpctl(*arguments, config=self.config()).stdout)

    def servers(self, domain: str = "corp.test") -> dict[str, dict]:
        """In the order of DNS, by name."""
        forest, = self.run("topology")["forests"]
        one, = (one for one in forest["domains"] if one["domain"] == domain)
        return {server["dns_name"]: server for server in one["servers"]}

    def read(self) -> dict[str, str]:
        """Which server each domain is read from."""
        return {one["domain"]: one["server"] for one in self.run("plan")["domains"]}


@pytest.fixture
def finding(forest, tmp_path):
    return Finding(forest, tmp_path)


def test_topology_shows_sites_roles_trusts_and_lag(finding):
    servers = finding.servers()
    assert {name: (one["pdc"], one["gc"], one["writable"], one["reachable"], one["site"])
            for name, one in servers.items()} == {
        "dc1.corp.test": (True, True, True, True, SITE), "dc2.corp.test": (False, True, True, True, SITE)}
    assert all(0 <= one["lag_s"] < 300 for one in servers.values()), servers
    child, = finding.servers("emea.corp.test").values()
    assert child["pdc"] and child["lag_s"] is None  # nobody sends it changes of its own domain
    forest, = finding.run("topology")["forests"]
    assert {(one["domain"], one["direction"], one["type"]) for one in forest["trusts"]} == {
        ("emea.corp.test", "bidirectional", "parent-child"), ("corp.test", "bidirectional", "parent-child")}


def test_a_dc_that_hears_nothing_lags_more_and_more(finding):
    finding.samba.kill("dc2")
    try:
        until(lambda: finding.servers()["dc1.corp.test"]["lag_s"] > 10, "that dc1 misses dc2")
    finally:
        finding.samba.start("dc2")
    until(lambda: finding.servers()["dc1.corp.test"]["lag_s"] < 10, "that dc1 hears of dc2 again")


@pytest.mark.parametrize("fault, remedy", [("kill", "start"), ("cut", "heal")])
def test_a_dc_that_answers_no_ping_is_not_waited_for(finding, fault, remedy):
    """Without it dc2 is read, long before a connection to dc1 would time out. (A DC whose programs stand still is left
    out: as a KDC it takes connections, and libkrb5 waits ten seconds for each answer.)"""
    assert finding.read()["corp.test"] == "ldap://dc1.corp.test"
    finding.more = {"timeouts": {"connect": "60s"}}
    getattr(finding.samba, fault)("dc1")
    try:
        assert finding.read()["corp.test"] == "ldap://dc2.corp.test"
    finally:
        getattr(finding.samba, remedy)("dc1")


def test_a_dc_that_has_an_ipv6_address_alone(finding):
    """Pinged, logged in to by its name (Kerberos) and read over IPv6."""
    with ByIPv6(finding.samba, "dc1") as dc1:
        assert finding.servers()["dc1.corp.test"]["reachable"] and finding.servers()["dc1.corp.test"]["site"] == SITE
        assert finding.read()["corp.test"] == "ldap://dc1.corp.test"
    assert dc1.datagrams > 0 and dc1.connections > 0


def test_an_ipv6_address_that_leads_nowhere_costs_nothing(finding):
    """Nobody listens there: the same DC by IPv4."""
    with ByIPv6(finding.samba, "dc1", serves=False, also_ipv4=True):
        assert finding.read()["corp.test"] == "ldap://dc1.corp.test"
