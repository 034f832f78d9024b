"""The lab as a whole: brought up, described, faulted and brought down."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from . import forest, plugin as plugin_module, settings, template
from .addresses import Block
from .admin import Admin
from .certs import Authority, KeyPair
from .forest import ACCOUNTS, DOMAINS, PASSWORD, ROOT, Dc
from .kerberos import Kdc
from .process import AddressTaken, LabError, Process, wait_until
from .server import Server

MARK = "lab.json"
_ATTEMPTS = 10
# Waits for the end of its standard input, which comes with the end of the process that holds it.
_GUARDIAN = """cat >/dev/null
n=0
while [ -e "$1" ] && [ $n -lt 50 ]; do
    rm -rf "$1"
    n=$((n + 1))
done"""


class Lab:
    """A forest of slapds. `with Lab() as lab:` brings it up and leaves nothing behind.

    directory   empty or not there yet, removed by down(); None: a new temporary one
    kerberos    with a KDC; slapd then takes GSSAPI
    plugin      AD's behaviour on writes (objectGUID, USNs); None: if it can be compiled
    gc          with a global catalog
    seed_scps   so many unrelated SCPs below CN=System of every domain
    claim_ad    the RootDSE shows AD's capability OIDs, though slapd has not all that they promise
    svc_unlimited  no limit of 1000 entries for the service account, as RFC 4533 needs at scale
    second_dcs  keys of the domains with a second DC: server `corp2` beside `corp`, which stays the
                PDC emulator. Their writes come to each other; no resolver knows the lab's names, so
                these DCs go by their addresses
    detach      servers and directory outlive this process; else they go with it, however it ends
    """

    def __init__(
        self,
        directory: str | Path | None = None,
        *,
        kerberos: bool = False,
        plugin: bool | None = None,
        gc: bool = True,
        seed_scps: int = 0,
        claim_ad: bool = False,
        svc_unlimited: bool = False,
        second_dcs: Sequence[str] = (),
        detach: bool = False,
    ):
        self.dir = Path(directory).absolute() if directory else None
        self.options = {
            "kerberos": kerberos,
            "plugin": plugin,
            "gc": gc,
            "seed_scps": seed_scps,
            "claim_ad": claim_ad,
            "svc_unlimited": svc_unlimited,
            "second_dcs": [forest.find_domain(name).key for name in second_dcs],
        }
        if kerberos and second_dcs:
            raise LabError("a second DC goes by its address, for which there is no Kerberos ticket")
        self._detach = detach
        self._guardian: subprocess.Popen | None = None
        self._proxies: list = []
        self._wires: dict = {}  # the proxies that replication to a second DC and back goes through
        self._next_proxy = 100
        self.block: Block | None = None
        self.servers: dict[str, Server] = {}
        self.kdc: Kdc | None = None
        self.has_plugin = False
        self.authority: Authority | None = None
        self._template: template.Template | None = None
        self._admins: dict[str, Admin] = {}

    # ---- up and down

    def __enter__(self) -> Lab:
        return self.up()

    def __exit__(self, *_exc) -> None:
        self.down()

    def up(self) -> Lab:
        why_not = plugin_module.why_not()
        if self.options["plugin"] and why_not:
            raise LabError(f"the plugin cannot be compiled: {why_not}")
        self.has_plugin = self.options["plugin"] is not False and not why_not
        self._make_directory()
        try:
            for attempt in range(_ATTEMPTS):
                self._clear()
                try:
                    self._up_once(Block.pick())
                    return self
                except AddressTaken:
                    self._stop_all()
                    if attempt == _ATTEMPTS - 1:
                        raise
        except BaseException:
            self.down()
            raise
        raise AssertionError("unreachable")

    def _up_once(self, block: Block) -> None:
        self.block = block
        built = plugin_module.build() if self.has_plugin else None
        self._template = self._prepare()
        for name in ("run", "tls", "secrets"):
            (self.dir / name).mkdir(mode=0o700)
        self.authority = Authority(self.dir / "tls")
        self.servers = {dc.key: self._new_server(dc) for dc in self._dcs()}
        if self.options["gc"]:
            self.servers["gc"] = Server("gc", ROOT.pdc, self.dir, block.address(ROOT.number))
        peers = {dc.key: self._wire_to(other) for dc, other in self._pairs()}
        if self.options["kerberos"]:
            self.kdc = Kdc(self.dir, block)
            self.kdc.create()
            self.kdc.start(not self._detach)
        for server in self.servers.values():
            server.install(
                self._template,
                self.authority,
                built,
                self.options["claim_ad"],
                self.options["svc_unlimited"],
                peers.get(server.name),
            )
        self._write_secrets()
        self._start([*self.servers])
        self._tell_addresses()
        self._write_documents()

    def down(self) -> None:
        """Ends the servers and removes the directory."""
        for proxy in self._proxies:
            proxy.close()
        self._proxies.clear()
        self._stop_all()
        if self.dir and self.dir.exists():
            shutil.rmtree(self.dir)
        if self._guardian:
            self._guardian.stdin.close()
            self._guardian.wait()
            self._guardian = None

    def restore(self) -> None:
        """Every server gets its first content back, at the same address. Proxies stay."""
        self._disconnect([*self._admins])
        if self._template is None:  # attached
            self._template = self._prepare()
        for server in self.servers.values():
            server.stop()
        for server in self.servers.values():
            server.restore(self._template)
        self._start([*self.servers])
        self._tell_addresses()
        self._save()

    def _prepare(self) -> template.Template:
        return template.prepare(
            self.has_plugin, self.options["seed_scps"], self.options["second_dcs"]
        )

    # ---- second domain controllers

    def _dcs(self) -> list[Dc]:
        return [d.pdc for d in DOMAINS] + [second for second, first in self._pairs()[::2]]

    def _pairs(self) -> list[tuple[Dc, Dc]]:
        """(a DC, the other DC of its domain), both ways."""
        firsts = [forest.BY_KEY[key].pdc for key in self.options["second_dcs"]]
        return [
            pair
            for first in firsts
            for second in [Dc(first.domain, 2)]
            for pair in ((second, first), (first, second))
        ]

    def _new_server(self, dc: Dc) -> Server:
        address = self.block.address(dc.server_id)
        has_two = dc.domain.key in self.options["second_dcs"]
        return Server(dc.key, dc, self.dir, address, address if has_two else None)

    def _wire_to(self, dc: Dc) -> str:
        """Where the other DC fetches this one's writes: through a proxy, if there is a process for it."""
        from .scripted import FaultProxy

        server = self.servers[dc.key]
        if self._detach:
            return server.ldap
        try:
            wire = FaultProxy(
                self.block.address(50 + dc.server_id), (server.address, server.port), None
            )
        except OSError as error:
            raise AddressTaken(f"the wire to {dc.key}: {error}") from None
        self._wires[dc.key] = wire
        return wire.uri

    def _tell_addresses(self) -> None:
        """In the Configuration NC, whose content in the template knows no addresses."""
        named = {self.servers[dc.key].dc: self.servers[dc.key] for dc, _ in self._pairs()}
        for dc, server in named.items():
            self.domain(ROOT.key).modify(dc.server_dn, {"dNSHostName": server.dns_name})

        def told() -> bool:
            return all(
                self.domain(key).get(dc.server_dn)["dNSHostName"] == [server.dns_name]
                for key in self.servers
                for dc, server in named.items()
            )

        wait_until(told, 20, "the names of the domain controllers at every server")

    def cut_replication(self, name: str) -> None:
        """Between the two DCs of a domain; clients notice nothing."""
        for wire in self._wires_of(name):
            wire.refuse()
            wire.cut()

    def heal_replication(self, name: str) -> None:
        """They find each other again within a second or so."""
        for wire in self._wires_of(name):
            wire.accept()

    def _wires_of(self, name: str) -> list:
        key = forest.find_domain(name).key
        found = [wire for of, wire in self._wires.items() if of in (key, key + "2")]
        if not found:
            raise LabError(f"{name} has no second DC whose replication this process could cut")
        return found

    def _make_directory(self) -> None:
        if self.dir is None:
            self.dir = Path(tempfile.mkdtemp(prefix="scplab-"))
        elif self.dir.exists() and any(self.dir.iterdir()):
            raise LabError(f"{self.dir} is not empty: the lab wants a directory of its own")
        else:
            self.dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.dir / MARK).write_text("{}\n")  # says "ours" to `forest down` from now on
        if not self._detach:
            # Removes the directory if this process dies; its servers die with it by themselves.
            self._guardian = subprocess.Popen(
                [
                    "/bin/sh",
                    "-c",
                    _GUARDIAN,
                    "scplab-guardian",
                    str(self.dir),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                cwd="/",
                start_new_session=True,
            )

    def _clear(self) -> None:
        for path in self.dir.iterdir():
            if path.name != MARK:
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def _stop_all(self) -> None:
        self._disconnect([*self._admins])
        for server in self.servers.values():
            server.stop()
        for wire in self._wires.values():
            wire.close()
        self._wires.clear()
        if self.kdc and self.kdc.process:
            self.kdc.process.end()
            self.kdc.process = None

    # ---- faults

    def _start(self, names: list[str]) -> None:
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LDAPNOINIT": "1"}
        if self.kdc:
            environment |= self.kdc.server_environment()
        # A replica that finds no provider tries again only after a second: providers first.
        waves = [[ROOT.key], [dc.key for dc in self._dcs()[1:]], ["gc"]]
        for wave in ([name for name in wave if name in names] for wave in waves):
            for name in wave:
                self.servers[name].launch(environment, not self._detach)
            for name in wave:
                self.servers[name].wait_ready()

    def server(self, name: str) -> Server:
        """A domain's, by any of its names; `gc`; or a second DC, by its key."""
        known = self.servers.get(name.lower())
        return known or self.servers[forest.find_domain(name).key]

    def stop(self, name: str) -> None:
        """Ends one domain's server (or `gc`): connections to it are refused from now on."""
        server = self.server(name)
        self._disconnect([server.name])
        server.stop()
        self._save()

    def kill(self, name: str) -> None:
        """As a power cut would end it; start() brings it back."""
        server = self.server(name)
        self._disconnect([server.name])
        server.kill()
        self._save()

    def start(self, name: str) -> None:
        server = self.server(name)
        if server.process and server.process.alive():
            raise LabError(f"slapd of {server.name} runs already")
        self._start([server.name])
        self._save()

    def pause(self, name: str) -> None:
        """Freezes one server: it accepts connections and answers nothing."""
        self.server(name).pause()

    def resume(self, name: str) -> None:
        self.server(name).resume()

    def proxy(self, name: str, *, tls: bool = True, certificate: str | KeyPair = "good"):
        """A fault proxy in front of a domain's server, at an address of its own; see scripted.

        certificate  "good", one of certs.BAD_KINDS, or a pair of files
        """
        from .scripted import FaultProxy

        address = self.block.address(self._next_proxy)
        self._next_proxy += 1
        server = self.server(name)
        if isinstance(certificate, str):
            certificate = self.certificate(certificate, address)
        proxy = FaultProxy(address, (server.address, server.port), certificate if tls else None)
        self._proxies.append(proxy)
        return proxy

    def certificate(self, kind: str, address: str, dns: list[str] | None = None) -> KeyPair:
        """A server certificate for an address: "good" or one of certs.BAD_KINDS."""
        if kind == "good":
            return self.authority.server(f"server-{address}", dns or [], [address])
        return self.authority.bad_server(kind, dns or [], [address])

    # ---- looking and poking

    def domain(self, name: str) -> Admin:
        """A connection to one domain (or `gc`) as its administrator, for tests to look and poke."""
        server = self.server(name)
        if server.name not in self._admins:
            self._admins[server.name] = Admin.external(server)
        return self._admins[server.name]

    def connect(self, name: str, account: str = "svc", *, password: str | None = None) -> Admin:
        """A new connection to a domain, bound as an account of lab.json (LDAPS, simple bind)."""
        return Admin.simple(
            self.server(name), ACCOUNTS[account].dn, password or PASSWORD, self.authority.file
        )

    def agent_search(
        self,
        filter: str = forest.AGENT_FILTER,
        *,
        account: str = "agent",
        attributes: tuple[str, ...] = ("serviceBindingInformation",),
    ) -> AgentResult:
        """As an agent does it: plain ldapsearch over the whole domain of its account."""
        known = ACCOUNTS[account]
        server = self.servers[known.domain]
        done = subprocess.run(
            [
                "ldapsearch",
                "-x",
                "-LLL",
                "-o",
                "ldif-wrap=no",
                "-H",
                server.ldaps,
                "-D",
                known.dn,
                "-y",
                str(self.password_file(account)),
                "-b",
                known.home.nc,
                "-s",
                "sub",
                filter,
                *attributes,
            ],
            capture_output=True,
            text=True,
            env=self.client_environment(),
            cwd=self.dir,
            timeout=60,
        )
        return AgentResult(done)

    def _disconnect(self, names: list[str]) -> None:
        for name in names:
            if name in self._admins:
                self._admins.pop(name).close()

    # ---- documents

    @property
    def scpd_yaml(self) -> Path:
        return self.dir / "scpd.yaml"

    @property
    def ca_file(self) -> Path:
        return self.dir / "tls" / "ca.crt"

    def password_file(self, account: str) -> Path:
        return self.dir / "secrets" / f"{ACCOUNTS[account].sam}.{ACCOUNTS[account].domain}.password"

    def client_environment(self) -> dict[str, str]:
        """For LDAP clients: nothing of this machine's or user's settings counts in it."""
        environment = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": str(self.dir),
            "LANG": "C.UTF-8",
            "LDAPCONF": str(self.dir / "ldap.conf"),
            "LDAPRC": "none",
        }
        return environment | (self.kdc.client_environment() if self.kdc else {})

    def settings(
        self, via: dict[str, str] | None = None, *, auth: str = "simple", tls: bool = True
    ) -> dict:
        """The content of scpd.yaml, to change and hand to write_settings().

        via   URIs for domains (by key) instead of their own, such as a proxy's
        auth  simple | gssapi (from the keytab) | ccache (from the cache that kinit() fills)
        tls   False: plain LDAP, which scpd takes only with a SASL layer
        """
        made = settings.scpd_settings(self, auth, tls)
        for name, uri in (via or {}).items():
            domain = forest.find_domain(name)
            whole = made["forests"][0]
            target = whole if domain == ROOT else whole["domains"][domain.dns]
            target["servers"] = [uri]
        return made

    def kinit(self, account: str = "svc") -> None:
        """Gets a ticket into the cache that client_environment() names."""
        known = ACCOUNTS[account]
        subprocess.run(
            ["kinit", "-k", "-t", str(self.kdc.keytab(known.sam)), settings.principal(account)],
            env=self.client_environment(),
            check=True,
        )

    def write_settings(self, content: dict, name: str = "changed.yaml") -> Path:
        path = self.dir / name
        path.write_text(settings.to_yaml(content))
        return path

    def document(self) -> dict:
        """What `forest up` prints and lab.json holds."""
        return settings.document(self)

    def _write_secrets(self) -> None:
        for key in ACCOUNTS:
            path = self.password_file(key)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
                file.write(PASSWORD)
        self.authority.client("client-svc", ACCOUNTS["svc"].sam)
        (self.dir / "ldap.conf").write_text(
            f"TLS_CACERT {self.ca_file}\nTLS_REQCERT demand\nSASL_NOCANON on\n"
        )

    def _write_documents(self) -> None:
        self.scpd_yaml.write_text(settings.to_yaml(self.settings()))
        self._save()

    def _save(self) -> None:
        fresh = self.dir / (MARK + ".new")
        fresh.write_text(json.dumps(self.document(), indent=2) + "\n")
        os.replace(fresh, self.dir / MARK)

    @classmethod
    def attach(cls, directory: str | Path) -> Lab:
        """The lab that another process brought up there with `detach`."""
        path = Path(directory).absolute()
        try:
            document = json.loads((path / MARK).read_text())
        except (OSError, ValueError) as error:
            raise LabError(f"{path} holds no lab: {error}") from None
        self = cls(path, detach=True, **document.get("options", {}))
        if "domains" not in document:  # not fully up: down() can still clear it away
            return self
        self.block = Block(*document["block"])
        self.has_plugin = document["plugin"]
        self.authority = Authority.load(path / "tls")
        dcs = {dc.key: dc for dc in self._dcs()} | {"gc": ROOT.pdc}
        gc = [document["gc"]] if document["gc"] else []
        for known in document["domains"] + document["second_dcs"] + gc:
            key = known["key"]
            server = Server(key, dcs[key], path, known["address"], known["host"])
            server.process = Process(known["pid"], known["started"]) if known["pid"] else None
            self.servers[server.name] = server
        if document["kerberos"]:
            self.kdc = Kdc(path, self.block)
            self.kdc.process = Process(document["kerberos"]["pid"], document["kerberos"]["started"])
        return self


class AgentResult:
    """What the agent's ldapsearch said: `found` entries, their DNs and bindings."""

    def __init__(self, done: subprocess.CompletedProcess):
        self.returncode = done.returncode
        self.stdout, self.stderr = done.stdout, done.stderr
        self.dns: list[str] = []
        self.bindings: list[str] = []
        for line in done.stdout.splitlines():
            name, _, value = line.partition(": ")
            if name in ("dn", "serviceBindingInformation"):
                (self.dns if name == "dn" else self.bindings).append(value)
        self.found = len(self.dns)

    def __repr__(self) -> str:
        return f"<agent found {self.found}: {self.dns} rc {self.returncode} {self.stderr.strip()}>"
