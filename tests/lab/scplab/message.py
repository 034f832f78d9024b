"""LDAP messages on the wire, as far as the fault proxy must understand them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

SEQUENCE, INTEGER, OCTETS, ENUMERATED, CONTROLS, REFERRAL = 0x30, 0x02, 0x04, 0x0A, 0xA0, 0xA3

# Application tags of RFC 4511, section 4.
OPERATIONS = {
    0x60: "bind-request",
    0x61: "bind-response",
    0x42: "unbind-request",
    0x63: "search-request",
    0x64: "search-entry",
    0x65: "search-done",
    0x73: "search-reference",
    0x66: "modify-request",
    0x67: "modify-response",
    0x68: "add-request",
    0x69: "add-response",
    0x4A: "delete-request",
    0x6B: "delete-response",
    0x6C: "rename-request",
    0x6D: "rename-response",
    0x6E: "compare-request",
    0x6F: "compare-response",
    0x50: "abandon-request",
    0x77: "extended-request",
    0x78: "extended-response",
    0x79: "intermediate",
}
TAGS = {name: tag for tag, name in OPERATIONS.items()}
WRITES = ("modify-request", "add-request", "delete-request", "rename-request")


def tlv(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def integer(value: int, tag: int = INTEGER) -> bytes:
    return tlv(tag, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def header(data: bytes) -> tuple[int, int, int] | None:
    """(tag, header size, content size) of the TLV at the front; None: more bytes are needed."""
    if len(data) < 2:
        return None
    if data[1] < 0x80:
        return data[0], 2, data[1]
    count = data[1] & 0x7F
    if len(data) < 2 + count:
        return None
    return data[0], 2 + count, int.from_bytes(data[2 : 2 + count], "big")


def split(data: bytes) -> list[tuple[int, bytes]]:
    """The (tag, content) pairs of a whole sequence of TLVs."""
    parts = []
    while data:
        found = header(data)
        if found is None:
            raise ValueError("a BER element ends before its length")
        tag, head, size = found
        parts.append((tag, data[head : head + size]))
        data = data[head + size :]
    return parts


@dataclass(frozen=True)
class Message:
    id: int
    tag: int
    body: bytes  # content of the operation's own TLV
    controls: bytes | None = None  # content of [0]

    @classmethod
    def parse(cls, data: bytes) -> Message:
        ((tag, content),) = split(data)
        parts = split(content)
        if tag != SEQUENCE or len(parts) < 2 or parts[0][0] != INTEGER:
            raise ValueError("not an LDAP message")
        controls = parts[2][1] if len(parts) > 2 and parts[2][0] == CONTROLS else None
        return cls(int.from_bytes(parts[0][1], "big"), parts[1][0], parts[1][1], controls)

    def encode(self) -> bytes:
        controls = b"" if self.controls is None else tlv(CONTROLS, self.controls)
        return tlv(SEQUENCE, integer(self.id) + tlv(self.tag, self.body) + controls)

    @property
    def operation(self) -> str:
        return OPERATIONS.get(self.tag, f"0x{self.tag:02x}")

    @property
    def result_code(self) -> int:
        """Of a response."""
        return int.from_bytes(split(self.body)[0][1], "big")

    @property
    def dn(self) -> str:
        """The object of a request, or of an entry that was found."""
        if self.operation in ("delete-request",):
            raw = self.body
        else:
            raw = next((content for tag, content in split(self.body) if tag == OCTETS), b"")
        return raw.decode("utf-8", "replace")

    def with_result(self, code: int, text: str = "", referrals: Iterable[str] = ()) -> Message:
        """The same response with another result."""
        extra = b"".join(
            tlv(tag, content) for tag, content in split(self.body)[3:] if tag != REFERRAL
        )
        uris = b"".join(tlv(OCTETS, uri.encode()) for uri in referrals)
        body = integer(code, ENUMERATED) + tlv(OCTETS, b"") + tlv(OCTETS, text.encode())
        return replace(self, body=body + (tlv(REFERRAL, uris) if uris else b"") + extra)

    def without_controls(self) -> Message:
        return replace(self, controls=None)


def search_reference(message_id: int, *uris: str) -> Message:
    return Message(
        message_id, TAGS["search-reference"], b"".join(tlv(OCTETS, uri.encode()) for uri in uris)
    )


def response(
    message_id: int, operation: str, code: int, text: str = "", referrals: Iterable[str] = ()
) -> Message:
    """A response of one's own, for example response(7, "search-done", 51)."""
    empty = integer(0, ENUMERATED) + tlv(OCTETS, b"") + tlv(OCTETS, b"")
    return Message(message_id, TAGS[operation], empty).with_result(code, text, referrals)


def notice_of_disconnection(code: int = 52, text: str = "the lab says good-bye") -> Message:
    """RFC 4511, section 4.4.1: an extended response with message id 0."""
    base = response(0, "extended-response", code, text)
    return replace(base, body=base.body + tlv(0x8A, b"1.3.6.1.4.1.1466.20036"))
