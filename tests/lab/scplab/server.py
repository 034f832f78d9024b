"""One slapd of the lab: a domain controller, or the global catalog."""

from __future__ import annotations

import signal
import socket
import subprocess
from pathlib import Path

from . import addresses, content, slapdconf
from .certs import Authority
from .forest import Dc
from .process import AddressTaken, LabError, Process, wait_until
from .slapdconf import Paths
from .template import Template, find_program

_SOCKET_PATH_MAX = 107  # sun_path of unix(7), less the final NUL


class Server:
    def __init__(
        self, name: str, dc: Dc, lab_directory: Path, address: str, dns_name: str | None = None
    ):
        """dns_name: what it calls itself, if not by the DC's name, which no resolver knows."""
        self.name = name
        self.dc = dc
        self.domain = dc.domain
        self.dns_name = dns_name or dc.host
        self.paths = Paths(lab_directory, name)
        self.address = address
        self.is_gc = name == "gc"
        self.process: Process | None = None
        ports = (
            (addresses.GC, addresses.GC_TLS) if self.is_gc else (addresses.LDAP, addresses.LDAPS)
        )
        self.port, self.tls_port = ports
        self.ldap = f"ldap://{address}:{self.port}"
        self.ldaps = f"ldaps://{address}:{self.tls_port}"
        self.ldapi = self.paths.ldapi

    def install(
        self,
        template: Template,
        authority: Authority,
        plugin: Path | None,
        claim_ad: bool,
        svc_unlimited: bool,
        peer: str | None = None,
    ) -> None:
        """Writes all that the server needs to start. peer: URI of the domain's other DC."""
        if len(str(self.paths.socket)) > _SOCKET_PATH_MAX:
            raise LabError(
                f"{self.paths.lab}: too long a path for the lab's sockets; choose a shorter one"
            )
        self.paths.home.mkdir()
        self.restore(template)
        authority.server(
            self.name, [self.dc.host, self.domain.dns, "localhost"], [self.address]
        )
        dse = content.root_dse(self.dc, self.dns_name, plugin is not None, self.is_gc, claim_ad)
        (self.paths.home / "rootdse.ldif").write_text(dse)
        if self.is_gc:
            self.paths.conf.write_text(slapdconf.global_catalog(self.paths))
        else:
            self.paths.conf.write_text(
                slapdconf.domain_server(self.dc, self.paths, plugin, svc_unlimited, peer)
            )

    def restore(self, template: Template) -> None:
        template.restore(self.paths, "gc" if self.is_gc else self.domain.key)

    def launch(self, environment: dict[str, str], die_with_parent: bool) -> None:
        """Starts slapd without waiting for it: wait_ready() does."""
        self.paths.pid.unlink(missing_ok=True)
        self.paths.log.write_text("")
        command = [
            find_program("slapd"),
            "-f",
            str(self.paths.conf),
            "-d",
            "0",
            "-h",
            f"{self.ldap} {self.ldaps} {self.ldapi}",
        ]
        self.process = Process.start(command, self.paths.log, environment, die_with_parent)

    def wait_ready(self, timeout: float = 20) -> None:
        """slapd writes its pid file once it has every address, and listens a little later."""

        def ready() -> bool:
            if not self.process.alive():
                self._explain_death()
            try:
                is_ours = self.paths.pid.read_text().strip() == str(self.process.pid)
            except OSError:
                return False
            return is_ours and self._listens()

        wait_until(ready, timeout, f"slapd of {self.name} to listen")

    def _listens(self) -> bool:
        with socket.socket(socket.AF_UNIX) as local, socket.socket() as tcp, socket.socket() as tls:
            return (
                local.connect_ex(str(self.paths.socket)) == 0
                and tcp.connect_ex((self.address, self.port)) == 0
                and tls.connect_ex((self.address, self.tls_port)) == 0
            )

    def stop(self) -> None:
        if self.process:
            self.process.end()
            self.process = None

    def pause(self) -> None:
        """Stops answering while its connections stay open, like a hung DC."""
        self._running().pause()

    def resume(self) -> None:
        self._running().resume()

    def kill(self) -> None:
        self._running().signal(signal.SIGKILL)
        self.stop()

    def describe(self) -> dict:
        return {
            "name": "gc" if self.is_gc else self.domain.dns,
            "key": self.name,
            "address": self.address,
            "host": self.dns_name,
            "ldap": self.ldap,
            "ldaps": self.ldaps,
            "ldapi": self.ldapi,
            "pid": self.process.pid if self.process else None,
            "started": self.process.started if self.process else None,
            "nc": self.domain.nc,
            "netbios": self.domain.netbios,
            "parent": self.domain.parent,
            "administrator": self.domain.administrator,
            "log": str(self.paths.log),
        }

    def _running(self) -> Process:
        if not self.process:
            raise LabError(f"slapd of {self.name} does not run")
        return self.process

    def _explain_death(self) -> None:
        said = self.paths.log.read_text(errors="replace").strip()
        if "bind(" in said or "Address already in use" in said or not said:
            # slapd says little of a port in use: its settings are good, so it was that.
            check = subprocess.run(
                [find_program("slaptest"), "-u", "-f", str(self.paths.conf)],
                capture_output=True,
                text=True,
            )
            if check.returncode == 0:
                raise AddressTaken(
                    f"slapd of {self.name} could not listen on {self.address}: {said}"
                )
            said += check.stderr
        raise LabError(f"slapd of {self.name} ended at once:\n{said}")
