"""scpd watches a real AD domain controller: by notification, by uSNChanged, by reading again.

The source lies on the DC, by the hand of its administrator; the copy goes to the slapd forest of scene.py.
"""

import contextlib
import re
import threading
import time

import ldap
import pytest

from objects import SCP, sid_of, until

DEADLINE = 30
POLICY = "CN=Default Query Policy,CN=Query-Policies,CN=Directory Service,CN=Windows NT,CN=Services,CN=Configuration"
KEYWORD = "watched"

# "samba-tool dsacl set" does not send show-deleted, and nobody may write this DACL from outside.
SHOW_DELETED_OBJECTS = """\
/usr/bin/python3 - <<'END'
import ldb
from samba.auth import system_session
from samba.dcerpc import security
from samba.ndr import ndr_pack, ndr_unpack
from samba.param import LoadParm
from samba.samdb import SamDB
lp = LoadParm()
lp.load("/etc/samba/smb.conf")
sam = SamDB(url="/var/lib/samba/private/sam.ldb", session_info=system_session(), lp=lp)
dn = "CN=Deleted Objects," + str(sam.get_default_basedn())
controls = ["show_deleted:1", "sd_flags:1:4"]
found = sam.search(dn, ldb.SCOPE_BASE, attrs=["nTSecurityDescriptor"], controls=controls)[0]
descriptor = ndr_unpack(security.descriptor, found["nTSecurityDescriptor"][0])
domain = security.dom_sid(sam.get_domain_sid())
sid = security.dom_sid("{sid}")
if {shown}:
    descriptor.dacl_add(security.descriptor.from_sddl("D:(A;CI;RPLCLORC;;;{sid})", domain).dacl.aces[0])
else:
    descriptor.dacl_del(sid)
message = ldb.Message()
message.dn = found.dn
message["nTSecurityDescriptor"] = ldb.MessageElement(ndr_pack(descriptor), ldb.FLAG_MOD_REPLACE, "nTSecurityDescriptor")
sam.modify(message, controls=controls)
END
"""


class Watched:
    """A daemon that watches the DC, and what an administrator does there."""

    def __init__(self, scene):
        self.scene, self.samba = scene, scene.samba
        self.system = f"CN=System,{self.samba.nc}"
        self.name = "original"
        self.dn = f"CN={self.name},{self.system}"
        self.daemon = None
        self._there = False

    def start(self, how: str, says: str | None = None, **daemon) -> None:
        """says: what the log must say first; by default how the DC is watched."""
        settings = self.scene.settings()
        settings["instance"] = "watching"
        settings["log"] = {"level": "debug"}
        settings["forests"][-1]["timeouts"] = {"connect": "2s", "operation": "2s"}
        settings["daemon"] |= {"watch": how, "resync": "1h", "debounce": "20ms", "max_wait": "200ms"} | daemon
        settings["rules"] = [{"name": "back", "match": {"keywords": [KEYWORD]}, "trust": {"domains": ["corp.test"]},
                              "accounts": [{"forest": "source", "filter": "(sAMAccountName=svc-mage)"}]}]
        self._log = self.scene.work / "watching.log"
        with self._log.open("w") as stderr:
            self.daemon = self.scene.scpd(self.scene.write(settings, "watching.yaml"), stderr)
        self.says(says or rf"watching corp\.test by {how}")

    def log(self) -> str:
        return self._log.read_text()

    def says(self, pattern: str, times: int = 1) -> None:
        try:
            until(lambda: len(re.findall(pattern, self.log())) >= times, f"{pattern} in the log", DEADLINE)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log()}") from None

    def cycles(self) -> int:
        return self.log().count("cycle begins")

    def rests(self, seconds: float = 0.7) -> int:
        """Until none has begun for longer than any debounce here; the cycles so far."""
        seen, since = self.cycles(), time.monotonic()
        deadline = since + DEADLINE
        while time.monotonic() - since < seconds:
            time.sleep(0.05)
            assert time.monotonic() < deadline, f"never at rest\n{self.log()}"
            if (now := self.cycles()) != seen:
                seen, since = now, time.monotonic()
        return seen

    # what the administrator does

    def add(self) -> None:
        self.samba.add(self.dn, {"objectClass": SCP, "keywords": KEYWORD, "serviceBindingInformation": "Port=1"})
        self._there = True

    def bindings(self, value: str) -> None:
        self.samba.replace(self.dn, {"serviceBindingInformation": value})

    def move(self, name: str, parent: str) -> None:
        self.samba.admin.rename_s(self.dn, f"CN={name}", parent)
        self.dn, self.name = f"CN={name},{parent}", name

    def delete(self) -> None:
        self.samba.delete(self.dn)
        self._there = False

    # what comes of it in the other forest

    def copies(self) -> dict[str, str]:
        corp = next(one for one in self.scene.source["domains"] if one["key"] == "corp")
        connection = ldap.initialize(corp["ldapi"])  # a socket file: the same in every network
        connection.sasl_non_interactive_bind_s("EXTERNAL")
        found = connection.search_s(corp["nc"], ldap.SCOPE_SUBTREE, "(msDS-Settings=scpd1;i=watching;*)",
                                    ["cn", "serviceBindingInformation"])
        return {entry["cn"][0].decode(): entry["serviceBindingInformation"][0].decode() for dn, entry in found if dn}

    def is_followed(self, binding: str) -> None:
        """The copy is the only one, called as the source is, with this binding."""
        wanted = {self.name: binding}
        try:
            until(lambda: self.copies() == wanted, f"the copies {wanted}", DEADLINE)
        except AssertionError as error:
            raise AssertionError(f"{error}, but {self.copies()}\n{self.log()}") from None

    def moves_out_of_trust_and_back(self) -> None:
        """AD lets nothing leave CN=System."""
        self.move(self.name, f"CN=Policies,{self.system}")
        self.says(r"held: [^\n]*source-untrusted")
        self.move(self.name, self.system)
        self.says(r"no longer held: [^\n]*source-untrusted")

    def end(self) -> None:
        daemon, self.daemon = self.daemon, None
        if daemon is not None:
            daemon.terminate()
            assert daemon.wait(timeout=10) == 0, self.log()

    def close(self) -> None:
        try:
            self.end()
        finally:
            if self._there:
                self.delete()


@pytest.fixture
def watched(scene):
    one = Watched(scene)
    yield one
    one.close()


def test_what_leaves_the_container_that_is_listened_to_is_found_by_its_usn(watched):
    """And that the service account cannot see deleted objects is said."""
    watched.add()
    watched.start("notify", poll="1s", says=r"watching corp\.test by notify \(in CN=System,DC=corp,DC=test; deletes show "
                                           r"at the next resync: CN=Deleted Objects cannot be read\)")
    watched.is_followed("Port=1")
    watched.rests()
    watched.moves_out_of_trust_and_back()


class Noise:
    """Unrelated changes, as many as the DC takes, by several administrators at once."""

    ATTRIBUTES = ("info", "comment", "title")

    def __init__(self, samba):
        self._samba, self._dn = samba, samba.info["agent"]["dn"]
        self._stop = threading.Event()
        self._changes = dict.fromkeys(self.ATTRIBUTES, 0)
        admin = samba.info["admin"]
        self._threads = [
            threading.Thread(target=self._make, args=(name, samba.connect(admin["upn"], admin["password"])))
            for name in self.ATTRIBUTES
        ]

    def __enter__(self):
        self._began = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._samba.replace(self._dn, {name: [] for name in self.ATTRIBUTES})

    def _make(self, name: str, connection) -> None:
        while not self._stop.is_set():
            value = str(self._changes[name]).encode()
            connection.modify_s(self._dn, [(ldap.MOD_REPLACE, name, [value])])
            self._changes[name] += 1

    def lasts(self) -> float:
        return time.monotonic() - self._began

    def changes(self) -> int:
        return sum(self._changes.values())


@pytest.mark.parametrize("how, poll, of", [("notify", "1h", r" \(all of DC=corp,DC=test"), ("usn", "200ms", "")])
def test_a_busy_domain_costs_no_cycle(watched, how: str, poll: str, of: str):
    """Users change as fast as the DC can: all of it is heard or counted, none of it begins a cycle; an SCP does."""
    watched.start(how, poll=poll, says=rf"watching corp\.test by {how}{of}")
    before = watched.rests()
    with Noise(watched.samba) as noise:
        # Samba tells of what another of its processes wrote every 5 s: by then some of it was told.
        enough = 5.5 if how == "notify" else 1
        until(lambda: noise.changes() > 300 and noise.lasts() > enough, "many changes", DEADLINE)
        print(f"{noise.changes() / noise.lasts():.0f} changes a second")
        assert watched.cycles() == before, watched.log()
        watched.add()
        watched.is_followed("Port=1")


@contextlib.contextmanager
def notifications_a_connection(samba, limit: int):
    dn = f"{POLICY},{samba.nc}"
    limits = samba.read(dn, ["lDAPAdminLimits"])["lDAPAdminLimits"]
    kept = [one for one in limits if not one.startswith(b"MaxNotificationPerConn=")]
    samba.replace(dn, {"lDAPAdminLimits": [*kept, f"MaxNotificationPerConn={limit}".encode()]})
    try:
        yield
    finally:
        samba.replace(dn, {"lDAPAdminLimits": limits})


def test_one_notification_too_many(watched):
    """By the limit that a DC has for a connection, which Samba looks at when there may be something to tell."""
    refused = (r"cannot be told of changes below DC=corp,DC=test on \S+: LDAP 11 adminLimitExceeded: "
               r"00002024: MaxNotificationPerConn reached")
    with notifications_a_connection(watched.samba, 1):  # Samba takes one less
        watched.start("auto", says=rf"no longer watching corp\.test: {refused}; trying again", poll="200ms")
        watched.says(rf"watching corp\.test by usn \(no notifications: {refused}; deletes show at the next resync")
        watched.add()
        watched.is_followed("Port=1")


def test_the_dc_is_killed_while_it_is_watched(watched):
    """The loss is said at once; when the DC is back, so is the watch, and what happened meanwhile is read."""
    watched.add()
    watched.start("auto", says=r"watching corp\.test by notify")
    watched.is_followed("Port=1")
    watched.rests()
    seen = watched.log().count("watching corp.test by notify")
    watched.samba.kill("dc1")
    try:
        watched.says(r"no longer watching corp\.test: lost the connection to ldap://dc1\.corp\.test\S*: [^\n]+; trying")
    finally:
        watched.samba.start("dc1")
        watched.samba.forget_connections()
    watched.says(r"watching corp\.test by notify", seen + 1)
    watched.bindings("Port=2")
    watched.is_followed("Port=2")


def test_the_dc_falls_silent_while_it_is_watched(watched):
    """No packet says so: the sign of life that is due does not come. Within daemon.poll and timeouts.operation."""
    watched.add()
    watched.start("auto", says=r"watching corp\.test by notify", poll="1s")
    watched.is_followed("Port=1")
    watched.rests()
    watched.samba.cut("dc1")
    cut = time.monotonic()
    try:
        watched.says(r"no longer watching corp\.test: [^\n]*dc1\.corp\.test\S*: no answer in time \(2s\); trying")
        assert time.monotonic() - cut < 1 + 2 + 2
    finally:
        watched.samba.heal("dc1")


@pytest.fixture(scope="module")
def deleted_objects_shown(samba_lab):
    """To the service account, which else sees no deleted object. Once for the module: what needs it comes last."""
    binary = sid_of(samba_lab.admin, samba_lab.info["service"]["dn"])
    numbers = [int.from_bytes(binary[at:at + 4], "little") for at in range(8, len(binary), 4)]
    sid = "S-1-5-" + "-".join(map(str, numbers))

    def show(shown: bool) -> None:
        done = samba_lab.on_dc(SHOW_DELETED_OBJECTS.format(sid=sid, shown=shown))
        assert done.returncode == 0, done.stderr

    show(True)
    yield
    show(False)


@pytest.mark.parametrize("how, poll, by", [("auto", "1h", "notify"), ("usn", "200ms", "usn"), ("poll", "200ms", "poll")])
def test_all_that_happens_to_a_source_is_followed(watched, deleted_objects_shown, how: str, poll: str, by: str):
    """Added, changed, renamed, moved, deleted; by notification alone where poll is an hour."""
    watched.start(how, poll=poll, says=rf"watching corp\.test by {by}")
    watched.add()
    watched.is_followed("Port=1")
    watched.bindings("Port=2")
    watched.is_followed("Port=2")
    watched.move("renamed", watched.system)
    watched.is_followed("Port=2")
    if by != "notify":
        watched.moves_out_of_trust_and_back()
    else:
        watched.says(r"watching corp\.test by notify \(in CN=System,DC=corp,DC=test, in CN=Deleted Objects,DC=corp")
    watched.delete()
    watched.says(r"held: [^\n]*source-deleted")
    watched.is_followed("Port=2")  # mode upsert deletes nothing
