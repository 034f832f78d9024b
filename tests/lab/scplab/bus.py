"""A system bus of a test's own, with scpd's policy on it, and a polkit that says what the test wants."""

from __future__ import annotations

import grp
import os
import pwd
import sys
import tempfile
from pathlib import Path

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

from .process import LabError, Process, wait_until  # noqa: E402
from .runner import SOURCE_ROOT  # noqa: E402

NAME, PATH, INTERFACE = "org.scpd1", "/org/scpd1", "org.scpd1.Manager"

# As Debian's /usr/share/dbus-1/system.conf has it: nobody may own a name or call a method unless a policy says so.
CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus"/>
    <allow own="org.freedesktop.PolicyKit1"/>
    <allow send_destination="org.freedesktop.PolicyKit1"/>
  </policy>
  <include>{policy}</include>
</busconfig>
"""


class PrivateBus:
    """dbus-daemon in a folder of its own that other users can reach. `group` stands for the group scpd."""

    def __init__(self, group: str):
        self._folder = tempfile.TemporaryDirectory(prefix="scp-bus-")
        self.folder = Path(self._folder.name)
        self.folder.chmod(0o755)
        self.address = f"unix:path={self.folder}/bus"
        policy = (SOURCE_ROOT / "packaging/dbus/org.scpd1.conf").read_text()
        me = pwd.getpwuid(os.geteuid()).pw_name
        (self.folder / "org.scpd1.conf").write_text(
            policy.replace('group="scpd"', f'group="{group}"').replace('user="scpd"', f'user="{me}"'))
        (self.folder / "bus.conf").write_text(
            CONFIG.format(socket=self.folder / "bus", policy=self.folder / "org.scpd1.conf"))
        self._process: Process | None = None
        self._polkit: Process | None = None
        self._connections: list[Gio.DBusConnection] = []

    def start(self) -> PrivateBus:
        socket = self.folder / "bus"
        self._process = Process.start(
            ["dbus-daemon", f"--config-file={self.folder}/bus.conf", "--nofork", "--nopidfile"],
            self.folder / "bus.log", {"PATH": "/usr/bin:/bin"}, die_with_parent=True)
        try:
            wait_until(socket.exists, 20, "the bus")
        except LabError as error:
            raise LabError(f"{error}\n{(self.folder / 'bus.log').read_text()}") from None
        return self

    def stop(self) -> None:
        for connection in self._connections:
            if not connection.is_closed():
                connection.close_sync(None)
        self._connections.clear()
        if self._process:
            self._process.end()
        (self.folder / "bus").unlink(missing_ok=True)

    def close(self) -> None:
        if self._polkit:
            self._polkit.end()
        self.stop()
        self._folder.cleanup()

    # ---- as a client

    def connect(self) -> Gio.DBusConnection:
        flags = (Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
                 | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION)
        connection = Gio.DBusConnection.new_for_address_sync(self.address, flags, None, None)
        connection.set_exit_on_close(False)
        self._connections.append(connection)
        return connection

    def call(self, method: str, *arguments: str, interface: str = INTERFACE, to: str = NAME,
             path: str = PATH):
        """What the method returns, as Python values."""
        signature = f"({'s' * len(arguments)})"
        reply = self.connect().call_sync(to, path, interface, method, GLib.Variant(signature, arguments),
                                         None, Gio.DBusCallFlags.NO_AUTO_START, 30000, None)
        return reply.unpack()

    def property(self, name: str):
        value, = self.call("Get", INTERFACE, name, interface="org.freedesktop.DBus.Properties")
        return value

    def has_scpd(self) -> bool:
        yes, = self.call("NameHasOwner", NAME, interface="org.freedesktop.DBus",
                         to="org.freedesktop.DBus", path="/org/freedesktop/DBus")
        return yes

    # ---- polkit

    def polkit(self, answer: str) -> None:
        """From now on: yes, no, challenge, or silence."""
        (self.folder / "answer").write_text(answer)
        if self._polkit is None:
            self._polkit = Process.start(
                [sys.executable, str(Path(__file__).with_name("fake_polkit.py")), self.address,
                 str(self.folder)],
                self.folder / "polkit.log", {"PATH": "/usr/bin:/bin"}, die_with_parent=True)
            try:
                wait_until((self.folder / "ready").exists, 20, "the false polkit")
            except LabError as error:
                raise LabError(f"{error}\n{(self.folder / 'polkit.log').read_text()}") from None

    def asked(self) -> list[str]:
        """The actions that polkit was asked for, each with whether a person might be asked."""
        log = self.folder / "asked"
        return log.read_text().splitlines() if log.exists() else []


class Signals:
    """Signals of scpd, as (name, arguments), from now on."""

    def __init__(self, bus: PrivateBus):
        self._context = GLib.MainContext.default()
        self.seen: list[tuple[str, tuple]] = []
        self._connection = bus.connect()
        self._connection.signal_subscribe(
            NAME, None, None, PATH, None, Gio.DBusSignalFlags.NONE,
            lambda _c, _s, _p, _i, name, value: self.seen.append((name, value.unpack())))
        # The subscription is in force once the bus answers what was asked after it.
        self._connection.call_sync("org.freedesktop.DBus", "/org/freedesktop/DBus",
                                   "org.freedesktop.DBus", "GetId", None, None,
                                   Gio.DBusCallFlags.NONE, 30000, None)

    def named(self, name: str) -> list[tuple]:
        while self._context.iteration(False):
            pass
        return [value for called, value in self.seen if called == name]


def other_user() -> list[str]:
    """A command prefix for somebody who is not root and in none of scpd's groups."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


def reader(group: str) -> list[str]:
    """For somebody who is not root, but in that group."""
    if os.geteuid() != 0:
        return []
    number = grp.getgrnam(group).gr_gid
    return ["setpriv", "--reuid=65534", f"--regid={number}", f"--groups={number}"]


def some_group() -> str:
    """One that stands for scpd's own: root has no part in it, an ordinary user has."""
    return "daemon" if os.geteuid() == 0 else grp.getgrgid(os.getegid()).gr_name
