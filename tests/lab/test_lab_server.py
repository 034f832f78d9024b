"""How the lab's servers behave: limits, what they keep by themselves, RFC 4533."""

import subprocess

import ldap
import ldap.controls.libldap
import ldap.dn
import pytest

from scplab import Lab, forest, plugin

SCPD = forest.COPY_CONTAINER


@pytest.fixture(scope="module")
def big_lab():
    with Lab(seed_scps=1500, gc=False) as one:
        yield one


def paged(connection, base, size):
    """(entries, last result code) of a paged search over seeded SCPs."""
    control = ldap.controls.libldap.SimplePagedResultsControl(True, size, "")
    found = 0
    while True:
        search = connection.search_ext(
            base, ldap.SCOPE_SUBTREE, "(keywords=lab-seed)", ["1.1"], serverctrls=[control]
        )
        _, data, _, answered = connection.result3(search, timeout=30)
        found += sum(dn is not None for dn, _ in data)
        control.cookie = next(c.cookie for c in answered if c.controlType == control.controlType)
        if not control.cookie:
            return found


def test_an_unpaged_search_stops_at_1000_entries(big_lab):
    svc = big_lab.connect("emea")
    search = svc.ldap.search_ext(svc.nc, ldap.SCOPE_SUBTREE, "(keywords=lab-seed)", ["1.1"])
    found = 0
    with pytest.raises(ldap.SIZELIMIT_EXCEEDED):
        while True:
            _, data = svc.ldap.result(search, all=0, timeout=30)
            found += len(data)
    assert found == 1000
    svc.close()


@pytest.mark.parametrize("size", [1000, 7])
def test_a_paged_search_sees_all(big_lab, size):
    svc = big_lab.connect("emea")
    assert paged(svc.ldap, svc.nc, size) == 1500
    svc.close()


needs_plugin = pytest.mark.skipif(plugin.why_not() is not None, reason=str(plugin.why_not()))


@needs_plugin
def test_the_server_keeps_guid_usn_and_times(fresh_lab):
    emea = fresh_lab.domain("emea")
    before = int(emea.root_dse().one("highestCommittedUSN"))
    dn = emea.add_scp("probe", "k", "b")
    made = emea.get(dn)
    assert made.one("uSNCreated") == made.one("uSNChanged") == str(before + 1)
    assert made["objectClass"] == ["top", "leaf", "connectionPoint", "serviceConnectionPoint"]
    assert made.one("objectCategory").lower().startswith("cn=service-connection-point,cn=schema,")
    emea.modify(dn, {"keywords": ["k", "l"]})
    changed = emea.get(dn)
    assert (changed.guid, changed.one("uSNCreated")) == (made.guid, made.one("uSNCreated"))
    assert int(changed.one("uSNChanged")) == before + 2
    renamed = emea.get(emea.rename(dn, "CN=other\\, name"))
    assert (renamed.guid, renamed["cn"], int(renamed.one("uSNChanged"))) == (
        made.guid,
        ["other, name"],
        before + 3,
    )
    assert "other, name" in renamed["name"]
    assert renamed.one("distinguishedName").lower() == renamed.dn.lower()
    assert int(emea.root_dse().one("highestCommittedUSN")) == before + 3


@needs_plugin
def test_usns_go_on_after_a_restart_and_a_kill(fresh_lab):
    emea = fresh_lab.domain("emea")
    emea.add_scp("probe", "k", "b")
    before = emea.root_dse().one("highestCommittedUSN")
    fresh_lab.stop("emea")
    fresh_lab.start("emea")
    assert fresh_lab.domain("emea").root_dse().one("highestCommittedUSN") == before


@needs_plugin
@pytest.mark.parametrize(
    "what, attributes, length_ok",
    [
        ("a name of 64 characters of two bytes", {"name": "ä" * 64}, True),
        ("a name of 65 characters", {"name": "a" * 65}, False),
        ("a keyword of 256 characters of two bytes", {"keywords": "ä" * 256}, True),
        ("a keyword of 257 characters", {"keywords": "a" * 257}, False),
    ],
)
def test_lengths_are_limited_in_characters(lab, what, attributes, length_ok):
    corp = lab.domain("corp")
    values = {"name": "length", "keywords": "k", "bindings": "b"} | attributes
    if length_ok:
        corp.delete(corp.add_scp(**values))
    else:
        with pytest.raises(ldap.CONSTRAINT_VIOLATION):
            corp.add_scp(**values)


@needs_plugin
def test_what_the_server_owns_is_not_the_clients_to_set(lab):
    svc = lab.connect("corp")
    dn = svc.add_scp("owned", "k", "b", SCPD)
    for name, value in (
        ("objectGUID", b"0123456789abcdef"),
        ("uSNChanged", "1"),
        ("whenChanged", "20200101000000.0Z"),
    ):
        with pytest.raises(ldap.CONSTRAINT_VIOLATION):
            svc.modify(dn, {name: value})
        with pytest.raises(ldap.CONSTRAINT_VIOLATION):
            svc.add("CN=owned2," + SCPD, {"objectClass": "serviceConnectionPoint", name: value})
    svc.delete(dn)
    svc.close()


def test_without_the_plugin_there_is_entry_uuid_alone():
    with Lab(plugin=False, gc=False) as plain:
        emea = plain.domain("emea")
        made = emea.get(emea.add_scp("probe", "k", "b"))
        assert "objectGUID" not in made and "uSNChanged" not in made and made.one("entryUUID")
        assert "highestCommittedUSN" not in emea.root_dse()
        assert plain.agent_search(account="agent_emea").found == 1


def test_an_exact_value_swap_fails_when_somebody_was_there(lab):
    svc = lab.connect("corp")
    dn = svc.add_scp("swap", "k", "b", SCPD, msDS_Settings="old")
    with pytest.raises(ldap.NO_SUCH_ATTRIBUTE):
        svc.modify(dn, remove={"msDS-Settings": "other"}, add={"msDS-Settings": "new"})
    svc.delete(dn)
    svc.close()


def test_rfc4533_tells_of_a_change(fresh_lab):
    account = fresh_lab.document()["accounts"]["svc"]
    server = fresh_lab.server("emea")
    watch = subprocess.Popen(
        [
            "ldapsearch",
            "-x",
            "-LLL",
            "-H",
            server.ldaps,
            "-D",
            account["dn"],
            "-y",
            account["password_file"],
            "-E",
            "!sync=rp",
            "-b",
            server.domain.nc,
            "(&(objectClass=serviceConnectionPoint)(keywords=told))",
            "cn",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=fresh_lab.client_environment(),
    )
    try:
        fresh_lab.domain("emea").add_scp("told", "told", "b")
        assert any(line.startswith("cn: told") for line in watch.stdout)  # blocks until it comes
    finally:
        watch.kill()
        watch.communicate()


def test_restore_takes_every_change_back(fresh_lab):
    dn = fresh_lab.domain("corp").add_scp("probe", "k", "b")
    address = fresh_lab.server("corp").address
    fresh_lab.restore()
    assert fresh_lab.domain("corp").get(dn) is None
    assert fresh_lab.server("corp").address == address


@pytest.mark.parametrize("name", ["a,b", 'a"b\\c', "n\0ul", " space ", "ü€😀", "a*b()", "CR\r\nLF"])
def test_hostile_names_and_values_go_through_unchanged(lab, name):
    svc = lab.connect("apac")
    dn = svc.add_scp(name, ["k\0k"], ["b"], SCPD)
    svc.modify(dn, {"keywords": [name, "l\0l"], "vendor": "v"})
    found = svc.get(dn)
    assert (found["cn"], set(found["keywords"])) == ([name], {name, "l\0l"})
    if lab.has_plugin:
        assert found["name"] == [name]
    renamed = svc.rename(dn, "CN=" + ldap.dn.escape_dn_chars("z" + name))
    assert svc.get(renamed)["cn"] == ["z" + name]
    svc.delete(renamed)
    svc.close()


@pytest.mark.parametrize(
    "what, values, refused",
    [
        ("values that differ only in case", ["Aa", "aA"], ldap.TYPE_OR_VALUE_EXISTS),
        ("bytes that are not UTF-8", [b"\xff\xfe"], ldap.INVALID_SYNTAX),
    ],
)
def test_values_that_ad_refuses_are_refused(lab, what, values, refused):
    with pytest.raises(refused):
        lab.domain("corp").add_scp("refused", values, "b")


def test_options_for_clients_that_want_more():
    with Lab(gc=False, claim_ad=True, svc_unlimited=True, seed_scps=1500) as more:
        capabilities = more.domain("emea").root_dse()["supportedCapabilities"]
        assert "1.2.840.113556.1.4.800" in capabilities
        svc, agent = more.connect("corp"), more.connect("corp", "agent")
        assert len(svc.search("(keywords=lab-seed)", attributes=["1.1"])) == 1500
        with pytest.raises(ldap.SIZELIMIT_EXCEEDED):
            agent.search("(keywords=lab-seed)", attributes=["1.1"])
    with Lab(gc=False) as plain:
        assert "supportedCapabilities" not in plain.domain("emea").root_dse()
