"""replPropertyMetaData: when, where and how often each attribute of an object was last written
(little-endian, 16 bytes of head, then 48 bytes an attribute)."""

import struct
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

HEAD = struct.Struct("<IIII")  # format version 1, 0, number of entries, 0
ENTRY = struct.Struct("<IIQ16sQQ")
EPOCH = datetime(1601, 1, 1, tzinfo=timezone.utc)

# attid = prefix number << 16 | last arc of the attribute's OID. These prefixes are the same in
# every forest (MS-DRSR 5.16.4); for an attribute that somebody added to the schema a forest has
# numbers of its own.
PREFIXES = {0: "2.5.4", 2: "1.2.840.113556.1.2", 9: "1.2.840.113556.1.4"}


@dataclass(frozen=True)
class Change:
    version: int  # how many writes; counts on after the attribute was removed
    time: datetime  # of the originating write, whole seconds
    invocation_id: uuid.UUID  # of the DC where it was made
    originating_usn: int  # there
    local_usn: int  # on the DC that answered


def decode(blob: bytes) -> dict[str, Change]:
    """By attribute OID. ValueError if it is no such blob."""
    if len(blob) < HEAD.size:
        raise ValueError(f"{len(blob)} bytes, less than a head")
    version, _, count, _ = HEAD.unpack_from(blob)
    if version != 1:
        raise ValueError(f"format version {version}, not 1")
    if len(blob) != HEAD.size + count * ENTRY.size:
        raise ValueError(f"{len(blob)} bytes for {count} entries")
    changes = {}
    for attid, version, seconds, invocation, originating, local in ENTRY.iter_unpack(
        blob[HEAD.size :]
    ):
        changes[oid(attid)] = Change(
            version,
            EPOCH + timedelta(seconds=seconds),
            uuid.UUID(bytes_le=invocation),
            originating,
            local,
        )
    return changes


def oid(attid: int) -> str:
    prefix = PREFIXES.get(attid >> 16)
    return f"{prefix}.{attid & 0xFFFF}" if prefix else f"attid {attid:#x}"
