"""LDAP servers that do as a test says, where no real server would: in the test's own process."""

import contextlib
import socket
import ssl
import threading

from scplab import addresses, message
from scplab.message import OCTETS, SEQUENCE, Message, header, integer, tlv


class Listener:
    """Accepts connections, each served on a thread; all end with it."""

    def __init__(self, address: str, port: int):
        self.address, self.port = address, port
        self._connections: list[socket.socket] = []
        self._socket = socket.create_server((address, port))
        self._threads = [threading.Thread(target=self._accept_all, daemon=True)]
        self._threads[0].start()

    def __enter__(self):
        return self

    def __exit__(self, *_exc) -> None:
        for one in (self._socket, *self._connections):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept_all(self) -> None:
        while True:
            try:
                accepted, _ = self._socket.accept()
            except OSError:
                return
            self._connections.append(accepted)
            threading.Thread(target=self._guarded, args=(accepted,), daemon=True).start()

    def _guarded(self, accepted: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            self.serve(accepted)

    def serve(self, connection: socket.socket) -> None:
        raise NotImplementedError


class Deaf(Listener):
    """Accepts and never says a word."""

    def serve(self, connection: socket.socket) -> None:
        while connection.recv(1 << 16):
            pass


class FakeServer(Listener):
    """Speaks plain LDAP: every bind succeeds, the RootDSE is `root_dse`, the rest is `answer(request)`.

    starttls  a key pair: StartTLS is offered with it
    received  all bytes that came in clear
    """

    def __init__(
        self, address: str, *, starttls=None, root_dse=None, answer=None, port=addresses.LDAP
    ):
        self.received = b""
        self.requests: list[Message] = []
        self._answer = answer
        self._root_dse = root_dse or {"defaultNamingContext": ["DC=x"], "namingContexts": ["DC=x"]}
        self._tls = None
        if starttls:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(starttls.certificate, starttls.key)
        super().__init__(address, port)
        self.uri = f"ldap://{address}:{port}"

    def limit_tls(self, version: str) -> None:
        """Nothing newer than "1_2" or so."""
        self._tls.maximum_version = ssl.TLSVersion["TLSv" + version]

    def serve(self, connection: socket.socket, inside: bool = False) -> None:
        buffer = b""
        while data := connection.recv(1 << 16):
            if not inside:
                self.received += data
            buffer += data
            while (found := header(buffer)) and len(buffer) >= found[1] + found[2]:
                size = found[1] + found[2]
                request, buffer = Message.parse(buffer[:size]), buffer[size:]
                self.requests.append(request)
                for answer in self._answers(request):
                    connection.sendall(answer if isinstance(answer, bytes) else answer.encode())
                if request.operation == "extended-request" and self._tls:
                    with self._tls.wrap_socket(connection, server_side=True) as wrapped:
                        self.serve(wrapped, inside=True)
                    return

    def _answers(self, request: Message) -> list:
        if request.operation == "bind-request":
            return [message.response(request.id, "bind-response", 0)]
        if request.operation == "extended-request":
            return [message.response(request.id, "extended-response", 0 if self._tls else 2)]
        if request.operation == "search-request" and request.dn == "":
            return [entry(request.id, "", self._root_dse), done(request.id)]
        made = self._answer(request) if self._answer else None
        if made is None and request.operation == "search-request":
            made = [message.response(request.id, "search-done", 32)]
        return made or []


def entry(message_id: int, dn: str, attributes: dict) -> Message:
    listed = b"".join(
        tlv(
            SEQUENCE,
            tlv(OCTETS, name.encode())
            + tlv(
                0x31,
                b"".join(tlv(OCTETS, v if isinstance(v, bytes) else v.encode()) for v in values),
            ),
        )
        for name, values in attributes.items()
    )
    return Message(
        message_id, message.TAGS["search-entry"], tlv(OCTETS, dn.encode()) + tlv(SEQUENCE, listed)
    )


def done(message_id: int, code: int = 0, *, cookie: bytes | None = None) -> Message:
    """The end of a search; with a cookie: of a page."""
    made = message.response(message_id, "search-done", code)
    if cookie is None:
        return made
    value = tlv(SEQUENCE, integer(0) + tlv(OCTETS, cookie))
    control = tlv(SEQUENCE, tlv(OCTETS, b"1.2.840.113556.1.4.319") + tlv(OCTETS, value))
    return Message(made.id, made.tag, made.body, control)


def controls_of(request: Message) -> dict[str, tuple[bool, bytes]]:
    """OID → (critical, value) of a request."""
    found = {}
    for _, control in message.split(request.controls or b""):
        parts = message.split(control)
        critical = any(tag == 0x01 and content != b"\0" for tag, content in parts)
        value = next((content for tag, content in parts[1:] if tag == OCTETS), b"")
        found[parts[0][1].decode()] = (critical, value)
    return found


def attributes_of(request: Message) -> list[str]:
    """Those that a search asks for."""
    return [content.decode() for _, content in message.split(message.split(request.body)[-1][1])]
