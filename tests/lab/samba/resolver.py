"""The client's name server, for a while: it passes on what the lab's own says, or is dead, late or wrong."""

import contextlib
import socket
import struct
import threading
import time

from topology import HUB_ADDRESS

ADDRESS = "127.0.0.53"
A, AAAA = 1, 28
NXDOMAIN = 0x8183  # an answer, recursion available, rcode 3 (RFC 1035 4.1.1)


class Resolver:
    """mode: pass | dead | nxdomain | no-address. late: seconds before each answer. As a context: the client asks it
    alone, and has no hosts file."""

    def __init__(self, samba):
        self.mode, self.late = "pass", 0.0
        self._files = {name: samba.dir / "client" / name for name in ("resolv.conf", "hosts")}
        with samba.network():
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._socket.bind((ADDRESS, 53))
            self._socket.settimeout(0.1)
            self._ended = False
            self._server = threading.Thread(target=self._serve)
            self._server.start()  # in that network, with all that it starts

    def _serve(self):
        while not self._ended:
            with contextlib.suppress(TimeoutError):
                query, client = self._socket.recvfrom(4096)
                threading.Thread(target=self._answer, args=(query, client), daemon=True).start()

    def _answer(self, query: bytes, client):
        mode = self.mode
        if mode == "dead":
            return
        time.sleep(self.late)
        end = query.index(b"\0", 12) + 5  # of the question: name, type, class
        kind, = struct.unpack_from("!H", query, end - 4)
        with contextlib.suppress(OSError):
            if mode == "nxdomain" or (mode == "no-address" and kind in (A, AAAA)):
                reply = query[:2] + struct.pack("!HHHHH", NXDOMAIN, 1, 0, 0, 0) + query[12:end]
            else:
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as forward:
                    forward.settimeout(5)
                    forward.sendto(query, (HUB_ADDRESS, 53))
                    reply = forward.recv(65535)
            self._socket.sendto(reply, client)

    def __enter__(self):
        self._before = {name: path.read_text() for name, path in self._files.items()}
        self._files["resolv.conf"].write_text(f"nameserver {ADDRESS}\noptions timeout:3 attempts:1\n")
        self._files["hosts"].write_text("127.0.0.1 localhost\n")
        return self

    def __exit__(self, *_):
        for name, text in self._before.items():
            self._files[name].write_text(text)
        self._ended = True
        self._server.join()
        self._socket.close()
