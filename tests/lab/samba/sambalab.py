"""Real Active Directory domain controllers (Samba) for tests: corp.test and, by the layout, more.
Needs root; see README.md.

    with SambaLab() as lab:
        with lab.product_scp() as dn: …
        lab.client_run(["ldapsearch", "-H", lab.ldap_uri, …], check=True)  # in the lab's network
        lab.admin.search_s(lab.nc, ldap.SCOPE_SUBTREE, "(cn=x)")           # python-ldap, from here

python-ldap connections belong to the calling process: only their sockets are created in the lab's
network.
"""

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import ldap
import ldap.modlist
import ldap.sasl

import namespaces
import topology
from host import FAULTS  # noqa: F401  for `dc`
from prerequisites import default_cache, why_not
from topology import ADMIN_PASSWORD, AGENT, DC1, DC2, LAYOUTS, SERVICE, Account, Dc

HERE = Path(__file__).resolve().parent
LIBC = ctypes.CDLL(None, use_errno=True)  # os.setns came with Python 3.12
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
UP_SECONDS = 600  # from nothing, on a busy machine: a forest takes minutes
DOWN_SECONDS = 20
FAULT_SECONDS = 90  # starting a DC again, on a busy machine

CLIENT_SCRIPT = """\
#!/bin/sh
# Runs a command as a client of the lab: its network, hosts, resolver and krb5.conf.
if [ "$(readlink /proc/{pid}/ns/net)" != '{netns}' ]; then
    echo "{lab}: this lab is not running" >&2
    exit 125
fi
export KRB5_CONFIG='{lab}/client/krb5.conf' LDAPTLS_CACERT='{lab}/ca.pem'
export KRB5CCNAME="${{KRB5CCNAME:-FILE:{lab}/client/krb5cc}}"
exec nsenter --target {pid} --net --mount --root --wdns="$PWD" -- "$@"
"""


class LabError(RuntimeError):
    pass


class SambaLab:
    """directory: empty or not there yet; a temporary one if not given. detached: the lab outlives
    this process, until down(); otherwise it ends with this process, however that ends.
    layout: which DCs there are, see topology.LAYOUTS and README.md."""

    def __init__(
        self, directory=None, cache=None, detached: bool = False, layout: str = "single"
    ) -> None:
        self.dir = Path(directory).resolve() if directory else None
        self.cache = Path(cache) if cache else default_cache()
        self.detached = detached
        self.layout = layout
        self.info: dict = {}
        self._lifeline = None
        self._process = None
        self._clients: list[subprocess.Popen] = []
        self._admin = None

    @classmethod
    def attach(cls, directory) -> "SambaLab":
        """A lab that was brought up elsewhere (`dc up`)."""
        lab = cls(directory, detached=True)
        try:
            lab.info = json.loads((lab.dir / "lab.json").read_text())
        except FileNotFoundError:
            raise LabError(f"{lab.dir}: no lab is up here") from None
        return lab

    @classmethod
    def remove(cls, directory) -> None:
        """Ends the lab of `dc up`, or what is left of a failed one; nothing there, nothing done."""
        lab = cls(directory)
        if not lab.dir.exists():
            return
        if not (lab.dir / "lab.log").exists():
            raise LabError(f"{lab.dir}: this is no folder of a lab")
        if (lab.dir / "lab.json").exists():
            lab.info = json.loads((lab.dir / "lab.json").read_text())
        lab.down()

    # -------------------- up and down

    def __enter__(self) -> "SambaLab":
        return self.up()

    def __exit__(self, *_) -> None:
        self.down()

    def up(self) -> "SambaLab":
        if reason := why_not():
            raise LabError(reason)
        if self.dir is None:
            self.dir = Path(tempfile.mkdtemp(prefix="scpd-samba-"))
        self.dir.mkdir(parents=True, exist_ok=True)
        if any(self.dir.iterdir()):
            raise LabError(f"{self.dir}: not empty; is a lab up here already? (dc down {self.dir})")
        try:
            self._start()
        except BaseException:
            self._end_processes()  # the folder stays: lab.log says what happened
            raise
        return self

    def _start(self) -> None:
        self.dir.chmod(0o755)  # clients that are not root read ca.pem and krb5.conf
        command = [
            *namespaces.unshare("--pid", "--fork", "--kill-child", "--net"),
            "/usr/bin/python3",
            str(HERE / "labinit.py"),
            str(self.dir),
            str(self.cache),
            self.layout,
        ]
        if self.detached:
            command.append("--detached")
        stdin, self._lifeline = os.pipe()
        with open(self.dir / "lab.log", "wb") as log:
            self._process = subprocess.Popen(
                command, stdin=stdin, stdout=subprocess.PIPE, stderr=log, start_new_session=True
            )
        os.close(stdin)
        ready, _, _ = select.select([self._process.stdout], [], [], UP_SECONDS)
        answer = (
            self._process.stdout.readline().decode().strip()
            if ready
            else f"failed no answer in {UP_SECONDS} s"
        )
        self._process.stdout.close()
        word, _, rest = answer.partition(" ")
        if word != "ready":
            raise LabError(
                f"the Samba lab did not come up: {rest or 'it ended'}; see {self.dir}/lab.log"
            )
        self._write_info(int(rest))

    def _write_info(self, pid: int) -> None:
        netns = os.readlink(f"/proc/{pid}/ns/net")
        client = self.dir / "client.sh"
        client.write_text(CLIENT_SCRIPT.format(pid=pid, netns=netns, lab=self.dir))
        client.chmod(0o755)
        dcs = LAYOUTS[self.layout]
        self.info = {
            "pid": pid,
            "netns": netns,
            "layout": self.layout,
            "realm": DC1.realm,
            "nc": DC1.nc,
            **dc_info(DC1),
            "ca_file": str(self.dir / "ca.pem"),
            "second": dc_info(DC2) if DC2 in dcs else None,
            "container": topology.container(DC1),
            "admin": {"upn": f"Administrator@{DC1.domain}", "password": ADMIN_PASSWORD},
            "service": self._account_info(DC1, SERVICE),
            "agent": self._account_info(DC1, AGENT),
            "domains": {domain: self._domain_info(domain) for domain in {dc.domain: 0 for dc in dcs}},
            "client": [str(client)],
        }
        partial = self.dir / "lab.json.partial"
        partial.write_text(json.dumps(self.info, indent=2) + "\n")
        partial.rename(self.dir / "lab.json")

    def _domain_info(self, domain: str) -> dict:
        dcs = [dc for dc in LAYOUTS[self.layout] if dc.domain == domain]
        return {
            "realm": dcs[0].realm,
            "netbios": dcs[0].netbios,
            "nc": dcs[0].nc,
            "forest": dcs[0].forest,
            "container": topology.container(dcs[0]),
            "admin": {"upn": f"Administrator@{domain}", "password": ADMIN_PASSWORD},
            "accounts": {
                one.name: self._account_info(dcs[0], one) for one in topology.ACCOUNTS[domain]
            },
            "dcs": {dc.name: dc_info(dc) for dc in dcs},  # the PDC emulator first
        }

    def _account_info(self, dc: Dc, account: Account) -> dict:
        return {
            "account": f"{dc.netbios}\\{account.name}",
            "upn": f"{account.name}@{dc.domain}",
            "principal": f"{account.name}@{dc.realm}",
            "dn": f"CN={account.name},CN=Users,{dc.nc}",
            "password": account.password,
            "keytab": str(self.dir / f"{account.name}.keytab"),
        }

    def down(self) -> None:
        """Ends every process of the lab and removes its folder. A second call does nothing."""
        self._end_processes()
        if self.dir and self.dir.exists():
            shutil.rmtree(self.dir)

    def _end_processes(self) -> None:
        self._admin = None
        for client in self._clients:
            if client.poll() is None:
                client.kill()
                client.wait(DOWN_SECONDS)
        self._clients.clear()
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None
        if self._process:
            self._process.kill()  # and with it, by --kill-child, process 1 of the lab
            self._process.wait(DOWN_SECONDS)
            self._process = None
        if self.info:
            self._end_process_1()

    def _end_process_1(self) -> None:
        try:
            handle = os.pidfd_open(self.info["pid"])
        except ProcessLookupError:
            return
        try:
            if self.is_up():  # else the number is somebody else's by now
                signal.pidfd_send_signal(handle, signal.SIGKILL)
                # reported once all other processes of the namespace have ended
                if not select.select([handle], [], [], DOWN_SECONDS)[0]:
                    raise LabError(f"{self.dir}: process {self.info['pid']} does not end")
        except ProcessLookupError:
            pass
        finally:
            os.close(handle)

    def is_up(self) -> bool:
        try:
            return os.readlink(f"/proc/{self.info['pid']}/ns/net") == self.info["netns"]
        except (KeyError, OSError):
            return False

    # -------------------- what is where

    @property
    def nc(self) -> str:
        return self.info["nc"]

    @property
    def ldap_uri(self) -> str:
        return self.info["ldap"]

    @property
    def ldaps_uri(self) -> str:
        return self.info["ldaps"]

    @property
    def container(self) -> str:
        return self.info["container"]

    @property
    def ca_file(self) -> str:
        return self.info["ca_file"]

    @property
    def keytab(self) -> str:
        return self.info["service"]["keytab"]

    def dc(self, name: str) -> dict:
        """A DC's part of lab.json, by its short name."""
        all_dcs = {}
        for domain in self.info["domains"].values():
            all_dcs |= domain["dcs"]
        return all_dcs[name]

    # -------------------- programs in the client's network

    def client_run(self, argv, **options) -> subprocess.CompletedProcess:
        """subprocess.run in the client's network. Text, unless said otherwise."""
        options.setdefault("text", True)
        return subprocess.run([*self.info["client"], *argv], **options)

    def client_popen(self, argv, **options) -> subprocess.Popen:
        """subprocess.Popen in the client's network. The pid is argv's own; it ends with the lab,
        and with this process."""
        options.setdefault("text", True)
        client = subprocess.Popen(
            [*self.info["client"], *argv], preexec_fn=end_with_parent, **options
        )
        self._clients.append(client)
        return client

    # -------------------- faults

    def stop(self, dc: str) -> None:
        """In good order. dc, here and below: its short name."""
        self._inflict("stop", dc)

    def kill(self, dc: str) -> None:
        """All its processes, without a warning: connections are reset, new ones refused."""
        self._inflict("kill", dc)

    def start(self, dc: str) -> None:
        """After stop or kill; returns when it serves."""
        self._inflict("start", dc)

    def start_behind(self, dc: str) -> None:
        """As start(), with a clock that is 6 minutes behind, until it is stopped or killed."""
        self._inflict("start_behind", dc)

    def pause(self, dc: str) -> None:
        """It takes connections and answers nothing."""
        self._inflict("pause", dc)

    def resume(self, dc: str) -> None:
        self._inflict("resume", dc)

    def cut(self, dc: str) -> None:
        """Off the network: nothing comes or goes, and connections are not told."""
        self._inflict("cut", dc)

    def heal(self, dc: str) -> None:
        self._inflict("heal", dc)

    def isolate(self, dc: str) -> None:
        """From every other DC that is isolated; clients reach it as before."""
        self._inflict("isolate", dc)

    def rejoin(self, dc: str) -> None:
        self._inflict("rejoin", dc)

    def keep_state(self, dc: str) -> Path:
        """A copy of all that a DC knows, which is not running, for put_back."""
        kept = Path(tempfile.mkdtemp(prefix=f"{dc}-", dir=self.dir))
        subprocess.run(["cp", "-a", "--sparse=always", f"{self.dir}/{dc}/lib", str(kept)], check=True)
        return kept

    def put_back(self, dc: str, kept: Path) -> None:
        """The DC, which is not running, is what it was then: nobody is told, as with an old image of its disk."""
        lib = self.dir / dc / "lib"  # mounted where the DC sees it: the folder itself stays
        for inner in lib.iterdir():
            shutil.rmtree(inner) if inner.is_dir() else inner.unlink()
        subprocess.run(["cp", "-a", "--sparse=always", f"{kept}/lib/.", str(lib)], check=True)

    def _inflict(self, fault: str, dc: str) -> None:
        """By the lab's process 1, see labinit.py."""
        self._admin = None  # its connection may not outlive this
        folder = os.open(self.dir, os.O_PATH)
        try:
            with socket.socket(socket.AF_UNIX) as control:
                control.settimeout(FAULT_SECONDS)
                control.connect(f"/proc/self/fd/{folder}/control")  # at most 107 bytes
                control.sendall(f"{fault} {dc}".encode())
                answer = control.recv(4096).decode()
        except OSError as error:
            raise LabError(f"{self.dir}: {fault} {dc}: {error}") from error
        finally:
            os.close(folder)
        if answer != "done":
            raise LabError(f"{self.dir}: {fault} {dc}: {answer or 'the lab ended'}")

    def on_dc(self, script: str, dc: str = DC1.name) -> subprocess.CompletedProcess:
        """A shell script where Samba's own folders are the DC's: its administrator's tools."""
        mounts = [f"mkdir -p {path} && mount --bind '{self.dir}/{dc}/{name}' {path}"
                  for name, path in topology.SAMBA_FOLDERS.items()]
        return subprocess.run([*namespaces.unshare(), "/bin/sh", "-ec", "\n".join([*mounts, script])],
                              capture_output=True, text=True)

    # -------------------- python-ldap

    def connect(
        self, user: str, password: str, address: str | None = None
    ) -> ldap.ldapobject.LDAPObject:
        """Simple bind over LDAPS, at the first DC by default; user: a UPN, DOMAIN\\name or DN."""
        with self.network():
            uri = f"ldaps://{address or self.info['address']}"
            connection = self._prepare(ldap.initialize(uri))
            connection.simple_bind_s(user, password)
        return connection

    def connect_admin(self, dc: str, port: int = 636) -> ldap.ldapobject.LDAPObject:
        """As the administrator of the DC's domain. port: that, or the GC's, 3269."""
        there = self.dc(dc)
        admin = self.info["domains"][there["domain"]]["admin"]
        return self.connect(admin["upn"], admin["password"], f"{there['address']}:{port}")

    def connect_kerberos(
        self,
        keytab: str | None = None,
        ssf_min: int = 128,
        dc: str = DC1.name,
        port: int = 389,
    ) -> ldap.ldapobject.LDAPObject:
        """GSSAPI bind with sealing, as the keytab's (default: svc-scpd's) principal. port:
        that, or the GC's, 3268."""
        there = self.dc(dc)
        environment = {
            "KRB5_CONFIG": f"{self.dir}/client/krb5.conf",
            "KRB5_CLIENT_KTNAME": f"FILE:{keytab or self.keytab}",
            "KRB5CCNAME": f"MEMORY:{self.dir.name}-{Path(keytab or self.keytab).name}",
        }
        with self.network(), changed_environment(environment):
            # libldap gets a connected socket: the URI's name is for Kerberos, and never resolved
            plain = socket.create_connection((there["address"], port), timeout=10)
            plain.settimeout(None)
            connection = self._prepare(ldap.initialize(there["ldap"], fileno=plain.detach()))
            connection.set_option(ldap.OPT_X_SASL_NOCANON, ldap.OPT_ON)
            connection.set_option(ldap.OPT_X_SASL_SSF_MIN, ssf_min)
            connection.sasl_interactive_bind_s("", ldap.sasl.gssapi())
        return connection

    def _prepare(self, connection: ldap.ldapobject.LDAPObject) -> ldap.ldapobject.LDAPObject:
        for option, value in (
            (ldap.OPT_NETWORK_TIMEOUT, 10),
            (ldap.OPT_TIMEOUT, 30),
            (ldap.OPT_REFERRALS, 0),
            (ldap.OPT_X_TLS_CACERTFILE, self.ca_file),
            (ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND),
            (ldap.OPT_X_TLS_NEWCTX, 0),
        ):
            connection.set_option(option, value)
        return connection

    @contextlib.contextmanager
    def network(self):
        """Sockets that this thread makes inside belong to the client's network, also afterwards."""
        if not self.is_up():
            raise LabError(f"{self.dir}: the lab is not running")
        with open("/proc/thread-self/ns/net") as own, open(
            f"/proc/{self.info['pid']}/ns/net"
        ) as labs:
            enter_network(labs.fileno())
            try:
                yield
            finally:
                enter_network(own.fileno())

    # -------------------- the administrator's hand

    @property
    def admin(self) -> ldap.ldapobject.LDAPObject:
        if self._admin is None:
            self._admin = self.connect(self.info["admin"]["upn"], self.info["admin"]["password"])
        return self._admin

    def forget_connections(self) -> None:
        """After a DC was killed: admin connects anew."""
        self._admin = None

    def add(self, dn: str, attributes: dict, admin=None) -> None:
        (admin or self.admin).add_s(dn, ldap.modlist.addModlist(as_bytes(attributes)))

    def replace(self, dn: str, attributes: dict) -> None:
        """Each attribute gets these values; none: it is removed."""
        self.admin.modify_s(
            dn,
            [
                (ldap.MOD_REPLACE, name, values or None)
                for name, values in as_bytes(attributes).items()
            ],
        )

    def delete(self, dn: str) -> None:
        self.admin.delete_s(dn)

    def read(self, dn: str, attributes=None) -> dict | None:
        """One object's attributes (lists of bytes), or None if it is not there."""
        try:
            return self.admin.search_s(dn, ldap.SCOPE_BASE, "(objectClass=*)", attributes)[0][1]
        except ldap.NO_SUCH_OBJECT:
            return None

    def search(self, base: str, filterstr: str, attributes=None) -> list[tuple[str, dict]]:
        found = self.admin.search_s(base, ldap.SCOPE_SUBTREE, filterstr, attributes)
        return sorted((dn, entry) for dn, entry in found if dn)  # without references

    def objects(self, dc: str = DC1.name) -> set[str]:
        """The DNs of all that tests make: accounts, and what lies below CN=System, as one DC shows them."""
        admin = self.admin if dc == DC1.name else self.connect_admin(dc)
        nc = self.info["domains"][self.dc(dc)["domain"]]["nc"]
        found = [admin.search_s(f"CN={name},{nc}", ldap.SCOPE_SUBTREE, "(objectClass=*)", ["1.1"])
                 for name in ("System", "Users")]
        return {dn for part in found for dn, _ in part if dn}

    def seed_product_scp(
        self, bindings=("ConnectionString=Server=sql1.corp.test",), dc: str = DC1.name
    ) -> list[str]:
        """The real product's SCP in its nested containers, in the domain of a DC and written there;
        answers the DNs of what it made, the SCP's last."""
        admin = self.admin if dc == DC1.name else self.connect_admin(dc)
        made, parent = [], f"CN=System,{self.info['domains'][self.dc(dc)['domain']]['nc']}"
        for name in topology.PRODUCT_PATH:
            parent = f"CN={name},{parent}"
            with contextlib.suppress(ldap.ALREADY_EXISTS):
                self.add(parent, {"objectClass": "container"}, admin)
                made.append(parent)
        dn = f"CN={topology.PRODUCT_PROJECT},{parent}"
        self.add(
            dn,
            {
                "objectClass": "serviceConnectionPoint",
                "keywords": list(topology.PRODUCT_KEYWORDS),
                "serviceBindingInformation": list(bindings),
            },
            admin,
        )
        return [*made, dn]

    @contextlib.contextmanager
    def product_scp(self, dc: str = DC1.name):
        """The same; its DN, and it is gone afterwards, with the containers made for it."""
        made = self.seed_product_scp(dc=dc)
        try:
            yield made[-1]
        finally:
            admin = self.admin if dc == DC1.name else self.connect_admin(dc)
            for dn in reversed(made):
                admin.delete_s(dn)


def dc_info(dc: Dc) -> dict:
    return {
        "domain": dc.domain,
        "host": dc.fqdn,
        "address": dc.address,
        "ldap": f"ldap://{dc.fqdn}",
        "ldaps": f"ldaps://{dc.fqdn}",
        "gc": f"ldap://{dc.fqdn}:3268",
    }


def as_bytes(attributes: dict) -> dict[str, list[bytes]]:
    """Values may be given as one or a list, of str or bytes."""
    lists = {
        name: [value] if isinstance(value, (str, bytes)) else value
        for name, value in attributes.items()
    }
    return {
        name: [v.encode() if isinstance(v, str) else v for v in values]
        for name, values in lists.items()
    }


def end_with_parent() -> None:
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def enter_network(descriptor: int) -> None:
    if LIBC.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns: " + os.strerror(ctypes.get_errno()))


@contextlib.contextmanager
def changed_environment(changes: dict[str, str]):
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
