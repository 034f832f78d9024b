"""A private MIT KDC for one lab: realm CORP.TEST, keytabs for slapd and for the accounts."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

from . import addresses, forest
from .forest import ACCOUNTS, DOMAINS, PASSWORD, ROOT
from .process import AddressTaken, LabError, Process, wait_until
from .template import find_program

REALM = ROOT.dns.upper()


class Kdc:
    def __init__(self, lab_directory: Path, block: addresses.Block):
        self.directory = lab_directory / "krb"
        self.address = block.address(ROOT.number)
        self.krb5_conf = self.directory / "krb5.conf"
        self.server_keytab = self.directory / "ldap.keytab"
        self._servers = [block.address(domain.number) for domain in DOMAINS] + [
            d.host for d in DOMAINS
        ]
        self.process: Process | None = None

    def keytab(self, sam: str) -> Path:
        return self.directory / f"{sam}.keytab"

    def client_environment(self) -> dict[str, str]:
        return {
            "KRB5_CONFIG": str(self.krb5_conf),
            "KRB5CCNAME": f"FILE:{self.directory / 'ccache'}",
        }

    def server_environment(self) -> dict[str, str]:
        return {
            "KRB5_CONFIG": str(self.krb5_conf),
            "KRB5_KTNAME": f"FILE:{self.server_keytab}",
            "KRB5RCACHENAME": "none:",
        }

    def create(self) -> None:
        """Writes the settings and fills the principals' database."""
        self.directory.mkdir(mode=0o700)
        self._write_settings()
        (self.directory / "acl").touch()
        self._run(["kdb5_util", "-r", REALM, "create", "-s", "-P", os.urandom(12).hex()])
        services = " ".join(f"ldap/{host}" for host in self._servers)
        commands = [f"addprinc -randkey ldap/{host}" for host in self._servers]
        commands.append(f"ktadd -k {self.server_keytab} -norandkey {services}")
        for account in ACCOUNTS.values():
            if account.home == ROOT and account.enabled:
                commands.append(f"addprinc -pw {PASSWORD} {account.sam}")
                commands.append(f"ktadd -k {self.keytab(account.sam)} -norandkey {account.sam}")
        self._run(["kadmin.local", "-r", REALM], "\n".join(commands) + "\n")
        for name in ("svc", "agent"):
            if not self.keytab(ACCOUNTS[name].sam).exists():
                raise LabError(f"kadmin.local made no keytab for {ACCOUNTS[name].sam}")

    def start(self, die_with_parent: bool, environment: dict[str, str] | None = None) -> None:
        """Starts the KDC, with more in its environment; LabError if its port is taken."""
        log = self.directory / "kdc.out"
        command = [find_program("krb5kdc"), "-n", "-r", REALM]
        self.process = Process.start(
            command, log, self._admin_environment() | (environment or {}), die_with_parent
        )

        def answers() -> bool:
            if not self.process.alive():
                said = log.read_text() + (self.directory / "kdc.log").read_text()
                error = AddressTaken if "in use" in said else LabError
                raise error(f"the KDC did not start: {said.strip()}")
            with socket.socket() as probe:
                probe.settimeout(1)
                return probe.connect_ex((self.address, addresses.KDC)) == 0

        wait_until(answers, 10, "the KDC to listen")

    def administer(self, command: str) -> None:
        """One command of kadmin.local."""
        self._run(["kadmin.local", "-r", REALM], command + "\n")

    def _write_settings(self) -> None:
        endpoint = f"{self.address}:{addresses.KDC}"
        self.krb5_conf.write_text(
            f"""[libdefaults]
 default_realm = {REALM}
 dns_lookup_kdc = false
 dns_lookup_realm = false
 dns_canonicalize_hostname = false
 rdns = false
 udp_preference_limit = 1
 ignore_acceptor_hostname = true
[realms]
 {REALM} = {{
  kdc = {endpoint}
 }}
[domain_realm]
 .{ROOT.dns} = {REALM}
 .{forest.BY_KEY['tree'].dns} = {REALM}
"""
            + "".join(f" {host} = {REALM}\n" for host in self._servers)
        )
        (self.directory / "kdc.conf").write_text(
            f"""[kdcdefaults]
 kdc_listen = {endpoint}
 kdc_tcp_listen = {endpoint}
[realms]
 {REALM} = {{
  database_name = {self.directory / 'principal'}
  key_stash_file = {self.directory / 'stash'}
  acl_file = {self.directory / 'acl'}
  supported_enctypes = aes256-cts:normal
 }}
[logging]
 kdc = FILE:{self.directory / 'kdc.log'}
 admin_server = FILE:{self.directory / 'kadmin.log'}
"""
        )

    def _admin_environment(self) -> dict[str, str]:
        return {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "KRB5_CONFIG": str(self.krb5_conf),
            "KRB5_KDC_PROFILE": str(self.directory / "kdc.conf"),
        }

    def _run(self, command: list[str], stdin: str = "") -> None:
        done = subprocess.run(
            [find_program(command[0]), *command[1:]],
            input=stdin,
            capture_output=True,
            text=True,
            env=self._admin_environment(),
        )
        if done.returncode:
            raise LabError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")
