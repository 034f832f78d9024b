"""Several domains: a forest with parent and child, another forest, and what can happen to a DC.

What the lab promises to the tests that are built upon it; and the published story itself: an agent looks for its
service in its own domain, and the SCP lies in another one.
"""

import contextlib
import functools
import socket
import subprocess

import ldap
import pytest

import objects
from sambalab import LabError, SambaLab
from scene import FILTER
from story import ROOT, found

until = functools.partial(objects.until, seconds=60)
SSF_MIN = 56
DOMAIN = "(systemFlags:1.2.840.113556.1.4.803:=3)"  # a crossRef of a domain
CHILD = f"DC=emea,{ROOT}"


def agents_ticket(lab: SambaLab, **where):
    return lab.connect_kerberos(lab.info["agent"]["keytab"], **where)


# -------------------- one forest, parent and child


def test_the_child_domain_is_known_by_its_cross_ref(forest):
    svc = forest.connect_kerberos()
    attributes = ["dnsRoot", "nETBIOSName", "nCName", "trustParent"]
    partitions = f"CN=Partitions,CN=Configuration,{ROOT}"
    entries = [entry for _, entry in found(svc, partitions, DOMAIN, attributes)]
    domains = {entry["dnsRoot"][0]: (entry["nETBIOSName"], entry["nCName"]) for entry in entries}
    assert domains == {
        b"corp.test": ([b"CORP"], [ROOT.encode()]),
        b"emea.corp.test": ([b"EMEA"], [CHILD.encode()]),
    }
    child = next(entry for entry in entries if entry["dnsRoot"] == [b"emea.corp.test"])
    assert child["trustParent"] == [f"CN=CORP,CN=Partitions,CN=Configuration,{ROOT}".encode()]


@pytest.mark.parametrize(
    "name, targets",
    [
        ("_ldap._tcp.dc._msdcs.corp.test", {"389 dc1.corp.test.", "389 dc2.corp.test."}),
        ("_ldap._tcp.pdc._msdcs.corp.test", {"389 dc1.corp.test."}),
        ("_kerberos._tcp.corp.test", {"88 dc1.corp.test.", "88 dc2.corp.test."}),
        ("_ldap._tcp.dc._msdcs.emea.corp.test", {"389 em1.emea.corp.test."}),
        ("_ldap._tcp.pdc._msdcs.emea.corp.test", {"389 em1.emea.corp.test."}),
        (
            "_gc._tcp.corp.test",
            {"3268 dc1.corp.test.", "3268 dc2.corp.test.", "3268 em1.emea.corp.test."},
        ),
    ],
)
def test_dns_leads_to_the_dcs_of_each_domain(forest, name, targets):
    def answer() -> set[str]:
        lines = forest.client_run(["dig", "+short", "SRV", name], capture_output=True, check=True)
        return {line.partition(" 100 ")[2] for line in lines.stdout.splitlines()}

    until(lambda: answer() == targets, f"{targets}, which dc1's and dc2's DNS replicate")


def test_the_published_story(forest):
    """The agent's account is in the root domain, its service published in the child: it finds nothing."""
    with forest.product_scp(dc="em1") as dn:
        assert found(agents_ticket(forest), ROOT, FILTER) == []
        assert found(agents_ticket(forest, dc="em1"), CHILD, FILTER) == [(dn, {})]


def test_the_roots_catalog_shows_what_the_child_publishes(forest):
    shown = ("keywords", "serviceBindingInformation")
    with forest.product_scp(dc="em1") as dn:
        there = found(forest.connect_admin("em1"), CHILD, FILTER, shown)
        catalog = agents_ticket(forest, port=3268)
        here = until(lambda: found(catalog, "", FILTER, shown), "the SCP in dc1's catalog")
        assert [one for one, _ in here] == [dn]
        for name in shown:
            assert sorted(here[0][1][name]) == sorted(there[0][1][name])
    until(lambda: found(catalog, "", FILTER) == [], "its end there")


@pytest.mark.parametrize("dc", ["dc1", "dc2", "em1"])
def test_a_ticket_of_the_root_is_good_and_seals_everywhere(forest, dc):
    connection = forest.connect_kerberos(dc=dc)
    assert connection.get_option(ldap.OPT_X_SASL_SSF) >= SSF_MIN
    assert found(connection, forest.info["domains"][forest.dc(dc)["domain"]]["nc"], "(cn=scpd)")


def test_a_ticket_of_the_child_is_good_in_the_root(forest):
    account = forest.info["domains"]["emea.corp.test"]["accounts"]["svc-emea"]
    connection = forest.connect_kerberos(account["keytab"])
    assert connection.get_option(ldap.OPT_X_SASL_SSF) >= SSF_MIN
    assert found(connection, ROOT, "(cn=scpd)")


def test_the_roots_service_account_may_write_scps_in_the_childs_container_and_nothing_else(forest):
    svc = forest.connect_kerberos(dc="em1")
    container = forest.info["domains"]["emea.corp.test"]["container"]
    dn, scp = f"CN=copy,{container}", [("objectClass", b"serviceConnectionPoint"), ("keywords", b"QmmEx")]
    svc.add_s(dn, scp)
    svc.modify_s(dn, [(ldap.MOD_REPLACE, "serviceBindingInformation", [b"Port=1"])])
    svc.delete_s(dn)
    for refused in (f"CN=copy,CN=System,{CHILD}", f"CN=copy,CN=Users,{CHILD}"):
        with pytest.raises(ldap.INSUFFICIENT_ACCESS):
            svc.add_s(refused, scp)
    with pytest.raises(ldap.INSUFFICIENT_ACCESS):
        svc.add_s(f"CN=inner,{container}", [("objectClass", b"container")])


def test_what_is_written_at_dc1_is_read_at_dc2(forest):
    second = forest.connect_admin("dc2")
    with forest.product_scp() as dn:
        assert until(lambda: found(second, ROOT, FILTER), "it at dc2") == [(dn, {})]
    until(lambda: found(second, ROOT, FILTER) == [], "its end at dc2")


def test_what_was_written_while_replication_was_cut_is_there_when_it_is_healed(forest):
    first = f"CN=first,{forest.container}"
    forest.cut("dc2")
    try:
        forest.add(first, {"objectClass": "serviceConnectionPoint"})
    finally:
        forest.heal("dc2")
    try:
        second = until(lambda: reached(forest, "dc2"), "dc2")
        until(lambda: found(second, forest.container, "(cn=first)"), "it at dc2")
    finally:
        forest.delete(first)


# -------------------- what can happen to a DC


def reached(lab: SambaLab, dc: str):
    with contextlib.suppress(ldap.LDAPError):
        return lab.connect_admin(dc)


def knock(lab: SambaLab, dc: str, seconds: float = 2) -> str:
    """What a client gets that asks for the RootDSE."""
    message = bytes.fromhex("30250201016320 0400 0a0100 0a0100 020100 020100 010100 870b6f626a656374436c617373 3000")
    try:
        with lab.network():
            client = socket.create_connection((lab.dc(dc)["address"], 389), timeout=seconds)
        with client:
            client.sendall(message)
            return "answered" if client.recv(1) else "closed"
    except ConnectionRefusedError:
        return "refused"
    except TimeoutError:
        return "silent"
    except OSError as error:
        return f"unreachable ({error.strerror})"


FAULTS = [
    ("kill", "start", ("refused",)),
    ("stop", "start", ("refused",)),
    ("pause", "resume", ("silent",)),
    ("cut", "heal", ("silent", "unreachable (No route to host)")),
]


@pytest.mark.parametrize("fault, remedy, answers", FAULTS)
def test_a_fault_is_what_it_says_concerns_one_dc_and_passes(forest, fault, remedy, answers):
    assert knock(forest, "em1") == "answered"
    getattr(forest, fault)("em1")
    try:
        assert knock(forest, "em1") in answers
        assert knock(forest, "dc1") == "answered"
    finally:
        getattr(forest, remedy)("em1")
    until(lambda: knock(forest, "em1") == "answered", "em1")
    assert found(forest.connect_kerberos(dc="em1"), CHILD, "(cn=scpd)")


def test_names_and_tickets_are_to_be_had_without_dc1(forest):
    forest.kill("dc1")
    try:
        dig = ["dig", "+short", "SRV", "_ldap._tcp.dc._msdcs.corp.test"]
        answer = forest.client_run(dig, capture_output=True, check=True).stdout
        assert "dc2.corp.test." in answer
        assert found(agents_ticket(forest, dc="dc2"), ROOT, "(cn=scpd)")
    finally:
        forest.start("dc1")


def test_a_dc_that_is_not_there_or_a_lab_that_is_not_up_says_so(forest, tmp_path):
    with pytest.raises(LabError, match="cut src1: not of this lab"):
        forest.cut("src1")
    with pytest.raises(LabError, match="cut dc1: .*No such file"):
        SambaLab(tmp_path).cut("dc1")


# -------------------- another forest


def test_an_account_of_corp_binds_in_the_other_forest(forests):
    connection = forests.connect_kerberos(dc="src1")
    assert connection.get_option(ldap.OPT_X_SASL_SSF) >= SSF_MIN
    assert found(connection, forests.info["domains"]["source.test"]["nc"], "(cn=scpd)")


def test_an_account_of_the_other_forest_binds_in_corp(forests):
    account = forests.info["domains"]["source.test"]["accounts"]["svc-source"]
    connection = forests.connect_kerberos(account["keytab"])
    assert found(connection, ROOT, "(cn=scpd)")


def test_the_other_forest_knows_nothing_of_corp_but_the_trust(forests):
    admin = forests.connect_admin("src1")
    source = forests.info["domains"]["source.test"]["nc"]
    roots = found(admin, f"CN=Partitions,CN=Configuration,{source}", DOMAIN, ["dnsRoot"])
    assert [entry["dnsRoot"] for _, entry in roots] == [[b"source.test"]]
    (_, trust), = found(admin, f"CN=System,{source}", "(objectClass=trustedDomain)", ["trustPartner"])
    assert trust["trustPartner"] == [b"corp.test"]
    answer = forests.client_run(["dig", "+short", "SRV", "_ldap._tcp.dc._msdcs.source.test"],
                                stdout=subprocess.PIPE, check=True)
    assert answer.stdout.split()[-1] == "src1.source.test."
