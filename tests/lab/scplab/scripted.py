"""A proxy in front of a real server that misbehaves as a test tells it.

    proxy = lab.proxy("emea")                              # LDAPS at an address of its own
    proxy.on("search-done", result(4, "size limit"))       # once
    proxy.on("search-done", strip_controls(), times=None)  # whenever
    proxy.on("search-entry", drop(), after=3)              # the fourth is lost with its connection
    proxy.on("modify-response", drop())                    # the write is done, its answer lost
    proxy.on("modify-request", drop())                     # the write never arrives
    proxy.on("connect", freeze())                          # accepts, never answers, not even TLS
    proxy.on("bind-response", then(freeze()))              # answers the bind, then hangs
    proxy.silence()                                        # packets vanish; speak() lets them arrive

Operations are named as in message.OPERATIONS, besides "connect", "request", "response" and "any".
The proxy takes TLS off and speaks plain LDAP to the server, so that it can read what passes; what it
cannot read (StartTLS, a SASL layer) passes as bytes.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import struct
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from . import addresses, message
from .certs import KeyPair
from .message import Message
from .process import wait_until

_MAX_READ = 1 << 16


@dataclass(frozen=True)
class Seen:
    """One message that reached the proxy."""

    connection: int
    operation: str
    id: int
    dn: str


class Connection:
    """One client's connection, with the one to the server behind it."""

    def __init__(self, number: int, accepted: socket.socket):
        self.number = number
        self.accepted = accepted
        self.client: asyncio.StreamWriter | None = None
        self.server: asyncio.StreamWriter | None = None
        self.frozen = False
        self.pace: tuple[int, float] | None = None  # bytes, seconds: how answers go out

    async def send(self, data: bytes, to_client: bool) -> None:
        writer = self.client if to_client else self.server
        if writer is None or writer.is_closing():
            return
        if not (self.pace and to_client):
            writer.write(data)
        else:
            size, interval = self.pace
            for start in range(0, len(data), size):
                writer.write(data[start : start + size])
                await writer.drain()
                await asyncio.sleep(interval)
        await writer.drain()

    def close(self, reset: bool = False) -> None:
        if reset and self.accepted.fileno() >= 0:  # else it has ended by itself
            self.accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        for writer in (self.client, self.server):
            if writer:
                writer.transport.abort()
        self.accepted.close()


@dataclass
class Exchange:
    """What an action may work with: the message that came, and where it would go."""

    connection: Connection
    message: Message | None  # None on "connect"
    to_client: bool

    async def forward(self, changed: Message | None = None) -> None:
        passed = changed or self.message
        if passed:
            await self.connection.send(passed.encode(), self.to_client)


Action = Callable[[Exchange], Awaitable[None]]


@dataclass
class Rule:
    on: str
    action: Action
    after: int
    times: int | None
    used: int = field(default=0)

    def takes(self, names: set[str]) -> bool:
        """Counts a matching message; True if the action is due for it."""
        if self.on not in names:
            return False
        if self.after > 0:
            self.after -= 1
            return False
        if self.times is not None and self.used >= self.times:
            return False
        self.used += 1
        return True


# ---- actions


def drop(reset: bool = False) -> Action:
    """Closes the connection; the message is lost."""

    async def act(exchange: Exchange) -> None:
        exchange.connection.close(reset)

    return act


def swallow() -> Action:
    """Loses the message; the connection goes on."""

    async def act(_exchange: Exchange) -> None:
        pass

    return act


def freeze() -> Action:
    """Nothing passes on this connection from now on, either way; it stays open."""

    async def act(exchange: Exchange) -> None:
        exchange.connection.frozen = True

    return act


def then(action: Action) -> Action:
    """Forwards the message first."""

    async def act(exchange: Exchange) -> None:
        await exchange.forward()
        await action(exchange)

    return act


def delay(seconds: float) -> Action:
    async def act(exchange: Exchange) -> None:
        await asyncio.sleep(seconds)
        await exchange.forward()

    return act


def lag(seconds: float) -> Action:
    """As on a long line: each message arrives that much later and holds up none behind it."""
    under_way: set[asyncio.Task] = set()  # the loop itself keeps none alive

    async def act(exchange: Exchange) -> None:
        async def later() -> None:
            await asyncio.sleep(seconds)
            await exchange.forward()

        task = asyncio.create_task(later())
        under_way.add(task)
        task.add_done_callback(under_way.discard)

    return act


def trickle(size: int = 1, interval: float = 0.02) -> Action:
    """From now on answers of this connection go out a few bytes at a time."""

    async def act(exchange: Exchange) -> None:
        exchange.connection.pace = (size, interval)
        await exchange.forward()

    return act


def truncate(size: int) -> Action:
    """Sends the first bytes of the message, then nothing more: the connection stays open."""

    async def act(exchange: Exchange) -> None:
        await exchange.connection.send(exchange.message.encode()[:size], exchange.to_client)
        exchange.connection.frozen = True

    return act


def garbage(data: bytes | None = None) -> Action:
    """Sends these bytes (or random ones) to the client instead of the message."""

    async def act(exchange: Exchange) -> None:
        await exchange.connection.send(os.urandom(256) if data is None else data, to_client=True)

    return act


def rewrite(change: Callable[[Message], Message]) -> Action:
    async def act(exchange: Exchange) -> None:
        await exchange.forward(change(exchange.message))

    return act


def result(code: int, text: str = "", referrals: tuple[str, ...] = ()) -> Action:
    """Another result in the server's answer."""
    return rewrite(lambda answer: answer.with_result(code, text, referrals))


def strip_controls() -> Action:
    """The server's answer without its controls, and so without the paging cookie."""
    return rewrite(Message.without_controls)


def before(make: Callable[[int], Message]) -> Action:
    """Puts a message of the same id in front of this one."""

    async def act(exchange: Exchange) -> None:
        await exchange.connection.send(make(exchange.message.id).encode(), exchange.to_client)
        await exchange.forward()

    return act


def reply(make: Callable[[Message], Message | list[Message]]) -> Action:
    """Answers a request in the server's place."""

    async def act(exchange: Exchange) -> None:
        made = make(exchange.message)
        for answer in made if isinstance(made, list) else [made]:
            await exchange.connection.send(answer.encode(), to_client=True)

    return act


# ---- the proxy


class FaultProxy:
    def __init__(self, address: str, upstream: tuple[str, int], certificate: KeyPair | None):
        """Listens at once. `certificate`: speaks LDAPS with it; None: plain LDAP."""
        self.address = address
        self.port = addresses.LDAPS if certificate else addresses.LDAP
        self.uri = f"{'ldaps' if certificate else 'ldap'}://{address}:{self.port}"
        self.seen: list[Seen] = []
        self._upstream = upstream
        self._rules: list[Rule] = []
        self._connections: dict[int, Connection] = {}
        self._count = 0
        self._passes = asyncio.Event()
        self._passes.set()
        self._tls: ssl.SSLContext | None = None
        if certificate:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(certificate.certificate, certificate.key)
        self._listener: socket.socket | None = None
        self._accepting: asyncio.Task | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name=f"proxy {address}", daemon=True
        )
        self._thread.start()
        self.accept()

    # ---- for tests; each may be called from any thread

    def on(self, operation: str, action: Action, *, after: int = 0, times: int | None = 1) -> Rule:
        """`action` for the next `times` such messages (None: all) after `after` of them."""
        if operation not in {*message.TAGS, "connect", "request", "response", "any"}:
            raise ValueError(f"no operation {operation!r}")
        rule = Rule(operation, action, after, times)
        self._call(self._rules.append, rule)
        return rule

    def clear(self) -> None:
        """Behaves from now on; frozen connections stay so."""
        self._call(self._rules.clear)

    def cut(self, reset: bool = False) -> None:
        """Closes all connections there are."""
        self._call(
            lambda: [connection.close(reset) for connection in [*self._connections.values()]]
        )

    def refuse(self) -> None:
        """Connections are refused from now on; those there are stay."""
        self._call(self._stop_listening)

    def accept(self) -> None:
        """Listens (again)."""
        self._call(self._start_listening)

    def listens(self) -> bool:
        return self._listener is not None

    def silence(self) -> None:
        """Nothing gets through from now on, either way, as where packets vanish: connections stay, new ones hang."""
        self._call(self._passes.clear)

    def speak(self) -> None:
        """What was under way arrives now, late, be the client still there or not: TCP sends it again and again."""
        self._call(self._passes.set)

    def count(self, *operations: str) -> int:
        """How many such messages have come; without a name: how many requests that write."""
        wanted = operations or message.WRITES
        return sum(seen.operation in wanted for seen in self.seen)

    def wait_for(self, operation: str, times: int = 1, timeout: float = 20) -> None:
        """Until that many such messages have come since the proxy began."""
        wait_until(
            lambda: self.count(operation) >= times, timeout, f"{times} × {operation} at {self.uri}"
        )

    def open_connections(self) -> int:
        return len(self._connections)

    def close(self) -> None:
        if not self._thread.is_alive():
            return
        self._call(self._stop_listening)
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def _call(self, function, *arguments):
        async def run():
            return function(*arguments)

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(10)

    # ---- within the loop's thread

    def _start_listening(self) -> None:
        self._listener = socket.create_server((self.address, self.port))
        self._listener.setblocking(False)
        self._accepting = self._loop.create_task(self._accept_all(self._listener))

    def _stop_listening(self) -> None:
        if self._listener:
            self._accepting.cancel()
            self._loop.remove_reader(self._listener)
            self._listener.close()
            self._listener = None

    async def _accept_all(self, listener: socket.socket) -> None:
        running = set()
        while True:
            accepted, _ = await self._loop.sock_accept(listener)
            self._count += 1
            task = self._loop.create_task(self._serve(Connection(self._count, accepted)))
            running.add(task)  # the loop itself keeps only weak references
            task.add_done_callback(running.discard)

    async def _serve(self, connection: Connection) -> None:
        self._connections[connection.number] = connection
        try:
            self.seen.append(Seen(connection.number, "connect", 0, ""))
            rule = self._rule_for({"connect", "any"})
            if rule:
                await rule.action(Exchange(connection, None, True))
            if connection.frozen:
                await self._until_closed(connection)
                return
            await self._passes.wait()
            client = await self._take_client(connection)
            server, connection.server = await asyncio.open_connection(*self._upstream)
            pumps = [
                asyncio.ensure_future(self._pump(connection, client, to_client=False)),
                asyncio.ensure_future(self._pump(connection, server, to_client=True)),
            ]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
        except (OSError, ssl.SSLError, asyncio.IncompleteReadError):
            pass  # the client went away or refused our certificate: it will say so
        finally:
            connection.close()
            self._connections.pop(connection.number, None)

    async def _take_client(self, connection: Connection) -> asyncio.StreamReader:
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await self._loop.connect_accepted_socket(
            lambda: protocol, connection.accepted, ssl=self._tls
        )
        connection.client = asyncio.StreamWriter(transport, protocol, reader, self._loop)
        return reader

    async def _until_closed(self, connection: Connection) -> None:
        while await self._loop.sock_recv(connection.accepted, _MAX_READ):
            pass

    async def _pump(
        self, connection: Connection, source: asyncio.StreamReader, to_client: bool
    ) -> None:
        buffer = b""
        readable = True
        while data := await source.read(_MAX_READ):
            await self._passes.wait()
            if connection.frozen:
                continue
            if not readable:
                await connection.send(data, to_client)
                continue
            buffer += data
            while buffer and not connection.frozen:
                if buffer[0] != message.SEQUENCE:  # TLS or a SASL layer has begun
                    readable = False
                    await connection.send(buffer, to_client)
                    buffer = b""
                    break
                found = message.header(buffer)
                if found is None or len(buffer) < found[1] + found[2]:
                    break
                size = found[1] + found[2]
                one, buffer = buffer[:size], buffer[size:]
                await self._handle(connection, one, to_client)
        if connection.frozen and to_client:  # the server has gone, and the client is not to notice
            await asyncio.Event().wait()

    async def _handle(self, connection: Connection, data: bytes, to_client: bool) -> None:
        parsed = Message.parse(data)
        self.seen.append(
            Seen(
                connection.number, parsed.operation, parsed.id, "" if to_client else _dn_of(parsed)
            )
        )
        rule = self._rule_for({parsed.operation, "response" if to_client else "request", "any"})
        if rule:
            await rule.action(Exchange(connection, parsed, to_client))
        else:
            await connection.send(data, to_client)

    def _rule_for(self, names: set[str]) -> Rule | None:
        return next((rule for rule in [*self._rules] if rule.takes(names)), None)


def _dn_of(parsed: Message) -> str:
    try:
        return parsed.dn
    except ValueError:
        return ""
