"""Usage: fake_polkit.py ADDRESS FOLDER. Answers CheckAuthorization as FOLDER/answer says: yes, no, challenge; silence: never.
What it was asked goes to FOLDER/asked."""

import sys
from pathlib import Path

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

XML = """<node><interface name="org.freedesktop.PolicyKit1.Authority"><method name="CheckAuthorization">
<arg type="(sa{sv})" direction="in"/><arg type="s" direction="in"/><arg type="a{ss}" direction="in"/>
<arg type="u" direction="in"/><arg type="s" direction="in"/><arg type="(bba{ss})" direction="out"/>
</method></interface></node>"""


def main(address: str, folder: Path) -> None:
    flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
    connection = Gio.DBusConnection.new_for_address_sync(address, flags, None, None)

    def on_call(_connection, _sender, _path, _interface, _method, parameters, invocation):
        (kind, details), action, _more, may_ask, _cancel = parameters.unpack()
        with open(folder / "asked", "a") as log:
            log.write(f"{action} {kind} {'named' if details.get('name', '').startswith(':') else '?'} {may_ask}\n")
        answer = (folder / "answer").read_text()
        if answer != "silence":
            invocation.return_value(GLib.Variant("((bba{ss}))", ((answer == "yes", answer == "challenge", {}),)))

    interface = Gio.DBusNodeInfo.new_for_xml(XML).interfaces[0]
    connection.register_object("/org/freedesktop/PolicyKit1/Authority", interface, on_call, None, None)
    connection.call_sync("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "RequestName",
                         GLib.Variant("(su)", ("org.freedesktop.PolicyKit1", 0)), None, Gio.DBusCallFlags.NONE, 30000, None)
    (folder / "ready").touch()
    loop = GLib.MainLoop()
    connection.connect("closed", lambda *_: loop.quit())
    loop.run()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
