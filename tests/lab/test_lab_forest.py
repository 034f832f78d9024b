"""The lab's forest: what other tests rely on is true of it."""

import ldap
import pytest

from scplab import forest
from scplab.forest import ACCOUNTS, CONFIGURATION, DOMAINS, GROUPS, PASSWORD, SVC
from scplab.process import wait_until

KEYS = [domain.key for domain in DOMAINS]
SCPD = forest.COPY_CONTAINER


def test_each_domain_is_a_server_with_its_own_naming_context(lab):
    for domain in DOMAINS:
        dse = lab.domain(domain.key).root_dse()
        assert dse.one("defaultNamingContext") == domain.nc
        assert dse.one("rootDomainNamingContext") == "DC=corp,DC=test"
        assert dse.one("configurationNamingContext") == CONFIGURATION
        assert {nc.lower() for nc in dse["namingContexts"]} == {
            domain.nc.lower(),
            CONFIGURATION.lower(),
        }
        assert lab.domain(domain.key).get("").one("dc") == domain.dns.split(".")[0]
    assert len({lab.server(key).address for key in KEYS}) == len(KEYS)


def test_configuration_names_the_domains_and_their_relations(lab):
    for key in KEYS:
        found = lab.domain(key).search(
            "(&(objectClass=crossRef)(systemFlags:1.2.840.113556.1.4.803:=2))",
            "CN=Partitions," + CONFIGURATION,
        )
        by_name = {entry.one("nETBIOSName"): entry for entry in found}
        assert set(by_name) == {"CORP", "EMEA", "APAC", "TREE"}
        assert {entry.one("systemFlags") for entry in found} == {"3"}
        root = by_name["CORP"].dn.lower()
        assert (
            by_name["EMEA"].one("trustParent").lower()
            == root
            == by_name["APAC"].one("trustParent").lower()
        )
        assert by_name["TREE"].one("rootTrust").lower() == root
        assert (
            by_name["TREE"].one("dnsRoot") == "tree.test" and "trustParent" not in by_name["TREE"]
        )


def test_the_pdc_emulator_is_found_from_the_domain_head(lab):
    for domain in DOMAINS:
        admin = lab.domain(domain.key)
        owner = admin.get("").one("fSMORoleOwner")
        assert owner.lower() == admin.root_dse().one("dsServiceName").lower()
        assert admin.get(owner.split(",", 1)[1]).one("dNSHostName") == "dc1." + domain.dns


def test_a_change_of_configuration_reaches_every_domain(fresh_lab):
    fresh_lab.domain("corp").add_container("CN=New,CN=Services," + CONFIGURATION)
    for key in [*KEYS, "gc"]:
        wait_until(
            lambda: fresh_lab.domain(key).get("CN=New,CN=Services," + CONFIGURATION),
            10,
            f"its copy at {key}",
        )


@pytest.mark.parametrize(
    "key, expected",
    [
        ("corp", {"emea", "apac", "DomainDnsZones", "ForestDnsZones", "Configuration"}),
        ("emea", {"DomainDnsZones"}),
        ("tree", {"DomainDnsZones"}),
    ],
)
def test_a_subtree_search_returns_references_to_what_lies_below(lab, key, expected):
    references = lab.domain(key).references()
    assert {uri.split("/")[3].split(",")[0].split("=")[1] for uri in references} == expected


def test_a_search_below_another_domains_head_is_referred(lab):
    with pytest.raises(ldap.REFERRAL):
        lab.domain("corp").search(base="CN=System,DC=emea,DC=corp,DC=test")
    with pytest.raises(ldap.REFERRAL):
        lab.domain("emea").search(base="CN=System,DC=corp,DC=test")


def test_the_agent_of_the_root_finds_nothing_and_the_childs_finds_its_scp(lab):
    root = lab.agent_search()
    assert (root.found, root.returncode) == (0, 0)
    child = lab.agent_search(account="agent_emea")
    assert (child.found, len(child.bindings)) == (1, 5)


def test_the_global_catalog_shows_partial_objects_of_all_domains(fresh_lab):
    found = {entry.dn: entry for entry in fresh_lab.domain("gc").search("(keywords=QmmEx)", "")}
    assert len(found) == 1
    source = next(iter(found.values()))
    assert len(source["serviceBindingInformation"]) == 5 and "serviceClassName" not in source
    # From the empty base, as clients ask a GC: every tree of the forest at once.
    fresh_lab.domain("tree").add_scp("in-tree", "gc-probe", "b")
    fresh_lab.domain("apac").add_scp("in-apac", "gc-probe", "b")

    def seen():
        entries = fresh_lab.domain("gc").ldap.search_s(
            "", ldap.SCOPE_SUBTREE, "(keywords=gc-probe)", ["cn"]
        )
        return {dn.split(",")[0] for dn, _ in entries} == {"cn=in-tree", "cn=in-apac"}

    wait_until(seen, 10, "both at the global catalog")
    with pytest.raises(ldap.REFERRAL):
        fresh_lab.domain("gc").add_scp("x", "x", "x")


def test_groups_nest_over_domains_and_close_a_cycle(lab):
    members = {
        key: lab.domain(group.domain).get(group.dn)["member"] for key, group in GROUPS.items()
    }
    assert any("DC=emea" in dn or "dc=emea" in dn for dn in members["agents"])
    assert any("apac" in dn for dn in members["agents_emea"])
    assert GROUPS["agents"].dn.lower() in [dn.lower() for dn in members["agents_emea"]]
    assert lab.domain("corp").get(next(dn for dn in members["ghosts"] if "gone" in dn)) is None
    assert members["empty"] == []


def test_one_account_name_is_in_two_domains(lab):
    assert [len(lab.domain(key).search("(sAMAccountName=svc-ambiguous)")) for key in KEYS] == [
        0,
        1,
        1,
        0,
    ]


# ---- accounts


@pytest.mark.parametrize("key", [*KEYS, "gc"])
@pytest.mark.parametrize("account", ["svc", "agent", "agent2", "reader"])
def test_accounts_of_the_root_bind_at_every_server(lab, key, account):
    connection = lab.connect(key, account)
    assert connection.ldap.whoami_s().lower() == "dn:" + ACCOUNTS[account].dn.lower()
    assert connection.get("CN=System")
    connection.close()


@pytest.mark.parametrize("account, password", [("disabled", PASSWORD), ("svc", "wrong")])
def test_a_disabled_account_and_a_wrong_password_are_refused(lab, account, password):
    with pytest.raises(ldap.INVALID_CREDENTIALS):
        lab.connect("corp", account, password=password)


def test_anonymous_reads_the_root_dse_and_nothing_else(lab):
    connection = ldap.initialize(lab.server("emea").ldap)
    assert connection.search_s("", ldap.SCOPE_BASE, attrlist=["defaultNamingContext"])
    with pytest.raises(ldap.NO_SUCH_OBJECT):
        connection.search_s(lab.server("emea").domain.nc, ldap.SCOPE_SUBTREE)
    connection.unbind_s()


def test_no_account_reads_a_password(lab):
    for key in [*KEYS, "gc"]:
        connection = lab.connect(key, "svc")
        assert connection.search("(userPassword=*)", attributes=["userPassword"]) == []
        connection.close()


@pytest.mark.parametrize("key", KEYS)
def test_the_service_account_creates_changes_renames_and_deletes_scps_in_its_container(lab, key):
    svc = lab.connect(key)
    dn = svc.add_scp(
        "one",
        ["k1"],
        ["b1"],
        SCPD,
        serviceClassName="c",
        msDS_Settings="scpd1;i=lab",
        description="d",
    )
    svc.modify(
        dn,
        {"keywords": ["k2"]},
        remove={"msDS-Settings": "scpd1;i=lab"},
        add={"msDS-Settings": "scpd1;i=two"},
    )
    dn = svc.rename(dn, "CN=two")
    assert svc.get(dn)["keywords"] == ["k2"]
    svc.delete(dn)
    assert svc.get(dn) is None
    svc.close()


FORBIDDEN = {
    "an SCP elsewhere in System": lambda c: c.add_scp("x", "k", "b", "CN=System"),
    "an SCP below a computer": lambda c: c.add_scp("x", "k", "b", "CN=DC1,OU=Domain Controllers"),
    "an SCP in Users": lambda c: c.add_scp("x", "k", "b", "CN=Users"),
    "a container in its container": lambda c: c.add_container("CN=x," + SCPD),
    "a user in its container": lambda c: c.add(
        "CN=x," + SCPD, {"objectClass": "user", "sAMAccountName": "x"}
    ),
    "a subclass of SCP": lambda c: c.add(
        "CN=x," + SCPD, {"objectClass": "serviceAdministrationPoint"}
    ),
    "an SCP below an SCP": lambda c: c.add_scp("x", "k", "b", "CN=theirs," + SCPD),
    "change the container": lambda c: c.modify(SCPD, {"description": "x"}),
    "delete the container": lambda c: c.delete(SCPD),
    "change an SCP elsewhere": lambda c: c.modify("CN=elsewhere,CN=System", {"keywords": "x"}),
    "delete an SCP elsewhere": lambda c: c.delete("CN=elsewhere,CN=System"),
    "move an SCP out": lambda c: c.rename("CN=theirs," + SCPD, "CN=theirs", "CN=System"),
    "move an SCP in": lambda c: c.rename("CN=elsewhere,CN=System", "CN=elsewhere", SCPD),
    "change the domain head": lambda c: c.modify("", {"description": "x"}),
    "change Configuration": lambda c: c.add_container("CN=x,CN=Services," + CONFIGURATION),
}


@pytest.fixture(scope="module")
def forbidden_ground(lab):
    for key in ("corp", "tree"):
        lab.domain(key).add_scp("theirs", "k", "b", SCPD)
        lab.domain(key).add_scp("elsewhere", "k", "b")


@pytest.mark.parametrize("key", ["corp", "tree"])
@pytest.mark.parametrize("what", FORBIDDEN)
def test_the_service_account_may_do_nothing_else(lab, forbidden_ground, key, what):
    svc = lab.connect(key)
    # A replica of Configuration refers writers to the root, where they are refused.
    with pytest.raises(
        (ldap.INSUFFICIENT_ACCESS, ldap.REFERRAL) if key == "tree" else ldap.INSUFFICIENT_ACCESS
    ):
        FORBIDDEN[what](svc)
    svc.close()


@pytest.mark.parametrize("account", ["agent", "reader"])
def test_other_accounts_write_nothing(lab, account):
    connection = lab.connect("corp", account)
    with pytest.raises(ldap.INSUFFICIENT_ACCESS):
        connection.add_scp("x", "k", "b", SCPD)
    connection.close()


def test_a_client_certificate_is_the_service_account(lab):
    account = lab.document()["accounts"]["svc"]
    connection = ldap.initialize(lab.server("apac").ldaps)
    for option, value in (
        (ldap.OPT_X_TLS_CACERTFILE, str(lab.ca_file)),
        (ldap.OPT_X_TLS_CERTFILE, account["client_certificate"]),
        (ldap.OPT_X_TLS_KEYFILE, account["client_key"]),
        (ldap.OPT_X_TLS_NEWCTX, 0),
    ):
        connection.set_option(option, value)
    connection.sasl_non_interactive_bind_s("EXTERNAL")
    assert connection.whoami_s().lower() == "dn:" + SVC.dn.lower()
    connection.unbind_s()
