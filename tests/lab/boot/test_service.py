"""The package on a booted systemd, from its installation to its end: a story, each test goes on where the last one ended."""

from pathlib import Path

import pytest

from deb import contents, with_version
from host import SETTINGS, Host
from scplab import Lab
from scplab.forest import PRODUCT_PATH, BY_KEY

SOURCE = f"{PRODUCT_PATH},{BY_KEY['emea'].nc}"


@pytest.fixture(scope="module")
def before(host: Host) -> set[str]:
    """What is on the machine before scpd."""
    return contents(host.run)


def change_source(lab: Lab, value: str) -> None:
    lab.domain("emea").modify(SOURCE, {"serviceBindingInformation": [value]})


def follows(host: Host, value: str) -> None:
    change_source(host.lab, value)
    host.wait(lambda: value in host.lab.agent_search().bindings, f"the agent to find {value}")


def test_installed_it_is_not_started_before_there_are_settings(host: Host, package: Path, before):
    assert "systemctl start scpd" in host.install(package)
    assert host.run("systemctl", "is-enabled", "scpd") == "enabled\n"
    host.run("systemctl", "start", "scpd")
    assert host.show("ActiveState") == "inactive" and host.show("ConditionResult") == "no"
    told = host.try_run("systemctl", "status", "scpd").stdout
    assert f"ConditionPathExists={SETTINGS} was not met" in told, told
    assert "scpd.yaml(5)" in told


def test_bad_settings_start_nothing_and_say_where_they_are_bad(host: Host):
    host.write(SETTINGS, "instance: lab\nforest: []\n")
    assert host.try_run("systemctl", "start", "scpd").returncode != 0
    host.wait_journal(f"{SETTINGS}:2:1: forest: ")
    host.run("systemctl", "stop", "scpd")


def test_what_always_fails_is_left_alone_in_the_end(host: Host):
    host.run("systemctl", "reset-failed", "scpd")
    host.try_run("systemctl", "start", "scpd")
    host.wait(lambda: host.show("ActiveState") == "failed", "systemd to give up", 120)
    assert host.show("NRestarts") != "0"
    assert "Start request repeated too quickly" in host.journal()


def test_started_it_tells_how_things_are(host: Host):
    host.by_password()
    host.start()
    told = host.wait_status("1 rules", "4 domains", "1 in sync", "0 held")
    assert told in host.run("systemctl", "status", "scpd")
    assert host.lab.agent_search().found == 1


def test_the_password_comes_from_systemd_and_nobody_else_may_read_it(host: Host):
    pid = host.show("MainPID")
    environment = host.run("cat", f"/proc/{pid}/environ").split("\0")
    assert "CREDENTIALS_DIRECTORY=/run/credentials/scpd.service" in environment
    refused = host.try_run("runuser", "-u", "nobody", "--", "cat", "/run/credentials/scpd.service/scpd.password")
    assert refused.returncode != 0
    assert host.try_run("test", "-e", "/run/credentials/scpd.service/scpd.keytab").returncode != 0, "none was given"


def test_it_has_no_right_that_it_does_not_need(host: Host):
    pid = host.show("MainPID")
    status = dict(line.split(":\t", 1) for line in host.run("cat", f"/proc/{pid}/status").splitlines() if ":\t" in line)
    assert host.run("ps", "-o", "user=", "-p", pid).strip() == "scpd"
    assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"


def test_what_a_person_does_as_root_the_service_can_read(host: Host):
    for verb in (["pause", "mage", "--reason", "test"], ["resume", "mage"]):
        host.run("scpctl", *verb)
    change_source(host.lab, "written-by-root")
    host.wait(lambda: "written-by-root" in host.lab.agent_search().bindings, "the agent to find written-by-root")
    assert "cannot" not in host.wait_status("1 in sync")


def test_a_forest_that_breaks_and_mends_shows_in_the_status(host: Host):
    host.lab.stop("emea")
    host.wait_status("incomplete: emea.corp.test", seconds=60)
    assert host.show("ActiveState") == "active"
    host.lab.start("emea")
    host.wait_status("4 domains", without="incomplete", seconds=60)
    follows(host, "after-the-mending")


def test_new_settings_are_loaded(host: Host):
    pid = host.show("MainPID")
    host.write("/etc/scpd/scpd.d/10-test.yaml", "log: { level: debug }\n")
    host.run("systemctl", "reload", "scpd")
    host.wait_journal("new settings loaded")
    assert host.show("MainPID") == pid
    host.wait_status("1 in sync")


def test_bad_new_settings_are_refused_and_the_old_ones_stay(host: Host):
    pid = host.show("MainPID")
    host.write("/etc/scpd/scpd.d/10-test.yaml", "log: { level: loud }\n")
    assert host.try_run("systemctl", "reload", "scpd").returncode != 0
    host.wait_status("the old ones stay in force", "10-test.yaml:1:")
    host.wait_journal("/etc/scpd/scpd.d/10-test.yaml:1:")
    assert host.show("MainPID") == pid and host.show("ActiveState") == "active"
    follows(host, "with-the-old-settings")
    host.run("rm", "/etc/scpd/scpd.d/10-test.yaml")
    host.run("systemctl", "reload", "scpd")


def test_killed_it_comes_back(host: Host):
    pid = host.show("MainPID")
    host.run("kill", "-KILL", pid)
    host.wait_restarted(pid)
    follows(host, "after-the-kill")


def test_frozen_it_is_restarted_by_the_watchdog(host: Host):
    pid = host.show("MainPID")
    host.run("kill", "-STOP", pid)
    host.wait_restarted(pid, 90)
    assert "Watchdog timeout" in host.journal()
    follows(host, "after-the-watchdog")


def test_a_working_one_is_not_disturbed_by_the_watchdog(host: Host):
    """Longer than the watchdog's time, counted from its last restart."""
    pid = host.show("MainPID")
    limit = float(host.show("WatchdogUSec").removesuffix("s"))
    began = float(host.run("ps", "-o", "etimes=", "-p", pid))
    host.wait(
        lambda: float(host.run("ps", "-o", "etimes=", "-p", pid) or 0) > began + limit + 5, "the time to pass", limit + 30
    )
    assert host.show("MainPID") == pid


def test_the_journal_has_it_all(host: Host):
    told = host.journal("--identifier=scpd")
    for part in ("started with /etc/scpd/scpd.yaml", "done: ", "is incomplete", "is read to the end again"):
        assert part in told, part
    assert host.run("journalctl", "--unit=scpd", "--priority=warning", "--grep=is incomplete")


def test_an_upgrade_while_it_runs_takes_effect_at_once(host: Host, package: Path, tmp_path: Path):
    pid = host.show("MainPID")
    settings = host.run("cat", SETTINGS)
    host.install(with_version(package, "99", tmp_path))
    host.wait_restarted(pid)
    assert host.run("cat", SETTINGS) == settings
    follows(host, "after-the-upgrade")


def test_it_stops_when_told_to(host: Host):
    host.run("systemctl", "stop", "scpd", timeout=15)
    assert host.show("Result") == "success" and host.show("ActiveState") == "inactive"
    assert host.try_run("test", "-e", "/run/scpd").returncode != 0
    host.run("systemctl", "start", "scpd")


def test_removed_it_ends_and_leaves_settings_and_history(host: Host):
    host.run("dpkg", "--remove", "scpd")
    assert not host.try_run("pgrep", "--exact", "scpd").stdout
    host.run("test", "-e", SETTINGS)
    assert host.run("ls", "/var/lib/scpd/history")


def test_purged_it_leaves_nothing(host: Host, before):
    host.run("rm", "-r", "/etc/credstore")
    host.run("dpkg", "--purge", "scpd")
    host.run("systemctl", "daemon-reload")
    assert contents(host.run) == before
    assert host.try_run("systemctl", "cat", "scpd").returncode != 0
    assert not host.run("systemctl", "list-units", "--failed", "--no-legend", "scpd*")
