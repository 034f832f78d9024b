"""A DC that the client reaches over IPv6 alone. Samba's own IPv6 is off in the lab: what comes to an address of the
client's is passed on to the DC."""

import contextlib
import socket
import threading

ADDRESS, LDAP = "::1", 389


class ByIPv6:
    """As a context: the client's only address for a DC is an IPv6 one, where LDAP and the ping (CLDAP) pass.

    also_ipv4  the DC's own address is there, too
    serves     False: nobody listens at the IPv6 address
    """

    def __init__(self, samba, dc: str, serves: bool = True, also_ipv4: bool = False):
        self.connections = self.datagrams = 0
        self._upstream = (samba.dc(dc)["address"], LDAP)
        self._hosts = samba.dir / "client" / "hosts"
        name = samba.dc(dc)["host"]
        self._before = self._hosts.read_text()
        kept = [line for line in self._before.splitlines() if also_ipv4 or name not in line.split()]
        self._with = "\n".join([f"{ADDRESS} {name}", *kept]) + "\n"
        self._sockets: list[socket.socket] = []
        if serves:
            with samba.network():
                self._sockets = [socket.socket(socket.AF_INET6, socket.SOCK_DGRAM),
                                 socket.create_server((ADDRESS, LDAP), family=socket.AF_INET6)]
                self._sockets[0].bind((ADDRESS, LDAP))
                for work in (self._ping, self._serve):
                    threading.Thread(target=work, daemon=True).start()  # in that network, with all that it starts

    def _ping(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                query, client = self._sockets[0].recvfrom(4096)
                self.datagrams += 1
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as forward, contextlib.suppress(OSError):
                    forward.settimeout(5)
                    forward.sendto(query, self._upstream)
                    self._sockets[0].sendto(forward.recv(65535), client)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._sockets[1].accept()
                self.connections += 1
                server = socket.create_connection(self._upstream)
                self._sockets += [client, server]
                for source, sink in ((client, server), (server, client)):
                    threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    @staticmethod
    def _pump(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            while data := source.recv(65536):
                sink.sendall(data)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def __enter__(self):
        self._hosts.write_text(self._with)
        return self

    def __exit__(self, *_):
        self._hosts.write_text(self._before)
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)  # wakes who waits at it
            one.close()
