"""A domain with two domain controllers: what either takes is on the other, unless replication is cut."""

import json
import subprocess
from pathlib import Path

import ldap
import pytest

from scplab import Lab, LabError
from scplab.forest import CONFIGURATION, DOMAINS, SVC
from scplab.process import wait_until

FOREST = Path(__file__).with_name("forest")
DEADLINE = 20
ONE, OTHER = "CN=one,CN=System", "CN=other,CN=System"


@pytest.fixture(scope="module")
def lab():
    with Lab(second_dcs=("corp", "emea")) as one:
        yield one


def arrives(lab: Lab, at: str, dn: str, **wanted: list[str]):
    def there():
        found = lab.domain(at).get(dn)
        return found and all(found[name] == values for name, values in wanted.items()) and found

    return wait_until(there, DEADLINE, f"{dn} at {at}")


def leaves(lab: Lab, at: str, dn: str) -> None:
    wait_until(lambda: lab.domain(at).get(dn) is None, DEADLINE, f"the end of {dn} at {at}")


@pytest.mark.parametrize("here, there", [("emea", "emea2"), ("emea2", "emea"), ("corp2", "corp")])
def test_what_is_written_here_is_there(lab, here, there):
    admin = lab.domain(here)
    admin.add_scp("one", ["k"], ["b"])
    arrived = arrives(lab, there, ONE, serviceBindingInformation=["b"])
    assert arrived.guid == admin.get(ONE).guid
    admin.modify(ONE, {"serviceBindingInformation": ["changed"]})
    arrives(lab, there, ONE, serviceBindingInformation=["changed"])
    admin.rename(ONE, "CN=other")
    arrives(lab, there, OTHER)
    admin.delete(OTHER)
    leaves(lab, there, OTHER)


def test_cut_each_goes_its_way_and_healed_the_later_write_counts(lab):
    lab.domain("emea").add_scp("one", ["k"], ["b"])
    guid = arrives(lab, "emea2", ONE).guid
    lab.cut_replication("emea")
    lab.domain("emea").modify(ONE, {"serviceBindingInformation": ["first"]})
    lab.domain("emea2").modify(ONE, {"vendor": ["second"]})
    lab.domain("emea2").add_scp("other", ["k"], ["b"])
    assert lab.domain("emea").get(OTHER) is None
    assert lab.domain("emea2").get(ONE)["serviceBindingInformation"] == ["b"]
    lab.heal_replication("emea")
    arrives(lab, "emea", OTHER)
    wait_until(lambda: (lab.domain("emea").get(ONE).content()
                        == lab.domain("emea2").get(ONE).content()), DEADLINE, "the same everywhere")
    assert lab.domain("emea").get(ONE)["vendor"] == ["second"]
    assert lab.domain("emea").get(ONE).guid == guid
    for dn in (ONE, OTHER):
        lab.domain("emea2").delete(dn)
        leaves(lab, "emea", dn)


@pytest.mark.parametrize("key", ["corp", "emea"])
def test_each_says_who_it_is_and_which_one_is_the_pdc_emulator(lab, key):
    first, second = (lab.domain(name).root_dse() for name in (key, key + "2"))
    assert first.one("defaultNamingContext") == second.one("defaultNamingContext")
    assert first.one("dsServiceName") != second.one("dsServiceName")
    assert lab.server(key).address != lab.server(key + "2").address
    for name in (key, key + "2"):
        owner = lab.domain(name).get("").one("fSMORoleOwner")
        assert owner.lower() == first.one("dsServiceName").lower()
        for dse in (first, second):
            server = lab.domain(name).get(dse.one("serverName"))
            assert server.one("dNSHostName") == dse.one("dnsHostName")
            assert lab.domain(name).get(dse.one("dsServiceName"))
    assert first.one("dnsHostName") == lab.server(key).address


def test_the_others_have_one_as_ever(lab):
    found = lab.domain("apac").search("(objectClass=server)", "CN=Sites," + CONFIGURATION)
    assert len(found) == len(DOMAINS) + 2
    assert lab.domain("apac").root_dse().one("dnsHostName") == "dc1.apac.corp.test"
    with pytest.raises(KeyError):
        lab.server("apac2")
    with pytest.raises(LabError, match="no second DC"):
        lab.cut_replication("apac")


def test_both_take_the_service_accounts_writes_and_no_others(lab):
    container = "CN=scpd,CN=System"
    for name in ("emea", "emea2"):
        svc = lab.connect(name)
        assert svc.ldap.whoami_s().lower() == f"dn:{SVC.dn}".lower()
        dn = svc.add_scp("by-svc", ["k"], ["b"], container)
        svc.delete(dn)
        with pytest.raises(ldap.INSUFFICIENT_ACCESS):
            svc.add_scp("by-svc", ["k"], ["b"])


def test_one_of_two_stops_and_catches_up(lab):
    lab.stop("emea2")
    lab.domain("emea").add_scp("one", ["k"], ["b"])
    lab.start("emea2")
    arrives(lab, "emea2", ONE)
    lab.domain("emea2").delete(ONE)
    leaves(lab, "emea", ONE)


def test_the_catalog_hears_of_what_either_took(lab):
    lab.domain("emea2").add_scp("in-second", "gc-second", "b")
    wait_until(lambda: lab.domain("gc").search("(keywords=gc-second)", "DC=emea,DC=corp,DC=test"), DEADLINE,
               "it at the global catalog")
    lab.domain("emea2").delete("CN=in-second,CN=System")


def test_restored_both_are_as_at_first(lab):
    lab.domain("emea2").add_scp("one", ["k"], ["b"])
    arrives(lab, "emea", ONE)
    lab.restore()
    for name in ("emea", "emea2"):
        assert lab.domain(name).get(ONE) is None
    lab.domain("emea2").add_scp("one", ["k"], ["b"])
    arrives(lab, "emea", ONE)


def test_by_command(tmp_path):
    def run(*arguments):
        return subprocess.run([FOREST, *map(str, arguments)], capture_output=True, text=True, timeout=60)

    where = tmp_path / "lab"
    up = run("up", where, "--second-dc", "emea.corp.test", "--no-gc")
    assert up.returncode == 0, up.stderr
    try:
        document = json.loads(up.stdout)
        assert [server["key"] for server in document["second_dcs"]] == ["emea2"]
        assert len(document["domains"]) == len(DOMAINS)
        attached = Lab.attach(where)
        attached.domain("emea2").add_scp("one", ["k"], ["b"])
        arrives(attached, "emea", ONE)
        with pytest.raises(LabError, match="no second DC"):
            attached.cut_replication("emea")
        assert run("stop", where, "emea2").returncode == 0
        assert run("start", where, "emea2").returncode == 0
    finally:
        down = run("down", where)
    assert down.returncode == 0 and not where.exists(), down.stderr
    refused = run("up", where, "--second-dc", "emea", "--kerberos")
    assert refused.returncode == 1 and "Kerberos" in refused.stderr
