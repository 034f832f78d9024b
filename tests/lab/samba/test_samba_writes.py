"""What a real AD DC answers, as far as scpd relies on it or has to expect it: writes, and
who may do what."""

import contextlib
import struct
import threading

import ldap
import pytest

from objects import (
    ALL_WITH_SACL,
    ANY,
    BASE,
    MARKER,
    OWNER,
    OWNER_GROUP_DACL,
    SCP,
    names,
    owner_of,
    sd_flags,
    sid_of,
)


# -------------------- writes


def test_the_marker_is_swapped_and_other_values_stay(scp):
    scp.swap_marker(MARKER, MARKER + b"1", (ldap.MOD_REPLACE, "serviceBindingInformation", [b"b3"]))
    assert sorted(scp.read("msDS-Settings")) == [MARKER + b"1", b"somebody else's"]
    assert scp.read("serviceBindingInformation") == [b"b3"]


def test_a_swap_of_a_marker_that_is_gone_changes_nothing(scp):
    with pytest.raises(ldap.NO_SUCH_ATTRIBUTE):  # 16
        scp.swap_marker(MARKER + b" old", MARKER + b" new", (ldap.MOD_REPLACE, "vendor", [b"lost"]))
    assert MARKER in scp.read("msDS-Settings") and scp.read("vendor") == [b"1"]


def test_one_of_several_swaps_at_once_wins(samba_lab, scp):
    connections = [samba_lab.connect_kerberos() for _ in range(4)]
    won = []

    def swap(number: int) -> None:
        with contextlib.suppress(ldap.NO_SUCH_ATTRIBUTE):
            connections[number].modify_s(
                scp.guid,
                [
                    (ldap.MOD_DELETE, "msDS-Settings", [MARKER]),
                    (ldap.MOD_ADD, "msDS-Settings", [b"%d won" % number]),
                ],
            )
            won.append(b"%d won" % number)

    threads = [threading.Thread(target=swap, args=(number,)) for number in range(len(connections))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert sorted(scp.read("msDS-Settings")) == sorted([*won, b"somebody else's"])


def test_an_exact_delete_ignores_case(scp):
    scp.swap_marker(MARKER.upper(), b"new")
    assert MARKER not in scp.read("msDS-Settings")


@pytest.mark.parametrize(
    "change, error",
    [
        pytest.param(
            (ldap.MOD_ADD, "msDS-Settings", [MARKER]),
            ldap.TYPE_OR_VALUE_EXISTS,
            id="add what is there: 20",
        ),
        pytest.param(
            (ldap.MOD_DELETE, "url", None),
            ldap.NO_SUCH_ATTRIBUTE,
            id="delete an absent attribute: 16",
        ),
        pytest.param(
            (ldap.MOD_REPLACE, "url", None), None, id="replace an absent attribute by nothing: done"
        ),
        pytest.param(
            (ldap.MOD_REPLACE, "keywords", [b"x" * 257]),
            ldap.INVALID_SYNTAX,
            id="too long: 21; Windows: 19",
        ),
        pytest.param((ldap.MOD_REPLACE, "vendor", [b""]), ldap.INVALID_SYNTAX, id="empty: 21"),
        pytest.param(
            (ldap.MOD_REPLACE, "vendor", [b"\xff\xfe"]), ldap.INVALID_SYNTAX, id="no UTF-8: 21"
        ),
        pytest.param(
            (ldap.MOD_REPLACE, "serviceClassName", [b"1", b"2"]),
            ldap.TYPE_OR_VALUE_EXISTS,
            id="two in one: 20",
        ),
        pytest.param(
            (ldap.MOD_REPLACE, "keywords", [b"a", b"a"]),
            ldap.TYPE_OR_VALUE_EXISTS,
            id="the same twice: 20",
        ),
        pytest.param(
            (ldap.MOD_REPLACE, "keywords", [b"a", b"A"]),
            None,
            id="case differs: Samba takes it, Windows not",
        ),
        pytest.param((ldap.MOD_REPLACE, "serviceBindingInformation", [b"a\0b"]), None, id="NUL"),
        pytest.param(
            (ldap.MOD_REPLACE, "serviceBindingInformation", [b"x" * 1_000_000]), None, id="1 MB"
        ),
        pytest.param((ldap.MOD_REPLACE, "cn", [b"x"]), ldap.NOT_ALLOWED_ON_RDN, id="the RDN: 67"),
        pytest.param(
            (ldap.MOD_REPLACE, "noSuchAttribute", [b"x"]),
            ldap.NO_SUCH_ATTRIBUTE,
            id="not in the schema: 16 too",
        ),
        pytest.param(
            (ldap.MOD_REPLACE, "uid", [b"x"]),
            ldap.OBJECT_CLASS_VIOLATION,
            id="not of this class: 65",
        ),
    ],
)
def test_what_a_modify_answers(scp, change, error):
    if error is None:
        scp.modify(change)
        assert sorted(scp.read(change[1])) == sorted(change[2] or [])
    else:
        before = scp.read(change[1])
        with pytest.raises(error):
            scp.modify(change)
        assert scp.read(change[1]) == before


def test_a_name_that_is_taken_is_68_whatever_its_case(svc, scp):
    with pytest.raises(ldap.ALREADY_EXISTS):
        svc.add_s(scp.dn.replace("CN=scp-", "cn=SCP-"), [("objectClass", [SCP])])


# -------------------- rights


@pytest.mark.parametrize(
    "rdn, parent, attributes",
    [
        pytest.param(
            "CN=x", "CN=scpd,CN=System", {"objectClass": [b"container"]}, id="a container"
        ),
        pytest.param(
            "CN=x",
            "CN=scpd,CN=System",
            {"objectClass": [b"serviceAdministrationPoint"]},
            id="a subclass",
        ),
        pytest.param(
            "CN=x",
            "CN=scpd,CN=System",
            {"objectClass": [b"user"], "sAMAccountName": [b"x"]},
            id="a user",
        ),
        pytest.param(
            "CN=x",
            "CN=Users",
            {"objectClass": [b"user"], "sAMAccountName": [b"x"]},
            id="a user in Users",
        ),
        pytest.param("CN=x", "CN=System", {"objectClass": [SCP]}, id="an SCP elsewhere"),
        pytest.param(
            "CN=x", "CN=Policies,CN=System", {"objectClass": [SCP]}, id="an SCP in Policies"
        ),
    ],
)
def test_the_service_account_cannot_create(samba_lab, svc, rdn, parent, attributes):
    with pytest.raises(ldap.INSUFFICIENT_ACCESS):
        svc.add_s(f"{rdn},{parent},{samba_lab.nc}", list(attributes.items()))


def test_the_service_account_cannot_touch_others_objects(samba_lab, svc, product):
    vendor = [(ldap.MOD_REPLACE, "vendor", [b"x"])]
    for refused in (
        lambda: svc.modify_s(product, vendor),
        lambda: svc.delete_s(product),
        lambda: svc.rename_s(product, "CN=x"),
        lambda: svc.modify_s(samba_lab.container, [(ldap.MOD_REPLACE, "description", [b"x"])]),
        lambda: svc.delete_s(samba_lab.container),
    ):
        with pytest.raises(ldap.INSUFFICIENT_ACCESS):
            refused()


def test_the_service_account_cannot_move_its_scp_out(samba_lab, svc, scp):
    with pytest.raises(ldap.INSUFFICIENT_ACCESS):
        svc.rename_s(scp.dn, f"CN={scp.name}", f"CN=System,{samba_lab.nc}")


def test_the_delegation_covers_an_administrators_scp_in_the_container(samba_lab, svc):
    dn = f"CN=by-admin,{samba_lab.container}"
    samba_lab.add(dn, {"objectClass": SCP})
    svc.modify_s(dn, [(ldap.MOD_REPLACE, "vendor", [b"x"])])
    svc.rename_s(dn, "CN=by-admin-2")
    svc.delete_s(f"CN=by-admin-2,{samba_lab.container}")


def test_the_agents_account_may_read_only(agent, scp):
    assert names(agent.search_s(scp.dn, BASE)) == [scp.dn]
    with pytest.raises(ldap.INSUFFICIENT_ACCESS):
        agent.modify_s(scp.dn, [(ldap.MOD_REPLACE, "vendor", [b"x"])])


def test_allowed_child_classes_effective_tells_the_delegation(samba_lab, svc):
    def allowed(dn):
        return svc.search_s(dn, BASE, ANY, ["allowedChildClassesEffective"])[0][1].get(
            "allowedChildClassesEffective", []
        )

    assert allowed(samba_lab.container) == [SCP]
    assert allowed(f"CN=System,{samba_lab.nc}") == []


def test_allowed_attributes_effective_of_an_own_and_a_foreign_scp(svc, scp, product):
    own = {name.decode() for name in scp.read("allowedAttributesEffective")}
    assert {"serviceBindingInformation", "keywords", "msDS-Settings", "vendor"} <= own
    foreign = svc.search_s(product, BASE, ANY, ["allowedAttributesEffective"])[0][1]
    assert foreign == {}


def test_owners_are_the_account_or_domain_admins(samba_lab, svc, scp, product):
    own = sid_of(svc, samba_lab.info["service"]["dn"])
    assert owner_of(svc, scp.dn) == own
    domain_admins = own[:-4] + struct.pack("<I", 512)
    assert owner_of(svc, product) == owner_of(svc, samba_lab.container) == domain_admins


@pytest.mark.parametrize(
    "controls, served",
    [
        ([], False),
        ([sd_flags(ALL_WITH_SACL)], False),
        ([sd_flags(OWNER_GROUP_DACL)], True),
        ([sd_flags(OWNER)], True),
    ],
)
def test_a_security_descriptor_is_served_without_its_sacl_only(scp, controls, served):
    """Not an error: the attribute is just not there."""
    assert bool(scp.read("nTSecurityDescriptor", controls)) == served
