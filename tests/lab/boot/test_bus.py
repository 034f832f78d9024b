"""org.scpd1 on the bus of a booted machine: what it shows, and who may make it act."""

import json

import pytest

from host import Host

MANAGER = ["org.scpd1", "/org/scpd1", "org.scpd1.Manager"]
PAUSE = ["busctl", "call", *MANAGER, "Pause", "ss", "mage", "by a test"]


@pytest.fixture(scope="module", autouse=True)
def running(host: Host, package):
    host.install(package)
    host.by_password()
    host.start()
    host.wait_status("1 in sync")
    host.run("useradd", "deputy")
    host.run("useradd", "--groups", "scpd", "reader")


def as_user(host: Host, user: str, *command: str):
    return host.try_run("runuser", "-u", user, "--", *command)


def test_it_can_be_introspected(host: Host):
    told = host.run("busctl", "introspect", *MANAGER[:2])
    for name in ("Status", "Resync", "Pause", "Resume", "Reload", "Approve", "CycleDone", "Version", "State", "Instance"):
        assert f".{name} " in told, told


def test_root_reads_and_acts(host: Host):
    told = json.loads(host.run("scpctl", "status", "-o", "json"))
    assert told["schema"] == "scpd.status/1" and told["state"] == "ok" and len(told["domains"]) == 4
    for verb in (["resync"], ["reload"], ["pause", "mage"], ["resume", "mage"]):
        host.run("scpctl", *verb)


def test_group_scpd_reads(host: Host):
    assert as_user(host, "reader", "busctl", "get-property", *MANAGER, "Instance").stdout == 's "lab"\n'


def test_others_do_not_read(host: Host):
    assert as_user(host, "deputy", "busctl", "get-property", *MANAGER, "Instance").returncode != 0


def test_who_is_not_authorised_does_not_act(host: Host):
    assert as_user(host, "deputy", *PAUSE).returncode != 0
    assert as_user(host, "reader", *PAUSE).returncode != 0
    host.wait_status("1 in sync", without="paused")


def test_whom_polkit_authorises_acts(host: Host):
    rule = 'action.id == "org.scpd1.manage" && subject.user == "deputy"'
    host.write("/etc/polkit-1/rules.d/50-scpd.rules",
               f"polkit.addRule(function(action, subject) {{ if ({rule}) return polkit.Result.YES; }});\n")
    host.run("systemctl", "restart", "polkit")
    done = as_user(host, "deputy", *PAUSE)
    assert done.returncode == 0, done.stderr
    assert "by a test" in host.run("cat", "/var/lib/scpd/state.json")
    done = as_user(host, "deputy", "busctl", "call", *MANAGER, "Resume", "s", "mage")
    assert done.returncode == 0, done.stderr
    assert as_user(host, "reader", *PAUSE).returncode != 0
