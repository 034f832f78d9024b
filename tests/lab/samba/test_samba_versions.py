"""What a real AD DC answers, as far as scpd relies on it or has to expect it: versions,
USNs, deletions."""

import struct
import uuid

import ldap
import pytest
from ldap.controls import RequestControl

import replmeta
from objects import ANY, BASE, COPIED, MARKER, SHOW_DELETED, SHOW_RECYCLED, SUB, highest_usn, names


# -------------------- versions


def test_repl_property_metadata_names_every_attribute_and_its_origin(samba_lab, svc, scp):
    metadata = scp.metadata()
    assert set(COPIED.values()) <= set(metadata)
    ntds_settings = svc.search_s("", BASE, ANY, ["dsServiceName"])[0][1]["dsServiceName"][
        0
    ].decode()
    invocation = svc.search_s(ntds_settings, BASE, ANY, ["invocationId"])[0][1]["invocationId"][0]
    usn = int(scp.read("uSNCreated")[0])
    for name, oid in COPIED.items():
        change = metadata[oid]
        assert (change.version, change.originating_usn, change.local_usn) == (1, usn, usn), name
        assert change.invocation_id == uuid.UUID(bytes_le=invocation)
        assert change.time.strftime("%Y%m%d%H%M%S.0Z").encode() == scp.read("whenCreated")[0]


def test_a_service_account_reads_the_metadata_of_others_objects(svc, product):
    blob = svc.search_s(product, BASE, ANY, ["replPropertyMetaData"])[0][1]["replPropertyMetaData"][
        0
    ]
    assert COPIED["serviceBindingInformation"] in replmeta.decode(blob)


CHANGES = {
    "a new value": ([(ldap.MOD_REPLACE, "vendor", [b"2"])], {"vendor": 2}),
    "the same value": ([(ldap.MOD_REPLACE, "vendor", [b"1"])], {}),
    "deleted and added again": (
        [(ldap.MOD_DELETE, "vendor", [b"1"]), (ldap.MOD_ADD, "vendor", [b"1"])],
        {"vendor": 3},
    ),
    "removed": ([(ldap.MOD_REPLACE, "vendor", None)], {"vendor": 2}),
    "the marker swapped": (
        [(ldap.MOD_DELETE, "msDS-Settings", [MARKER]), (ldap.MOD_ADD, "msDS-Settings", [b"n"])],
        {"msDS-Settings": 3},
    ),
    "two attributes": (
        [(ldap.MOD_REPLACE, "vendor", [b"2"]), (ldap.MOD_REPLACE, "keywords", [b"k"])],
        {"vendor": 2, "keywords": 2},
    ),
}


@pytest.mark.parametrize("changes, versions", CHANGES.values(), ids=CHANGES.keys())
def test_what_a_write_does_to_versions_and_usn(svc, scp, changes, versions):
    """Attributes that were not written keep version and USN; a write that changes nothing changes
    neither. Samba counts each step of a modify (a swap adds 2), so versions are compared by order,
    never by difference."""
    before, usn_before = scp.metadata(), int(scp.read("uSNChanged")[0])
    scp.modify(*changes)
    after, usn_after = scp.metadata(), int(scp.read("uSNChanged")[0])
    changed = {
        name: after[oid].version for name, oid in COPIED.items() if after[oid] != before[oid]
    }
    assert changed == versions
    assert (usn_after > usn_before) == bool(versions)
    assert {after[COPIED[name]].local_usn for name in versions} <= {usn_after}


def test_a_rename_is_a_new_version_of_cn_and_name(svc, scp):
    before = scp.metadata()
    svc.rename_s(scp.guid, f"CN=renamed-{scp.name}", scp.container)
    after = scp.metadata()
    assert {name for name, oid in COPIED.items() if after[oid] != before[oid]} == {"cn", "name"}


def test_polling_by_usn_sees_a_change_and_misses_a_delete(samba_lab, svc, scp):
    """The watermark is the whole DC's: it moves with a delete, and with writes to other NCs."""
    watermark = highest_usn(svc)
    changed = f"(&(objectClass=serviceConnectionPoint)(uSNChanged>={watermark + 1}))"
    assert names(svc.search_s(samba_lab.nc, SUB, changed, ["cn"])) == []
    scp.modify((ldap.MOD_REPLACE, "vendor", [b"2"]))
    assert highest_usn(svc) == watermark + 1 == int(scp.read("uSNChanged")[0])
    assert names(svc.search_s(samba_lab.nc, SUB, changed, ["cn"])) == [scp.dn]
    svc.delete_s(scp.guid)
    assert highest_usn(svc) == watermark + 2
    assert names(svc.search_s(samba_lab.nc, SUB, changed, ["cn"])) == []


@pytest.mark.parametrize("oid", [SHOW_DELETED, SHOW_RECYCLED])
def test_an_ordinary_account_sees_no_tombstone(samba_lab, svc, scp, oid):
    """By GUID it is 32, as for what never was; in a search it is just missing. An administrator
    sees it, without its keywords, bindings and marker (no Recycle Bin)."""
    svc.delete_s(scp.guid)
    control = [RequestControl(oid, True)]
    deleted = "(&(isDeleted=TRUE)(objectClass=serviceConnectionPoint))"
    with pytest.raises(ldap.NO_SUCH_OBJECT):
        svc.search_ext_s(scp.guid, BASE, ANY, serverctrls=control)
    assert names(svc.search_ext_s(samba_lab.nc, SUB, deleted, serverctrls=control)) == []
    ((dn, tombstone),) = samba_lab.admin.search_ext_s(scp.guid, BASE, ANY, serverctrls=control)
    assert dn == f"CN={scp.name}\\0ADEL:{scp.guid[6:-1]},CN=Deleted Objects,{samba_lab.nc}"
    assert tombstone["isDeleted"] == [b"TRUE"] and tombstone["lastKnownParent"] == [
        scp.container.encode()
    ]
    assert not {"keywords", "serviceBindingInformation", "msDS-Settings"} & set(tombstone)


# -------------------- the decoder


@pytest.mark.parametrize(
    "blob",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\1" + bytes(14), id="head cut"),
        pytest.param(struct.pack("<IIII", 2, 0, 0, 0), id="version 2"),
        pytest.param(struct.pack("<IIII", 1, 0, 1, 0) + bytes(47), id="entry cut"),
        pytest.param(struct.pack("<IIII", 1, 0, 1, 0) + bytes(49), id="too long"),
        pytest.param(struct.pack("<IIII", 1, 0, 0xFFFFFFFF, 0), id="count too high"),
    ],
)
def test_the_decoder_refuses(blob):
    with pytest.raises(ValueError):
        replmeta.decode(blob)


def test_an_attid_of_a_schema_extension_is_not_taken_for_an_oid():
    assert replmeta.oid(0x000901FE) == COPIED["serviceBindingInformation"]
    assert replmeta.oid(0x8A5B0001) == "attid 0x8a5b0001"
