"""What a real AD DC answers, as far as scpd relies on it or has to expect it: binds, the
forest, searches, GUIDs. (Samba; where Windows is known to differ, the test says so.)"""

import struct
import subprocess
import uuid

import ldap
import pytest
from ldap.controls import RequestControl, SimplePagedResultsControl

from objects import ANY, BASE, DOMAIN_SCOPE, ONE, SCP, SUB, names, sid_of


# -------------------- binds


def test_gssapi_from_a_keytab_seals_the_connection(svc):
    assert svc.get_option(ldap.OPT_X_SASL_SSF) >= 128


def ldapsearch_root_dse(lab, *how: str) -> subprocess.CompletedProcess:
    return lab.client_run(
        ["ldapsearch", "-LLL", "-Q", *how, "-s", "base", "-b", "", "dnsHostName"],
        capture_output=True,
    )


def test_a_simple_bind_is_refused_in_clear_and_taken_in_tls(samba_lab):
    agent = samba_lab.info["agent"]
    simple = ("-D", agent["upn"], "-w", agent["password"])
    search = ["ldapsearch", "-LLL", "-x", *simple, "-s", "base", "-b", "", "dnsHostName"]
    in_clear = samba_lab.client_run([*search, "-H", samba_lab.ldap_uri], capture_output=True)
    assert (in_clear.returncode, "Transport encryption required" in in_clear.stderr) == (8, True)
    for how in (["-H", samba_lab.ldaps_uri], ["-ZZ", "-H", samba_lab.ldap_uri]):
        assert (
            "dnsHostName: dc1.corp.test"
            in samba_lab.client_run([*search, *how], capture_output=True).stdout
        )


@pytest.mark.parametrize(
    "uri, options, code",
    [
        pytest.param("ldap", (), 0, id="389: sealed"),
        pytest.param("ldap", ("-O", "maxssf=0"), 8, id="389: no layer: sign or seal are required"),
        pytest.param("ldaps", (), 53, id="636: a layer inside TLS is not allowed"),
        pytest.param(
            "ldaps", ("-O", "maxssf=0"), 8, id="636: no layer: refused too; Windows takes it"
        ),
    ],
)
def test_gssapi_and_tls(samba_lab, uri, options, code):
    kinit = samba_lab.client_run(
        ["kinit", "-k", "-t", samba_lab.keytab, samba_lab.info["service"]["principal"]]
    )
    assert kinit.returncode == 0
    answer = ldapsearch_root_dse(samba_lab, "-Y", "GSSAPI", "-H", samba_lab.info[uri], *options)
    assert answer.returncode == code, answer.stderr


def test_a_wrong_password_is_49_with_data_52e(samba_lab):
    with pytest.raises(ldap.INVALID_CREDENTIALS) as refused:
        samba_lab.connect(samba_lab.info["agent"]["upn"], "wrong")
    assert "data 52e" in refused.value.args[0]["info"]


def test_who_am_i_is_not_offered_but_token_groups_begin_with_oneself(samba_lab, svc):
    """Windows has the extended operation. tokenGroups of the RootDSE name all groups, well-known
    ones too."""
    with pytest.raises(ldap.PROTOCOL_ERROR):
        svc.whoami_s()
    groups = svc.search_s("", BASE, ANY, ["tokenGroups"])[0][1]["tokenGroups"]
    own = sid_of(svc, samba_lab.info["service"]["dn"])
    domain_users = own[:-4] + struct.pack("<I", 513)
    authenticated_users = bytes.fromhex("01010000000000050b000000")
    assert groups[0] == own
    assert {domain_users, authenticated_users} <= set(groups)


# -------------------- forest


def test_cross_refs_tell_domains_from_other_naming_contexts(samba_lab, svc):
    found = svc.search_s(
        f"CN=Partitions,CN=Configuration,{samba_lab.nc}", ONE, "(objectClass=crossRef)"
    )
    flags = {entry["nCName"][0].decode(): int(entry["systemFlags"][0]) for _, entry in found}
    assert flags == {
        samba_lab.nc: 3,
        f"CN=Configuration,{samba_lab.nc}": 1,
        f"CN=Schema,CN=Configuration,{samba_lab.nc}": 1,
        f"DC=DomainDnsZones,{samba_lab.nc}": 5,
        f"DC=ForestDnsZones,{samba_lab.nc}": 5,
    }
    (domain,) = (entry for _, entry in found if int(entry["systemFlags"][0]) & 2)
    assert (domain["dnsRoot"], domain["nETBIOSName"]) == ([b"corp.test"], [b"CORP"])
    assert "trustParent" not in domain  # a root


def test_the_pdc_emulator_is_found_by_its_ntds_settings(samba_lab, svc):
    role_owner = svc.search_s(samba_lab.nc, BASE, ANY, ["fSMORoleOwner"])[0][1]["fSMORoleOwner"][
        0
    ].decode()
    assert (
        role_owner
        == svc.search_s("", BASE, ANY, ["dsServiceName"])[0][1]["dsServiceName"][0].decode()
    )
    assert len(svc.search_s(role_owner, BASE, ANY, ["invocationId"])[0][1]["invocationId"][0]) == 16
    server = svc.search_s(role_owner.partition(",")[2], BASE, ANY, ["dNSHostName"])[0][1]
    assert server["dNSHostName"] == [b"dc1.corp.test"]


@pytest.mark.parametrize(
    "record",
    [
        "_ldap._tcp.dc._msdcs",
        "_ldap._tcp.pdc._msdcs",
        "_kerberos._tcp",
        "_ldap._tcp.Default-First-Site-Name._sites.dc._msdcs",
        "_gc._tcp",
    ],
)
def test_srv_records(samba_lab, record):
    answer = samba_lab.client_run(
        ["dig", "+short", "SRV", f"{record}.corp.test"], capture_output=True
    ).stdout
    assert answer.split()[3:] == ["dc1.corp.test."]


def test_the_global_catalog_has_keywords_and_bindings(samba_lab, product):
    agent = samba_lab.info["agent"]
    answer = samba_lab.client_run(
        [
            "ldapsearch",
            "-LLL",
            "-ZZ",
            "-x",
            "-D",
            agent["upn"],
            "-w",
            agent["password"],
            "-H",
            samba_lab.info["gc"],
            "-b",
            "",
            "(&(objectClass=serviceConnectionPoint)(keywords=QmmEx)(cn=90e49231*))",
        ],
        capture_output=True,
    )
    assert answer.returncode == 0, answer.stderr
    assert "serviceBindingInformation: " in answer.stdout and "keywords: QmmEx" in answer.stdout


def test_the_agent_finds_the_product_by_its_own_filter(samba_lab, agent, product):
    keywords = "".join(
        f"(keywords={k})"
        for k in (
            "77F6F69F-AD86-437c-B47E-9A2F161E7E61",
            "qmmex",
            "90e49231-3838-4e5e-b2e4-8813fbf59a11",
        )
    )
    name = "(CN=90e49231-3838-4e5e-b2e4-8813fbf59a11)"
    filterstr = f"(&(objectClass=serviceConnectionPoint){keywords}{name})"
    assert names(agent.search_s(samba_lab.nc, SUB, filterstr)) == [product]


# -------------------- searches


def test_a_search_from_the_nc_head_refers_to_the_other_naming_contexts(samba_lab, svc, scp):
    """Known ones (all are crossRefs): no sign of an incomplete answer. The scheme is that of the
    connection; none comes from below CN=System, none with the domain-scope control."""
    filterstr = f"(keywords={scp.keyword.decode()})"
    found = svc.search_s(samba_lab.nc, SUB, filterstr, ["cn"])
    assert names(found) == [scp.dn]
    assert sorted(urls[0] for dn, urls in found if dn is None) == [
        f"ldap://corp.test/{rdn},{samba_lab.nc}"
        for rdn in ("CN=Configuration", "DC=DomainDnsZones", "DC=ForestDnsZones")
    ]
    scope = RequestControl(DOMAIN_SCOPE, True)
    without = svc.search_ext_s(samba_lab.nc, SUB, filterstr, ["cn"], serverctrls=[scope])
    assert (
        without
        == svc.search_s(f"CN=System,{samba_lab.nc}", SUB, filterstr, ["cn"])
        == [(scp.dn, {"cn": [scp.name.encode()]})]
    )


@pytest.mark.parametrize(
    "wanted", ["(msDS-Settings=scpd1;*)", "(msDS-Settings=SCPD1;I=LAB;*)", "(msDS-Settings=*)"]
)
def test_copies_are_found_by_their_marker(samba_lab, svc, scp, wanted):
    assert scp.dn in names(svc.search_s(samba_lab.nc, SUB, wanted, ["cn"]))


def page(connection, base, filterstr, size, cookie=b""):
    control = SimplePagedResultsControl(True, size=size, cookie=cookie)
    message = connection.search_ext(base, SUB, filterstr, ["cn"], serverctrls=[control])
    _, found, _, controls = connection.result3(message)
    (answer,) = controls
    return names(found), answer.cookie


@pytest.fixture
def five_paged(samba_lab):
    dns = [f"CN=page-{i},{samba_lab.container}" for i in range(5)]
    for dn in dns:
        samba_lab.add(dn, {"objectClass": SCP, "keywords": "paged"})
    yield dns
    for dn in dns:
        samba_lab.delete(dn)


@pytest.mark.parametrize("size, pages", [(2, [2, 2, 1]), (5, [5, 0]), (1000, [5])])
def test_pages_end_with_an_empty_cookie(samba_lab, svc, five_paged, size, pages):
    """A last page that is exactly full is followed by an empty one."""
    seen, lengths, cookie = [], [], b""
    while not lengths or cookie:
        found, cookie = page(svc, samba_lab.nc, "(keywords=paged)", size, cookie)
        lengths.append(len(found))
        seen += found
    assert (sorted(seen), lengths) == (sorted(five_paged), pages)


def test_a_cookie_belongs_to_its_connection_and_search(samba_lab, svc, five_paged):
    _, cookie = page(svc, samba_lab.nc, "(keywords=paged)", 2)
    with pytest.raises(ldap.UNWILLING_TO_PERFORM):
        page(samba_lab.connect_kerberos(), samba_lab.nc, "(keywords=paged)", 2, cookie)
    with pytest.raises(ldap.UNAVAILABLE_CRITICAL_EXTENSION):
        page(svc, samba_lab.nc, "(keywords=other)", 2, cookie)
    with pytest.raises(ldap.UNWILLING_TO_PERFORM):
        page(svc, samba_lab.nc, "(keywords=paged)", 2, b"made up")


def test_a_used_up_cookie_gives_an_empty_success(samba_lab, svc, five_paged):
    """Samba: no error. So a page must never be asked for twice."""
    _, cookie = page(svc, samba_lab.nc, "(keywords=paged)", 3)
    assert len(page(svc, samba_lab.nc, "(keywords=paged)", 3, cookie)[0]) == 2
    assert page(svc, samba_lab.nc, "(keywords=paged)", 3, cookie) == ([], b"")


def test_a_connection_keeps_ten_paged_searches_open(samba_lab, svc, five_paged):
    cookies = [page(svc, samba_lab.nc, "(keywords=paged)", 2)[1] for _ in range(11)]
    with pytest.raises(ldap.UNWILLING_TO_PERFORM):
        page(svc, samba_lab.nc, "(keywords=paged)", 2, cookies[0])
    assert all(
        len(page(svc, samba_lab.nc, "(keywords=paged)", 2, cookie)[0]) == 2
        for cookie in cookies[1:]
    )


def test_the_size_limit_is_ignored(samba_lab, svc, five_paged):
    """Samba gives everything and result 0; Windows and OpenLDAP cut and say 4."""
    assert (
        len(names(svc.search_ext_s(samba_lab.nc, SUB, "(keywords=paged)", ["cn"], sizelimit=2)))
        == 5
    )


# -------------------- GUIDs


def test_an_object_is_read_changed_and_deleted_by_guid(svc, scp):
    assert svc.search_s(scp.guid, BASE, ANY, ["cn"]) == [(scp.dn, {"cn": [scp.name.encode()]})]
    svc.modify_s(scp.guid, [(ldap.MOD_REPLACE, "vendor", [b"by guid"])])
    assert scp.read("vendor") == [b"by guid"]
    svc.delete_s(scp.guid)
    for operation in (
        lambda: svc.search_s(scp.guid, BASE, ANY),
        lambda: svc.modify_s(scp.guid, [(ldap.MOD_REPLACE, "vendor", [b"x"])]),
        lambda: svc.delete_s(scp.guid),
    ):
        with pytest.raises(ldap.NO_SUCH_OBJECT):
            operation()


def test_a_rename_by_guid_needs_the_parents_dn(svc, scp):
    """Samba: 32 without a new superior, 80 if that is a GUID."""
    with pytest.raises(ldap.NO_SUCH_OBJECT):
        svc.rename_s(scp.guid, f"CN=new-{scp.name}")
    parent = svc.search_s(scp.container, BASE, ANY, ["objectGUID"])[0][1]["objectGUID"][0]
    with pytest.raises(ldap.OTHER):
        svc.rename_s(scp.guid, f"CN=new-{scp.name}", f"<GUID={uuid.UUID(bytes_le=parent)}>")
    svc.rename_s(scp.guid, f"CN=new-{scp.name}", scp.container)
    assert scp.read("cn") == [b"new-" + scp.name.encode()]


def test_a_sid_or_guid_as_text_is_taken_in_a_filter_and_a_sid_as_a_dn(samba_lab, svc, scp):
    agent = samba_lab.info["agent"]["dn"]
    binary = sid_of(svc, agent)
    sid = "S-1-5-21-" + "-".join(map(str, struct.unpack("<4I", binary[12:])))
    assert names(svc.search_s(samba_lab.nc, SUB, f"(objectSid={sid})", ["cn"])) == [agent]
    assert names(svc.search_s(f"<SID={sid}>", BASE, ANY, ["cn"])) == [agent]
    assert names(svc.search_s(samba_lab.nc, SUB, f"(objectGUID={scp.guid[6:-1]})", ["cn"])) == [
        scp.dn
    ]
