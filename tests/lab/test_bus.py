"""org.scpd1 on a bus: what it offers, who may, and scpctl's verbs over it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import xml.etree.ElementTree as ET

import pytest
from gi.repository import GLib

from scplab.bus import INTERFACE, PrivateBus, Signals, other_user, reader, some_group
from scplab.process import wait_until
from scplab.runner import Daemon, Done
from scplab.world import Marker, World, content

DEADLINE = 30  # seconds; what is waited for here takes milliseconds on an idle machine
HASH = "sha256:" + "0" * 64

as_root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be somebody else too")


@pytest.fixture(autouse=True)
def verbose(world: World) -> None:
    world.settings["log"] = {"level": "debug"}
    world.settings["daemon"] |= {"resync": "1h"}


@pytest.fixture
def bus():
    one = PrivateBus(some_group())
    one.start()
    yield one
    one.close()


class Host:
    """A host with a bus and a daemon on it."""

    def __init__(self, world: World, scpd, bus: PrivateBus):
        self.world, self.bus = world, bus
        self.environment = {"DBUS_SYSTEM_BUS_ADDRESS": bus.address}
        self.daemon: Daemon = scpd(world.lab, config=world.config(), environment=self.environment)
        self.daemon.wait_ready()
        self.daemon.wait(bus.has_scpd, "its name on the bus", DEADLINE)
        self.daemon.wait(lambda: self.status()["last_cycle"], "a cycle", DEADLINE)

    def scpctl(self, *arguments: str, prefix: list[str] | None = None) -> Done:
        """Without settings: the daemon has them. `prefix`: as somebody else."""
        scpctl = self.world.scpctl
        return Done(subprocess.run([*(prefix or []), *scpctl.command(*arguments)], capture_output=True,
                                   env=scpctl.environment(None) | self.environment, cwd="/", timeout=60,
                                   stdin=subprocess.DEVNULL))

    def status(self) -> dict:
        text, = self.bus.call("Status")
        return json.loads(text)

    def state(self) -> dict:
        """What the daemon keeps on disk."""
        file = self.daemon.log_file.parent / "state" / "state.json"
        return json.loads(file.read_text())

    def triggers(self) -> int:
        return self.daemon.log().count("cycle begins (asked)")


@pytest.fixture
def host(world: World, scpd, bus: PrivateBus) -> Host:
    return Host(world, scpd, bus)


def change(world: World, value: str) -> None:
    world.emea.modify(world.source_dn, {"serviceBindingInformation": [value]})


# ---- what is offered


def test_introspection_is_the_contract(host: Host):
    text, = host.bus.call("Introspect", interface="org.freedesktop.DBus.Introspectable")
    node = ET.fromstring(text).find(f"interface[@name='{INTERFACE}']")

    def arguments(of: ET.Element, direction: str | None) -> str:
        return "".join(one.get("type") for one in of.findall("arg") if one.get("direction") == direction)

    methods = {one.get("name"): (arguments(one, "in"), arguments(one, "out")) for one in node.findall("method")}
    assert methods == {"Status": ("", "s"), "Resync": ("s", ""), "Pause": ("ss", ""), "Resume": ("s", ""),
                       "Reload": ("", ""), "Approve": ("s", "")}
    properties = {one.get("name"): (one.get("type"), one.get("access")) for one in node.findall("property")}
    assert properties == dict.fromkeys(("Version", "State", "Instance", "LastCycle"), ("s", "read"))
    signals = {one.get("name"): arguments(one, None) for one in node.findall("signal")}
    assert signals == {"CycleDone": "s", "Event": "s"}


def test_status_and_properties(host: Host):
    host.daemon.wait(lambda: host.status()["rules"][0]["in_sync"] == 1, "a copy", DEADLINE)
    done = host.scpctl("status", "-o", "json")
    assert done.returncode == 0, done
    told = done.json
    assert list(told)[:6] == ["schema", "state", "version", "instance", "since", "last_cycle"]
    assert (told["schema"], told["state"], told["instance"]) == ("scpd.status/1", "ok", host.world.settings["instance"])
    assert set(told["last_cycle"]) == {"at", "took_ms", "trigger", "changes", "held", "failed"}
    assert told["rules"] == [{"name": "mage", "mode": "upsert", "sources": 1, "targets": 1, "in_sync": 1, "held": 0}]
    corp, = (one for one in told["domains"] if one["domain"] == "corp.test")
    assert (corp["state"], corp["error"]) == ("complete", None) and corp["last_seen"] and corp["server"]
    host.daemon.wait(lambda: {one["watch"] for one in host.status()["domains"]} == {"syncrepl"}, "watches", DEADLINE)

    assert host.bus.property("State") == "ok"
    assert host.bus.property("Version") == told["version"]
    assert host.bus.property("Instance") == told["instance"]
    assert json.loads(host.bus.property("LastCycle")) == host.status()["last_cycle"]

    text = host.scpctl("status").stdout
    assert text.startswith(f"ok scpd {told['version']}, instance {told['instance']}, since 20")
    assert "corp.test" in text and "mage" in text


def test_status_is_degraded_while_a_domain_is_down(host: Host):
    host.world.stop("apac")
    host.bus.call("Resync", "")
    host.daemon.wait(lambda: host.bus.property("State") == "degraded", "degraded", DEADLINE)
    done = host.scpctl("status", "-o", "json")
    assert done.returncode == 1
    apac, = (one for one in done.json["domains"] if one["domain"] == "apac.corp.test")
    assert apac["state"] == "incomplete" and apac["error"] and apac["last_seen"]
    assert any("apac.corp.test" in problem for problem in done.json["problems"])
    assert host.scpctl("status").returncode == 1
    host.world.start("apac")
    host.daemon.wait(lambda: host.bus.property("State") == "ok", "ok again", 70)
    assert host.scpctl("status").returncode == 0


def test_properties_and_cycles_are_told(host: Host):
    signals = Signals(host.bus)
    change(host.world, "Port=1")
    host.daemon.wait(lambda: any(json.loads(text)["changes"] == 1 for text, in signals.named("CycleDone")),
                     "CycleDone", DEADLINE)
    host.daemon.wait(lambda: any("LastCycle" in changed for _, changed, _ in signals.named("PropertiesChanged")),
                     "PropertiesChanged", DEADLINE)
    host.bus.call("Pause", "", "")
    host.daemon.wait(lambda: any(changed.get("State") == "paused"
                                 for _, changed, _ in signals.named("PropertiesChanged")), "paused", DEADLINE)


# ---- live


def watch(host: Host, *arguments: str) -> subprocess.Popen:
    scpctl = host.world.scpctl
    one = subprocess.Popen(scpctl.command("watch", *arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           env=scpctl.environment(None) | host.environment, text=True)
    assert "watching scpd, which is ok" in one.stderr.readline()
    return one


def test_watch_shows_a_cure_live(host: Host):
    host.daemon.wait(lambda: host.world.copy(), "the copy", DEADLINE)
    watching = watch(host, "-o", "json")
    try:
        host.world.corp.delete(host.world.copy_rdn)
        kinds = []
        while "create" not in kinds:
            event = json.loads(watching.stdout.readline())
            assert list(event) == ["schema", "at", "kind", "rule", "domain", "dn", "reason", "detail"]
            assert event["schema"] == "scpd.event/1"
            kinds.append(event["kind"])
        assert (event["rule"], event["domain"], event["reason"]) == ("mage", "corp.test", "missing")
        assert event["dn"].lower().startswith(f"cn={World.name}".lower())
        watching.send_signal(signal.SIGINT)
        assert watching.wait(DEADLINE) == 130
    finally:
        watching.kill()
        watching.communicate()


def test_watch_ends_after_a_count_and_shows_text(host: Host):
    watching = watch(host, "--count", "1")
    host.bus.call("Pause", "mage", "the database moves")
    out, _ = watching.communicate(timeout=DEADLINE)
    assert watching.returncode == 0
    assert len(out.splitlines()) == 1


def test_watch_outlives_the_daemon(host: Host, scpd):
    watching = watch(host)
    try:
        assert host.daemon.stop() == 0
        assert "scpd has ended" in watching.stderr.readline()
        second = scpd(host.world.lab, config=host.world.config(), environment=host.environment).wait_ready()
        assert "scpd is there again" in watching.stderr.readline()
        watching.send_signal(signal.SIGTERM)
        assert watching.wait(DEADLINE) == 130
        assert second.stop() == 0
    finally:
        watching.kill()
        watching.communicate()


# ---- acting


def test_resync(host: Host):
    assert host.scpctl("resync").returncode == 0
    host.daemon.wait(lambda: host.triggers() == 1, "a cycle", DEADLINE)
    assert host.scpctl("resync", "MAGE").returncode == 0
    host.daemon.wait(lambda: host.triggers() == 2, "a cycle", DEADLINE)
    done = host.scpctl("resync", "magee")
    assert done.returncode == 2 and "did you mean 'mage'?" in done.stderr


def test_pause_resume_and_approve_are_the_daemons(host: Host):
    done = host.scpctl("pause", "MAGE", "--reason", "db1 moves", "-o", "json")
    assert (done.returncode, done.json["changed"], done.json["file"]) == (0, True, None), done
    assert [(one["rule"], one["reason"]) for one in done.json["pauses"]] == [("mage", "db1 moves")]
    assert [one["rule"] for one in host.state()["pauses"]] == ["mage"]
    assert host.bus.property("State") == "paused"
    change(host.world, "Port=1")
    host.daemon.wait(lambda: any(one["held"] for one in host.status()["rules"]), "what is held", DEADLINE)
    status = host.scpctl("status")
    assert status.returncode == 0 and "paused: rule mage since" in status.stdout and "db1 moves" in status.stdout

    assert host.scpctl("resume", "mage").stdout == "the pause of rule mage is over now\n"
    host.daemon.wait(lambda: content(host.world.copy()) == content(host.world.source()), "the change", DEADLINE)
    again = host.scpctl("resume", "mage", "-o", "json")
    assert (again.returncode, again.json["changed"]) == (0, False)

    assert host.scpctl("approve", HASH.upper().replace("SHA", "sha")).returncode == 0
    assert [one["hash"] for one in host.state()["approvals"]] == [HASH]
    assert host.scpctl("pause", "nobody").returncode == 2
    assert not (host.world.scpctl.scratch / "state" / "scpd" / "state.json").exists()


@pytest.mark.parametrize("method, arguments", [
    ("Pause", ("nobody", "")), ("Pause", ("mage", "x" * 1001)), ("Pause", ("mage", "a\x1b[2Jb")), ("Resume", ("nobody",)),
    ("Resync", ("nobody",)), ("Approve", ("sha256:0",)), ("Resume", ("=",)),
])
def test_wrong_arguments_are_refused(host: Host, method: str, arguments: tuple[str, ...]):
    with pytest.raises(GLib.Error, match="org.scpd1.Error.usage"):
        host.bus.call(method, *arguments)


def test_reload(host: Host):
    world = host.world
    world.settings["instance"] = "renamed"
    path = world.config()
    assert host.scpctl("reload").returncode == 0
    assert host.bus.property("Instance") == "renamed"

    path.write_text(path.read_text() + "\nnonsense: 1\n")
    done = host.scpctl("reload", "-o", "json")
    assert done.returncode == 2 and done.json["error"]["kind"] == "settings"
    assert "nonsense" in done.json["error"]["message"] and "old ones stay" in done.json["error"]["message"]
    status = host.scpctl("status", "-o", "json")
    assert status.returncode == 1 and "old ones stay" in status.json["problems"][0]
    # It is said until it is mended, in systemd's status too, whatever cycles come.
    host.bus.call("Resync", "")
    host.daemon.wait_status("in sync.*old ones stay in force", DEADLINE)
    world.config()
    assert host.scpctl("reload").returncode == 0
    host.daemon.wait(lambda: host.bus.property("State") == "ok", "ok", DEADLINE)


def test_a_parked_copy_is_resumed(host: Host):
    world = host.world
    host.daemon.wait(lambda: world.copy(), "the copy", DEADLINE)
    host.bus.call("Pause", "", "")
    copy = world.copy()
    parked = str(Marker.of(copy).but(parked="2026-01-01T00:00:00Z"))
    world.corp.modify(world.copy_rdn, {"msDS-Settings": parked})
    assert "parked" in Marker.of(world.copy())
    done = host.scpctl("resume", str(copy.dn), "-o", "json")
    assert (done.returncode, done.json["schema"]) == (0, "scpd.write/1"), done
    assert "parked" not in Marker.of(world.copy())
    missing = host.scpctl("resume", "CN=nobody,CN=System,DC=corp,DC=test")
    assert missing.returncode == 1, missing


# ---- who may


@as_root_only
def test_polkit_decides_for_others(host: Host):
    nobody = other_user()
    done = host.scpctl("resync", prefix=nobody)
    assert done.returncode == 4 and "polkit does not run here" in done.stderr, done
    host.bus.polkit("no")
    done = host.scpctl("pause", prefix=nobody)
    assert done.returncode == 4 and "polkit says no" in done.stderr
    host.bus.polkit("challenge")
    assert "nobody to ask" in host.scpctl("pause", prefix=nobody).stderr
    assert host.triggers() == 0 and host.status()["pauses"] == []
    host.bus.polkit("yes")
    assert host.scpctl("resync", prefix=nobody).returncode == 0
    host.daemon.wait(lambda: host.triggers() == 1, "a cycle", DEADLINE)
    done = host.scpctl("pause", "mage", prefix=nobody)
    assert done.returncode == 0, done
    assert host.status()["pauses"][0]["who"] == "nobody"
    assert set(host.bus.asked()) == {"org.scpd1.manage system-bus-name named 0"}


@as_root_only
def test_root_needs_no_polkit(host: Host):
    host.bus.polkit("no")
    assert host.scpctl("resync").returncode == 0
    assert host.bus.asked() == []


@as_root_only
def test_who_may_read(host: Host):
    for verb in ("status", "watch"):
        done = host.scpctl(verb, prefix=other_user())
        assert done.returncode == 4 and "group scpd" in done.stderr, done
    assert host.scpctl("status", prefix=reader(some_group())).returncode == 0


@as_root_only
def test_a_polkit_that_never_answers_stops_nothing(host: Host):
    host.bus.polkit("silence")
    asking = subprocess.Popen([*other_user(), *host.world.scpctl.command("pause")], stderr=subprocess.PIPE,
                              env=host.world.scpctl.environment(None) | host.environment, cwd="/")
    wait_until(host.bus.asked, DEADLINE, "the question")
    change(host.world, "Port=2")
    host.daemon.wait(lambda: content(host.world.copy()) == content(host.world.source()), "a change", DEADLINE)
    assert host.daemon.stop() == 0
    assert asking.wait(DEADLINE) == 4
    asking.stderr.close()


# ---- without


def test_without_a_bus(world: World, scpd, bus: PrivateBus):
    """It runs all the same, and is there once a bus is, and again after the bus was restarted."""
    bus.stop()
    environment = {"DBUS_SYSTEM_BUS_ADDRESS": bus.address}
    daemon = scpd(world.lab, config=world.config(), environment=environment).wait_ready()
    daemon.wait_log("no D-Bus: ", DEADLINE)
    daemon.wait(lambda: world.copy(), "the copy", DEADLINE)
    done = world.run("status", environment=environment)
    assert done.returncode == 4 and "system bus" in done.stderr
    for _ in range(2):
        bus.start()
        daemon.wait(bus.has_scpd, "its name on the bus", 60)
        bus.stop()
    daemon.wait_log("connection to D-Bus is lost", DEADLINE)
    change(world, "Port=3")
    daemon.wait(lambda: content(world.copy()) == content(world.source()), "a change", DEADLINE)
    assert daemon.stop() == 0


def test_without_a_daemon(world: World, bus: PrivateBus):
    environment = {"DBUS_SYSTEM_BUS_ADDRESS": bus.address}
    for verb in ("status", "watch", "resync", "reload"):
        done = world.run(verb, "-o", "json", environment=environment)
        assert done.returncode == 4, done
        assert "does not run on this host" in done.json["error"]["message"]
        assert "systemctl start scpd" in done.json["error"]["hint"]
    assert world.run("pause", "mage", environment=environment).returncode == 0
    assert (world.scpctl.scratch / "state" / "scpd" / "state.json").exists()


def test_a_daemon_of_another_instance_is_left_alone(host: Host):
    host.world.settings["instance"] = "mine"
    done = host.world.run("pause", "mage", environment=host.environment)
    assert done.returncode == 0 and "is left alone" in done.stderr, done
    assert host.status()["pauses"] == []
    assert (host.world.scpctl.scratch / "state" / "scpd" / "state.json").exists()


def test_two_daemons_on_one_bus(host: Host, scpd):
    second = scpd(host.world.lab, config=host.world.config(), environment=host.environment).wait_ready()
    second.wait_log("not on D-Bus as org.scpd1: another process has that name", DEADLINE)
    assert host.daemon.stop() == 0
    second.wait(host.bus.has_scpd, "the name", DEADLINE)
    assert host.scpctl("resync").returncode == 0
    second.wait_log(r"cycle begins \(asked\)", DEADLINE)
