"""Somebody between client and server, who ends TLS."""

import contextlib
import socket
import ssl
import threading


class Between:
    """Ends TLS with a certificate that the client trusts, and speaks TLS to the server for it."""

    def __init__(self, address: str, certificate, upstream: tuple[str, int]):
        self.upstream = upstream
        self.inside = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.inside.load_cert_chain(certificate.certificate, certificate.key)
        self.outside = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.outside.check_hostname = False
        self.outside.verify_mode = ssl.CERT_NONE
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.listener = socket.create_server((address, 0), family=family)
        self.port = self.listener.getsockname()[1]
        self.seen = 0
        self.open: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                client = self.inside.wrap_socket(client, server_side=True)
                server = self.outside.wrap_socket(socket.create_connection(self.upstream))
                self.open += [client, server]
                for source, sink in ((client, server), (server, client)):
                    threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source, sink):
        with contextlib.suppress(OSError, ValueError):
            while data := source.recv(65536):
                self.seen += len(data)
                sink.sendall(data)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for one in (self.listener, *self.open):
            one.close()
