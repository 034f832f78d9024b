"""What the tests of the DC share: an SCP of the service account, and how to look at objects."""

import struct
import time
import uuid

import ldap
from ldap.controls import RequestControl

import replmeta

BASE, ONE, SUB = ldap.SCOPE_BASE, ldap.SCOPE_ONELEVEL, ldap.SCOPE_SUBTREE
ANY = "(objectClass=*)"
SCP = b"serviceConnectionPoint"
MARKER = b"scpd1;i=lab;r=mage;h=00"
SD_FLAGS, SHOW_DELETED, SHOW_RECYCLED, DOMAIN_SCOPE = (
    f"1.2.840.113556.1.4.{n}" for n in (801, 417, 2064, 1339)
)
OWNER, OWNER_GROUP_DACL, ALL_WITH_SACL = 1, 7, 15

# Every attribute that a copy has, and its OID as replPropertyMetaData tells it.
COPIED = {
    "cn": "2.5.4.3",
    "description": "2.5.4.13",
    "displayName": "1.2.840.113556.1.2.13",
    "name": "1.2.840.113556.1.4.1",
    "keywords": "1.2.840.113556.1.4.48",
    "versionNumber": "1.2.840.113556.1.4.141",
    "vendor": "1.2.840.113556.1.4.255",
    "versionNumberHi": "1.2.840.113556.1.4.328",
    "versionNumberLo": "1.2.840.113556.1.4.329",
    "serviceClassName": "1.2.840.113556.1.4.509",
    "serviceBindingInformation": "1.2.840.113556.1.4.510",
    "serviceDNSName": "1.2.840.113556.1.4.657",
    "serviceDNSNameType": "1.2.840.113556.1.4.659",
    "appSchemaVersion": "1.2.840.113556.1.4.848",
    "msDS-Settings": "1.2.840.113556.1.4.1697",
}


def until(condition, what: str, seconds: float = 30, pause: float = 0.05):
    """The condition's first true value; `pause` seconds lie between two looks."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(pause)
    return value


def read(connection, dn: str, attribute: str, controls=()) -> list[bytes]:
    """The values of one attribute as this account sees them; none: an empty list."""
    found = connection.search_ext_s(dn, BASE, ANY, [attribute], serverctrls=list(controls))
    return found[0][1].get(attribute, [])


def names(found) -> list[str]:
    return sorted(dn for dn, _ in found if dn)


def sd_flags(flags: int) -> RequestControl:
    return RequestControl(SD_FLAGS, True, bytes([0x30, 3, 2, 1, flags]))


def owner_of(connection, dn: str) -> bytes:
    """The owner's SID: asked for alone, it is all that follows the descriptor's head."""
    (descriptor,) = read(connection, dn, "nTSecurityDescriptor", [sd_flags(OWNER)])
    return descriptor[struct.unpack_from("<I", descriptor, 4)[0] :]


def sid_of(connection, dn: str) -> bytes:
    return read(connection, dn, "objectSid")[0]


def highest_usn(connection) -> int:
    return int(read(connection, "", "highestCommittedUSN")[0])


class Scp:
    """An SCP that svc-scpd made in the delegated container, for one test."""

    def __init__(self, lab, connection) -> None:
        self.svc = connection
        self.container = lab.container
        self.name = f"scp-{uuid.uuid4()}"
        self.dn = f"CN={self.name},{lab.container}"
        self.keyword = f"keyword of {self.name}".encode()
        attributes = {name: [b"1"] for name in COPIED if name not in ("cn", "name")}
        attributes |= {
            "objectClass": [SCP],
            "keywords": [self.keyword, b"QmmEx"],
            "serviceBindingInformation": [b"b1", b"b2"],
            "msDS-Settings": [MARKER, b"somebody else's"],
        }
        connection.add_s(self.dn, list(attributes.items()))
        self.guid = f"<GUID={uuid.UUID(bytes_le=self.read('objectGUID')[0])}>"

    def read(self, attribute: str, controls=()) -> list[bytes]:
        dn = getattr(self, "guid", self.dn)
        return read(self.svc, dn, attribute, controls)

    def modify(self, *changes) -> None:
        self.svc.modify_s(self.guid, list(changes))

    def swap_marker(self, old: bytes, new: bytes, *more) -> None:
        self.modify(
            (ldap.MOD_DELETE, "msDS-Settings", [old]), (ldap.MOD_ADD, "msDS-Settings", [new]), *more
        )

    def metadata(self) -> dict[str, replmeta.Change]:
        return replmeta.decode(self.read("replPropertyMetaData")[0])
